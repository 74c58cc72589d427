# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors on their way between processes (SCM_RIGHTS), and the collector of those that nobody can receive.

A Unix socket may be sent through itself, or two through each other: once all descriptors of such sockets are closed,
only the messages inside keep them. collect() finds these as Linux's unix_gc does: a socket whose every reference is a
message in the queue of another such socket is garbage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentry.vfs.file import OpenFile

in_flight: set[Rights] = set()
"""All that is queued anywhere."""


class _State:
    """count: descriptors in flight, by description in counts. dropping: those whose turn comes when the drop that runs
    now is done, None if none runs: a socket in a socket in a socket … must not become as deep a recursion."""

    __slots__ = ("count", "counts", "dropping")

    def __init__(self) -> None:
        self.count = 0
        self.counts: dict[OpenFile, int] = {}
        self.dropping: list[OpenFile] | None = None


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
    """Drops the messages that no process can ever receive."""
    if not in_flight or _state.dropping is not None:
        return
    counts = _state.counts
    # Those whose references are all messages. They live on if a message in a queue outside of them holds them.
    suspects = {file for file, count in counts.items() if file.references == count and hasattr(file, "queued_rights")}
    if not suspects:
        return
    while True:
        inside: dict[OpenFile, int] = {}
        for suspect in suspects:
            for rights in suspect.queued_rights():
                for file in rights.files:
                    inside[file] = inside.get(file, 0) + 1
        kept = {suspect for suspect in suspects if inside.get(suspect, 0) == counts[suspect]}
        if len(kept) == len(suspects):
            break
        suspects = kept
    garbage = [rights for suspect in suspects for rights in suspect.queued_rights()]
    for rights in garbage:
        rights.drop()
