# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Making the processes of a sandbox: the gofer and the sentry, as children of the monitor (this process).

Forked without an exec, so that the interpreter's pages are shared by all of them; and forked before anything is
imported that only the sentry or only the gofer needs, which they then do at the same time. Order matters:

1. the gofer is forked before the monitor asks for a new pid namespace, of which the sentry is then pid 1: with the
   sentry everything below it dies;
2. each child first asks to be killed with its parent, then makes sure that the parent had not died before that;
3. each closes every descriptor that it has no use for before it runs anything else. Descriptor 2 of both is a pipe to
   the monitor, which quotes the last line when they end without a word.
"""

from __future__ import annotations

import _socket
import gc
import os
import select
import sys

from runsc.exports import Export
from runsc.sandbox.linux import (
    CLONE_NEWPID,
    CLONE_NEWUSER,
    close_all_but,
    die_with_parent,
    reset_signals,
    set_dumpable,
    unshare,
)
from sentry.control.config import SandboxConfig
from sentry.control.errors import ControlError, os_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gofer.channel import Channel
    from runsc.id_mapping import IdMapping

CRASHED = 70
"""Exit status of a child that ended with a Python exception."""
_SIGKILL = 9


class Processes:
    """A running sandbox as the monitor holds it. The *_errors are the read ends of the children's stderr."""

    __slots__ = ("sentry", "gofer", "control", "sentry_errors", "gofer_errors", "sentry_pidfd", "gofer_pidfd")

    control: Channel

    def __init__(self) -> None:
        self.sentry = self.gofer = 0
        self.sentry_errors = self.gofer_errors = -1
        self.sentry_pidfd = self.gofer_pidfd = -1


def boot_sentry(config: SandboxConfig, gofer_fd: int, control_fd: int, stdio_fds: list[int]) -> None:
    """The sentry's life. Tests put their own here."""
    from sentry.boot import main

    gc.enable()  # as the sentry tunes it
    main(config, gofer_fd, control_fd, stdio_fds)


def serve_gofer(exports: list[Export], gofer_fd: int) -> None:
    """The gofer's life. Tests put their own here."""
    from gofer import jail
    from gofer.process import run
    from sentry.core.native import syscall

    gc.freeze()
    gc.enable()
    served = [jail.Export(export.source, export.readonly, export.recursive) for export in exports]
    run(gofer_fd, served, syscall, log=2)


def spawn(
    config: SandboxConfig,
    exports: list[Export],
    stdio: list[int],
    uid_mappings: list[IdMapping],
    gid_mappings: list[IdMapping],
) -> Processes:
    """Starts gofer and sentry. stdio: descriptors that become the guest's 0, 1, 2, ...; the caller keeps its own.

    stdio must not hold 0, 1 or 2 themselves. The mappings are those of the gofer's own user namespace, [] for none.
    Raises: ControlError.
    """
    # The collector must not write into the pages that the children share, nor run while they import.
    gc.disable()
    from gofer.channel import Channel  # what all three need is imported once, before the forks

    gc.freeze()
    control, control_end = _pair()
    gofer_end, sentry_end = _pair()
    processes = Processes()
    log = [config.debug_log] if config.debug_log >= 0 else []
    try:
        processes.gofer, processes.gofer_errors = _start_gofer(
            lambda: serve_gofer(exports, gofer_end), [gofer_end, *log], uid_mappings, gid_mappings
        )
        processes.gofer_pidfd = os.pidfd_open(processes.gofer)
        try:
            unshare(CLONE_NEWPID)
        except OSError as error:
            raise ControlError(f"no pid namespace can be made: {os_words(error)}") from None

        def sentry() -> None:
            _drop_groups()
            boot_sentry(config, sentry_end, control_end, stdio)

        kept = [sentry_end, control_end, *stdio, *log]
        processes.sentry, processes.sentry_errors = _fork(sentry, kept, control_end)
        processes.sentry_pidfd = os.pidfd_open(processes.sentry)
        processes.control = Channel.from_descriptor(control)
    except OSError as error:
        end(processes)
        raise ControlError(f"the sandbox's processes cannot be started: {os_words(error)}") from None
    except BaseException:
        end(processes)
        raise
    finally:
        for fd in (control_end, gofer_end, sentry_end):
            os.close(fd)
        gc.enable()
    return processes


def _pair() -> tuple[int, int]:
    """Two connected sockets, close-on-exec. By the bare module: socket costs 2 ms."""
    one, other = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    return one.detach(), other.detach()


def end(processes: Processes) -> None:
    """Kills and reaps what is left of both."""
    pids = [pid for pid in (processes.sentry, processes.gofer) if pid > 0]
    for pid in pids:
        try:
            os.kill(pid, _SIGKILL)  # not yet reaped: the number is still ours
        except ProcessLookupError:
            pass
    for pid in pids:
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass
    processes.sentry = processes.gofer = 0


def _start_gofer(
    body: Callable[[], None], kept: list[int], uids: list[IdMapping], gids: list[IdMapping]
) -> tuple[int, int]:
    """Forks the gofer, in a user namespace of its own if there are mappings, so that it has the bundle's ids."""
    if not uids and not gids:
        return _fork(body, kept, -1)
    from runsc.id_mapping import IdMapping
    from runsc.sandbox.userns import write_maps

    asked, ask = os.pipe()
    answered, answer = os.pipe()

    def mapped() -> None:
        __import__("gofer.process")  # the new ids may not be allowed to read our own files
        unshare(CLONE_NEWUSER)
        os.write(ask, b"x")
        if os.read(answered, 1) != b"x":
            raise OSError("the monitor could not map the ids of the bundle")
        os.setresgid(0, 0, 0)
        os.setgroups([])
        os.setresuid(0, 0, 0)
        set_dumpable(True)
        die_with_parent()  # forgotten with the ids
        body()

    try:
        pid, errors = _fork(mapped, [*kept, ask, answered], -1)
        os.close(ask)
        ask = -1
        try:
            if os.read(asked, 1) == b"x":
                write_maps(pid, uids or [IdMapping(0, 0, 1)], gids or [IdMapping(0, 0, 1)], allow_setgroups=True)
                os.write(answer, b"x")
        except OSError as error:
            raise ControlError(f"config.json: linux.uidMappings: cannot be mapped: {os_words(error)}") from None
    finally:
        for fd in (asked, ask, answered, answer):
            if fd >= 0:
                os.close(fd)
    return pid, errors


def _drop_groups() -> None:
    try:
        os.setgroups([])
    except PermissionError:  # in a user namespace of our own they cannot be dropped; no file is reachable anyway
        pass


def _fork(body: Callable[[], None], kept: list[int], alive_fd: int) -> tuple[int, int]:
    """Runs body in a child: (pid, read end of its stderr). alive_fd: a socket whose other end the parent holds, to
    see whether it lives where getppid(2) cannot tell (-1: it can)."""
    errors, child_errors = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(child_errors)
        os.set_blocking(errors, False)
        return pid, errors
    status = CRASHED
    try:
        die_with_parent()
        _become_plain(kept, child_errors)
        if alive_fd < 0 and os.getppid() != parent:
            os._exit(CRASHED)
        if alive_fd >= 0:
            poller = select.poll()
            poller.register(alive_fd, 0)
            if poller.poll(0):
                os._exit(CRASHED)
        body()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else CRASHED
    except BaseException as error:
        # The interpreter's own printer: in a jail nothing can be imported any more.
        sys.__excepthook__(type(error), error, error.__traceback__)
        raise
    finally:
        # Never back into the monitor's code, whose stack this still is.
        os._exit(status)


def _become_plain(kept: list[int], errors: int) -> None:
    """Signals as a fresh process has them, a session of its own (the terminal's signals go to the monitor alone), and
    no descriptor but the kept ones and 0, 1, 2."""
    os.setsid()
    reset_signals()
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    os.dup2(errors, 2)
    os.dup2(null, 0)
    os.dup2(null, 1)
    close_all_but([0, 1, 2, *kept])
