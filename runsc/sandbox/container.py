# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Containers with an id: `pysc create` and `pysc run`.

In the foreground the pysc process itself becomes the monitor: one process less to start and to keep. A detached
container, and one with a terminal, get a monitor in a session of its own; pysc waits for its one message: that the
container is created (or runs), or why it could not be.
"""

from __future__ import annotations

import json
import os
import signal
import time

from gofer.channel import Channel
from gofer.protocol import ProtocolError
from runsc import log
from runsc.sandbox import descriptors
from runsc.sandbox.control_socket import Server
from runsc.sandbox.launch import Launch, begin
from runsc.sandbox.monitor import SANDBOX_FAILED, Monitor, exit_code
from runsc.settings import Settings
from runsc.signals import FORWARDED
from runsc.state import CREATED, RUNNING, STOPPED, Folder, State, start_time
from sentry.control.errors import ControlError, os_words

_BEFORE_CREATED = ("prestart", "createRuntime", "createContainer")


class Container:
    """A container in the process that is its monitor."""

    __slots__ = ("_launch", "_folder", "_state", "_hooks", "_monitor", "_server")

    def __init__(self, launch: Launch, folder: Folder) -> None:
        bundle = launch.bundle
        assert bundle is not None
        self._launch = launch
        self._folder = folder
        self._monitor: Monitor | None = None
        self._server: Server | None = None
        self._state = State(launch.config.id, bundle.path, bundle.rootfs)
        self._state.oci_version = bundle.oci_version
        self._state.annotations = launch.config.annotations
        self._state.created = _now()
        self._state.hooks = bundle.hooks.get("poststop", [])
        self._hooks = None
        if bundle.hooks:
            from runsc.sandbox import hooks

            hooks.check(bundle.hooks)
            self._hooks = hooks.Runner(bundle.hooks, [folder.fd])

    def create(self, pid_file: str, *, detached: bool) -> Monitor:
        """Everything up to the status "created". Raises: ControlError, with no process left behind."""
        state, folder = self._state, self._folder
        state.pid = os.getpid()
        state.start_time = start_time(state.pid)
        folder.save(state)
        monitor = begin(self._launch, detached=detached)
        try:
            self._run_hooks(*_BEFORE_CREATED)
            self._server = Server(folder, monitor, self._started)
            state.rootless = self._launch.config.rootless
            state.status = CREATED
            folder.save(state)
            if pid_file:
                write_pid_file(pid_file, state.pid)
        except BaseException:
            monitor.destroy()
            raise
        self._monitor = monitor
        return monitor

    def start(self) -> None:
        """Lets the program run, as the verb start does."""
        assert self._monitor is not None
        self._monitor.start()
        self._started()

    def serve(self) -> int:
        """Serves the other verbs until the program has ended; its exit code. Raises: ControlError."""
        assert self._monitor is not None
        assert self._server is not None
        self._monitor.run()
        self._server.close()
        if self._monitor.failure:
            raise ControlError(self._monitor.failure, self._monitor.failure_code)
        return self._monitor.exit_code

    def poststop(self) -> None:
        """Runs the hooks of the end, for a container that this process also removes."""
        self._state.status = STOPPED
        self._warn_about_hooks("poststop")

    def _started(self) -> None:
        self._state.status = RUNNING
        try:
            self._folder.save(self._state)
        except ControlError as error:
            log.warn(self._launch.settings, error.message)
        self._warn_about_hooks("poststart")

    def _warn_about_hooks(self, name: str) -> None:
        try:
            self._run_hooks(name)
        except ControlError as error:
            log.warn(self._launch.settings, error.message)

    def _run_hooks(self, *names: str) -> None:
        bundle = self._launch.bundle
        if self._hooks is not None and bundle is not None and any(bundle.hooks.get(name) for name in names):
            self._hooks.run(names, json.dumps(self._state.as_json()).encode())


def run_foreground(launch: Launch, folder: Folder, pid_file: str) -> int:
    """Runs a container as this process and removes it afterwards; the program's exit code. Raises: ControlError."""
    try:
        container = Container(launch, folder)
        container.create(pid_file, detached=False)
        descriptors.let_go_of_standard(also_errors=False)
        folder.unlock()
        container.start()
        try:
            return container.serve()
        finally:
            container.poststop()
    finally:
        folder.remove()


def start_monitor(
    launch: Launch, folder: Folder, pid_file: str, console: str, *, run: bool, relay: bool = False
) -> tuple[int, list[int]]:
    """Forks a monitor for a container: (its pid, [the terminal's master] with relay).

    console: --console-socket. run: let the program run at once. Returns when the container is created (or started).
    Raises: ControlError with the folder removed.
    """
    ours, theirs = Channel.pair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _be_monitor(launch, folder, pid_file, console, theirs, run=run, relay=relay)
    theirs.close()
    try:
        message, received = ours.receive()
        if not isinstance(message, dict):
            raise ProtocolError("not a map")
    except ProtocolError:
        status = os.waitpid(pid, 0)[1]
        folder.remove()
        raise ControlError(
            f"the monitor ended before the container was ready (wait status {status})", SANDBOX_FAILED
        ) from None
    finally:
        ours.close()
    if "error" in message:
        os.waitpid(pid, 0)
        folder.remove()
        raise ControlError(str(message["error"]), int(message["code"]))
    return pid, received


def _be_monitor(
    launch: Launch, folder: Folder, pid_file: str, console: str, ready: Channel, *, run: bool, relay: bool
) -> None:
    """The child's whole life; it never returns."""
    code = SANDBOX_FAILED
    try:
        os.setsid()
        masters: list[int] = []
        if launch.config.process.terminal:
            from runsc.sandbox.console import open_terminal, send_master

            assert launch.bundle is not None
            master, launch.stdio = open_terminal(launch.bundle.console_size)
            masters.append(master)
            if console:
                send_master(master, console)
        try:
            container = Container(launch, folder)
            monitor = container.create(pid_file, detached=True)
            if run:
                container.start()
        except ControlError as error:
            ready.send({"error": error.message, "code": error.code})
            return
        try:
            ready.send({"ok": True}, masters if relay else [])
        except ProtocolError:  # the pysc that has started us is gone, and with it whoever wanted the container
            monitor.destroy()
            folder.remove()
            return
        ready.close()
        for master in masters:
            os.close(master)
        descriptors.let_go_of_standard(also_errors=True)
        folder.unlock()
        os.chdir("/")
        code = container.serve()
    except ControlError as error:
        log.report(launch.settings, error.message)
        code = error.code
    finally:
        os._exit(code)


def run_with_terminal(launch: Launch, folder: Folder, pid_file: str, console: str) -> int:
    """Runs a container that has a terminal in the foreground: our own terminal is its, unless console
    (--console-socket) gets the master. Raises: ControlError."""
    from runsc.sandbox.console import Relay
    from runsc.sandbox.linux import block_signals, read_signal, signalfd

    pid, masters = start_monitor(launch, folder, pid_file, console, run=True, relay=not console)
    block_signals(FORWARDED)
    signals = signalfd(FORWARDED)
    with Relay(masters[0] if masters else -1) as relay:

        def forward() -> None:
            while (got := read_signal(signals)) is not None:
                if got[0] == signal.SIGWINCH:
                    relay.resize()
                else:
                    os.kill(pid, got[0])

        relay.copy(os.pidfd_open(pid), signals, forward)
    code = exit_code(os.waitpid(pid, 0)[1])
    remove(folder, launch.settings)
    return code


def remove(folder: Folder, settings: Settings) -> None:
    """Removes a stopped container's folder, then runs its poststop hooks; what goes wrong in them is only a warning."""
    state = folder.load()
    folder.remove()
    if not state.hooks:
        return
    from runsc.sandbox import hooks

    text = json.dumps(state.as_json()).encode()
    for hook in state.hooks:
        try:
            hooks.run(hook, text)
        except ControlError as error:
            log.warn(settings, error.message)


def write_pid_file(path: str, pid: int) -> None:
    """Writes the pid, so that a reader never sees half of it. Raises: ControlError."""
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, str(pid).encode())
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except OSError as error:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise ControlError(f"--pid-file {path}: {os_words(error)}") from None


def _now() -> str:
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanoseconds:09d}Z"
