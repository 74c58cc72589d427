# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors on their way between processes (SCM_RIGHTS), and the collector of those that nobody can receive.

A Unix socket may be sent through itself, or two through each other: once all descriptors of such sockets are closed,
only the messages inside keep them. collect() finds these as Linux's unix_gc does: a socket is garbage if all its
references are messages, and none of these can be reached from a socket that has another reference.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentry.vfs.file import OpenFile

in_flight: set[Rights] = set()
"""All that is queued anywhere."""


class _State:
    """count: descriptors in flight, by description in counts. dropping: those whose turn comes when the drop that runs
    now is done, None if none runs: a socket in a socket in a socket … must not become as deep a recursion. skipped:
    how often collect() did nothing."""

    __slots__ = ("count", "counts", "dropping", "skipped")

    def __init__(self) -> None:
        self.count = 0
        self.counts: dict[OpenFile, int] = {}
        self.dropping: list[OpenFile] | None = None
        self.skipped = 0


_state = _State()


class Rights:
    """Descriptions in a message, each with a reference of its own."""

    __slots__ = ("files",)

    def __init__(self, files: Iterable[OpenFile]) -> None:
        self.files = [file.acquire() for file in files]
        _state.count += len(self.files)
        counts = _state.counts
        for file in self.files:
            counts[file] = counts.get(file, 0) + 1
        in_flight.add(self)

    def copy(self) -> Rights:
        """The same descriptions for somebody who only looks (MSG_PEEK)."""
        return Rights(self.files)

    def take(self) -> list[OpenFile]:
        """The descriptions; their references are the caller's now."""
        files, self.files = self.files, []
        _state.count -= len(files)
        counts = _state.counts
        for file in files:
            counts[file] -= 1
            if not counts[file]:
                del counts[file]
        in_flight.discard(self)
        return files

    def drop(self) -> None:
        """Nobody received them."""
        files = self.take()
        if _state.dropping is not None:
            _state.dropping += files
            return
        _state.dropping = files
        try:
            while files:
                files.pop().drop()
        finally:
            _state.dropping = None


def count_in_flight() -> int:
    """How many descriptors are under way."""
    return _state.count


def only_in_flight(file: OpenFile) -> bool:
    """Is every reference to the description a message?"""
    return _state.counts.get(file) == file.references


def collect() -> None:
    """Drops the messages that no process can ever receive. Linear in what is in flight, and with much in flight not
    done every time, so that a program cannot keep the sentry busy with it."""
    if not in_flight or _state.dropping is not None:
        return
    _state.skipped += 1
    if _state.skipped < _state.count // 64:
        return
    _state.skipped = 0
    # Those whose references are all messages. They live on if a message in a queue outside of them leads to them.
    queues = {
        file: file.queued_rights()
        for file, count in _state.counts.items()
        if file.references == count and hasattr(file, "queued_rights")
    }
    if not queues:
        return
    inside = {rights for queue in queues.values() for rights in queue}
    reached = [file for rights in in_flight if rights not in inside for file in rights.files]
    while reached:
        for rights in queues.pop(reached.pop(), ()):
            reached += rights.files
    for queue in queues.values():
        for rights in queue:
            rights.drop()
