# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Hooks of config.json: programs of the host that are told of a container's life. Source: config.md, "POSIX-platform
Hooks".

They belong into the runtime's namespaces. The monitor may have left these (its children are born into the sentry's pid
namespace), so a helper is forked before that and runs them. createContainer runs there too: the program has no
namespaces of the host that a hook could be put into. startContainer would have to run inside and is refused.
"""

from __future__ import annotations

import os
import select
import time

from gofer.channel import Channel
from gofer.protocol import ProtocolError
from runsc.spec import Hook
from sentry.control.errors import ControlError, os_words


def check(hooks: dict[str, list[Hook]]) -> None:
    """Raises: ControlError for the kind that cannot be run yet."""
    if hooks.get("startContainer"):
        raise ControlError("config.json: hooks.startContainer: hooks inside of the container are not there yet")


def run(hook: Hook, state: bytes) -> None:
    """Runs one hook, the container's state on its stdin. Raises: ControlError if it fails or takes too long."""
    if not os.access(hook.path, os.X_OK):
        words = "permission denied" if os.path.exists(hook.path) else "no such file or directory"
        raise ControlError(f"hook {hook.path}: {words}")
    source, sink = os.pipe()
    try:
        pid = os.posix_spawn(
            hook.path,
            hook.arguments,
            dict(entry.partition("=")[::2] for entry in hook.environment),
            file_actions=[(os.POSIX_SPAWN_DUP2, source, 0)],
            setsigmask=(),
        )
    except OSError as error:
        os.close(sink)
        raise ControlError(f"hook {hook.path}: {os_words(error)}") from None
    finally:
        os.close(source)
    try:
        os.set_blocking(sink, True)
        os.write(sink, state)  # less than a pipe holds, or the hook reads it
    except OSError:
        pass
    finally:
        os.close(sink)
    status = _wait(pid, hook.timeout)
    if status is None:
        raise ControlError(f"hook {hook.path}: killed after its timeout of {hook.timeout} seconds")
    if status != 0:
        code = os.waitstatus_to_exitcode(status)
        how = f"exit status {code}" if code >= 0 else f"killed by signal {-code}"
        raise ControlError(f"hook {hook.path}: {how}")


def _wait(pid: int, timeout: int) -> int | None:
    pidfd = os.pidfd_open(pid)
    try:
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        deadline = time.monotonic() + timeout
        while timeout and not poller.poll(max(0, min(int((deadline - time.monotonic()) * 1000) + 1, 1 << 30))):
            if time.monotonic() >= deadline:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
                return None
        return os.waitpid(pid, 0)[1]
    finally:
        os.close(pidfd)


class Runner:
    """A child in the runtime's namespaces that runs hooks on demand; it ends with its channel."""

    __slots__ = ("_channel",)

    def __init__(self, hooks: dict[str, list[Hook]], closed_in_child: list[int]) -> None:
        ours, theirs = Channel.pair()
        if os.fork() == 0:
            try:
                ours.close()
                for fd in closed_in_child:
                    os.close(fd)
                _serve(theirs, hooks)
            finally:
                os._exit(0)
        theirs.close()
        self._channel = ours

    def run(self, names: tuple[str, ...], state: bytes) -> None:
        """Runs all hooks of these kinds in order. Raises: ControlError at the first one that fails."""
        try:
            self._channel.send([list(names), state])
            answer, _ = self._channel.receive()
        except ProtocolError:
            raise ControlError("the process that runs hooks is gone") from None
        if answer:
            raise ControlError(str(answer))

    def close(self) -> None:
        self._channel.close()


def _serve(channel: Channel, hooks: dict[str, list[Hook]]) -> None:
    while True:
        try:
            message, _ = channel.receive()
        except ProtocolError:
            return
        assert isinstance(message, list)
        names, state = message
        answer = ""
        try:
            for name in names:
                for hook in hooks.get(name, ()):
                    run(hook, state)
        except ControlError as error:
            answer = error.message
        channel.send(answer)
