# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A gofer in a process of its own, without the jail: its exports are plain directories or files of the test."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gofer.channel import Channel
from gofer.protocol import check_reply
from gofer.server import ServedExport, Server
from sentry.core import native


def served(path: Path, readonly: bool = False) -> ServedExport:
    """An export as the jail would give it to the server."""
    if path.is_dir():
        return ServedExport(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), readonly)
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return ServedExport(directory, readonly, os.fsencode(path.name))


@contextmanager
def running(exports: Sequence[tuple[Path, bool]]) -> Iterator[Channel]:
    """The sentry's end of a channel to a gofer that serves (path, readonly) exports."""
    ours, theirs = Channel.pair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            os.umask(0)
            Server([served(path, readonly) for path, readonly in exports], native.syscall).serve(theirs)
        finally:
            os._exit(0)
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        os.waitpid(pid, 0)


def ask(channel: Channel, *request: Any) -> tuple[int, Any, list[int]]:
    """(errno, result, descriptors) of one request."""
    channel.send(list(request))
    reply, descriptors = channel.receive()
    number, result = check_reply(request[0], reply)
    return number, result, descriptors
