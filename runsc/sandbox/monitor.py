# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The monitor: the parent of a sandbox's gofer and sentry, and the process whose exit code is the container's.

Owns: the life of the two (either one's death is the end of the other), the control channel to the sentry, the
forwarding of its own signals, and the socket that the other verbs talk to. It never looks into what the program does.
One loop over poll(2); nothing here blocks for long but the writing of state.json.

Everything the sentry says is data: sentry.control.messages.parse_event() checks it, and a sentry that breaks the
protocol is killed.
"""

from __future__ import annotations

import errno
import os
import select
import time

from gofer.protocol import ProtocolError
from runsc.sandbox import spawn
from runsc.sandbox.linux import SI_KERNEL, read_signal, signalfd
from runsc.sandbox.userns import map_sentry
from runsc.signals import FORWARDED
from sentry.abi import signals as signal
from sentry.control.config import SandboxConfig
from sentry.control.errors import ControlError, os_words
from sentry.control.messages import GOFER_GONE, BadMessage, parse_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

SANDBOX_FAILED = 125
"""Exit code when the sandbox itself ended, not the program in it."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit codes when there is no first program, as shells have them (pysc do)."""

PATIENCE = 3.0
"""Seconds that a sentry gets to do what only it can do, before it is killed."""
_NOT_RUNNING: dict[str, object] = {"error": "container not running", "errno": errno.ESRCH}
_TAIL = 8192
"""Bytes of a child's stderr that are remembered."""

Reply: TypeAlias = "Callable[[dict[str, object]], None]"


def _ignore(_reply: dict[str, object]) -> None:
    """For requests whose answer nobody waits for."""


def _suspend(reply: dict[str, object]) -> None:
    """Ctrl-Z: where the sentry has stopped the whole sandbox, the shell that has started us wants to see us stop."""
    if reply.get("ok") == "suspended":
        os.kill(os.getpid(), signal.SIGSTOP)


class Monitor:
    """One sandbox, from its processes on. Call start(), then run(); or prepare() first where others need to know.

    exit_code is set when run() returns; failure is the one line to report, "" if the program ended by itself.
    """

    __slots__ = (
        "config", "processes", "exit_code", "failure", "failure_code", "created", "started", "on_exit", "sentry_id",
        "_handlers", "_poll", "_signals", "_waiting", "_next_request", "_tails", "_init_status", "_deadline", "_done",
        "_old_mask",
    )  # fmt: skip

    def __init__(self, config: SandboxConfig, processes: spawn.Processes, sentry_id: int) -> None:
        self.config = config
        self.processes = processes
        self.sentry_id = sentry_id  # the host id that the sentry's 0 is mapped to
        self.exit_code = SANDBOX_FAILED
        self.failure = ""
        self.failure_code = 1
        self.created = False
        self.started = False
        self._init_status: int | None = None
        self._deadline = 0.0  # time.monotonic() at which a sentry that was told to die is killed
        self._done = False
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._waiting: dict[int, tuple[Reply, float]] = {}
        self._next_request = 1
        self._tails: dict[int, bytes] = {}
        self._signals = signalfd(FORWARDED)
        self.watch(self._signals, self._on_signal)
        self.watch(processes.control.fileno(), self._on_control)
        self.watch(processes.sentry_pidfd, self._on_death)
        self.watch(processes.gofer_pidfd, self._on_death)
        for fd in (processes.sentry_errors, processes.gofer_errors):
            self._tails[fd] = b""
            self.watch(fd, lambda fd=fd: self._on_errors(fd))  # type: ignore[misc] # mypy cannot infer the default

    # -- the loop

    def watch(self, fd: int, handler: Callable[[], None]) -> None:
        """Calls handler whenever fd is readable or hung up."""
        self._handlers[fd] = handler
        self._poll.register(fd, select.POLLIN)

    def unwatch(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def run(self, until: Callable[[], bool] | None = None) -> bool:
        """Serves until the sandbox is gone (False) or until() holds (True)."""
        while not self._done:
            if until is not None and until():
                return True
            for fd, _ in self._poll.poll(self._timeout()):
                handler = self._handlers.get(fd)
                if handler is not None and not self._done:
                    handler()
            self._expire()
        return False

    def _timeout(self) -> int | None:
        deadlines = [deadline for _, deadline in self._waiting.values()]
        if self._deadline:
            deadlines.append(self._deadline)
        if not deadlines:
            return None
        return max(0, int((min(deadlines) - time.monotonic()) * 1000) + 1)

    def _expire(self) -> None:
        if not self._deadline and not self._waiting:
            return
        now = time.monotonic()
        for request, (reply, deadline) in list(self._waiting.items()):
            if now >= deadline:
                del self._waiting[request]
                text = f"the sentry does not answer; pysc delete --force {self.config.id} ends it"
                reply({"error": text, "errno": 0})
        if self._deadline and now >= self._deadline and not self._done:
            self._finish(128 + signal.SIGKILL)

    # -- what others ask for

    def prepare(self) -> None:
        """Serves until the first program is ready.

        Raises: ControlError with everything ended, if it cannot be.
        """
        self.run(lambda: self.created)
        if not self.created:
            raise ControlError(self.failure or "the sandbox ended before its program was ready", self.failure_code)

    def start(self) -> None:
        """Lets the first program run."""
        self.started = True
        self.request({"op": "start"}, lambda _: None)

    def request(self, message: dict[str, object], reply: Reply) -> None:
        """Asks the sentry something; reply is called once, with its answer or with an error."""
        request = self._next_request
        self._next_request += 1
        message["request"] = request
        try:
            self.processes.control.send(message)
        except ProtocolError:
            reply(_NOT_RUNNING)
            return
        self._waiting[request] = (reply, time.monotonic() + PATIENCE)

    def signal(self, number: int, reply: Reply, *, everyone: bool = False, foreground: bool = False) -> None:
        """Sends a signal to the container's init, to all of its tasks, or to who has the terminal."""
        if number == signal.SIGKILL and not self._deadline:
            if not self.started:
                reply({"ok": True})
                self._finish(128 + signal.SIGKILL)
                return
            # Must work whatever the sentry does: with it, its pid namespace goes.
            self._deadline = time.monotonic() + PATIENCE
        self.request({"op": "signal", "signal": number, "all": everyone, "foreground": foreground}, reply)

    def destroy(self) -> None:
        """Ends everything now, as a SIGKILL would."""
        if not self._done:
            self._finish(128 + signal.SIGKILL)

    # -- what happens

    def _on_signal(self) -> None:
        while (got := read_signal(self._signals)) is not None:
            number, code = got
            if not self.started and not self.created and number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                self._fail(f"interrupted by signal {number} before the program was ready", 128 + number)
                return
            self.signal(number, _suspend if number == signal.SIGTSTP else _ignore, foreground=code == SI_KERNEL)

    def _on_control(self) -> None:
        while not self._done:
            try:
                got = self.processes.control.receive_nowait()
                if got is None:
                    return
                message, descriptors = got
                for fd in descriptors:
                    os.close(fd)
                self._on_event(parse_event(message))
            except (ProtocolError, BadMessage) as error:
                # The end of file comes with the sentry's death, which _on_death explains better.
                self.unwatch(self.processes.control.fileno())
                if isinstance(error, BadMessage):
                    self._fail(f"the sentry broke the control protocol: {error}", SANDBOX_FAILED)
                return

    def _on_event(self, message: dict[str, object]) -> None:
        if "reply" in message:
            waiting = self._waiting.pop(int(str(message["reply"])), None)
            if waiting is not None:
                waiting[0](message)
            return
        event = message["event"]
        if event == "map":
            try:
                map_sentry(self.processes.sentry, self.sentry_id)
                answer: dict[str, object] = {"ok": True}
            except OSError as error:
                answer = {"error": os_words(error)}
            self.processes.control.send(answer)
        elif event == "created":
            self.created = True
        elif event == "failed":
            number, text = int(str(message["errno"])), str(message["message"])
            program = os.fsdecode(self.config.process.arguments[0])
            self._fail(describe_failure(program, text, number), failure_code(number))
        elif event == "exit":
            self._init_status = int(str(message["status"]))
            self._finish(exit_code(self._init_status))
        elif event == "fatal":
            self._fail(f"the sentry failed: {message['message']}; this is a bug of pysc", SANDBOX_FAILED)

    def _on_death(self) -> None:
        """A child has ended. Without a last word on the control channel that is the end of the sandbox."""
        self._on_control()
        if self._done:
            return
        # A sentry that dies takes the gofer's channel along: give the one time to follow the other, then see which
        # one did not end by the end of its channel.
        pidfds = {self.processes.sentry_pidfd: "sentry", self.processes.gofer_pidfd: "gofer"}
        poller = select.poll()
        for fd in pidfds:
            poller.register(fd, select.POLLIN)
        dead = [pidfds[fd] for fd, _ in poller.poll(0)]
        if dead == ["gofer"] and self._status("gofer") == 0:
            wait = select.poll()
            wait.register(self.processes.sentry_pidfd, select.POLLIN)
            if wait.poll(300):
                dead = ["sentry"]
        if "sentry" in dead and self._status("sentry") == GOFER_GONE << 8:
            wait = select.poll()
            wait.register(self.processes.gofer_pidfd, select.POLLIN)
            if wait.poll(300):
                dead = ["gofer"]
        self._drain()
        culprit = "sentry" if "sentry" in dead else "gofer"
        how = describe_status(self._status(culprit))
        fd = self.processes.sentry_errors if culprit == "sentry" else self.processes.gofer_errors
        last = self._tails[fd].strip().rpartition(b"\n")[2].decode(errors="backslashreplace")
        from gofer.process import EXIT_JAIL

        if culprit == "gofer" and self._status("gofer") == EXIT_JAIL << 8 and last:
            self._fail(last, 1)
            return
        self._fail(f"the {culprit} {how}{': ' + last if last else ''}; the sandbox is gone", SANDBOX_FAILED)

    def _status(self, which: str) -> int:
        """The wait status of a child that has ended, left for end() to reap."""
        pid = self.processes.sentry if which == "sentry" else self.processes.gofer
        info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if info is None:
            return 0
        return info.si_status << 8 if info.si_code == os.CLD_EXITED else info.si_status

    def _on_errors(self, fd: int) -> None:
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        if not data:
            self.unwatch(fd)
        self._tails[fd] = (self._tails[fd] + data)[-_TAIL:]
        if self.config.debug_log >= 0 and data:
            try:
                os.write(self.config.debug_log, data)
            except OSError:
                pass

    def _drain(self) -> None:
        for fd in (self.processes.sentry_errors, self.processes.gofer_errors):
            if fd in self._handlers:
                self._on_errors(fd)

    def _fail(self, message: str, code: int) -> None:
        if self._done:
            return
        self.failure = message
        self.failure_code = code
        self._finish(code)

    def _finish(self, code: int) -> None:
        self._done = True
        self.exit_code = code
        spawn.end(self.processes)
        self._drain()
        for reply, _ in list(self._waiting.values()):
            reply({"ok": True} if code == 128 + signal.SIGKILL else _NOT_RUNNING)
        self._waiting.clear()


def exit_code(status: int) -> int:
    """A shell's exit code for a wait status: the program's, or 128 + the signal."""
    return 128 + (status & 0x7F) if status & 0x7F else status >> 8 & 0xFF


def failure_code(number: int) -> int:
    """A shell's exit code for the errno of execve(2)."""
    if number in (errno.ENOENT, errno.ENOTDIR):
        return NOT_FOUND
    if number in (errno.EACCES, errno.EPERM, errno.ENOEXEC, errno.EISDIR, errno.ELOOP, errno.ELIBBAD, errno.EINVAL):
        return NOT_EXECUTABLE
    return 1


def describe_failure(program: str, text: str, number: int) -> str:
    """Why there is no first program, with the words that engines look for.

    text: the sentry's own words; with an errno they are about the program, which they need not name.
    """
    if text and (not number or text.startswith(('exec "', "exec: ", "mount ", "process."))):
        return text
    if text:
        words = text
    elif number == errno.ENOENT and "/" not in program:
        words = "executable file not found in $PATH"
    else:
        words = os_words(OSError(number, "")) if number else "it could not be started"
    return f'exec "{program}": {words}'


def describe_status(status: int) -> str:
    """How a child ended, in words."""
    number = status & 0x7F
    if not number:
        return f"ended unexpectedly with exit status {status >> 8 & 0xFF}"
    from signal import Signals  # its enumerations are for people, and cost start-up time

    try:
        return f"was killed by signal {number} ({Signals(number).name})"
    except ValueError:
        return f"was killed by signal {number}"
