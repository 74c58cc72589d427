# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The composition root: a forked child of the monitor becomes the sentry.

Order: the private procfs, the namespaces, the ids (the monitor writes the maps), the empty root, the first task (which
waits in its LOAD call), no capabilities, the filter; only then are the mounts built and the program resolved, so that
whatever a bundle or a rootfs says is read behind the walls.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
import time

from gofer.channel import Channel
from gofer.protocol import ProtocolError
from sentry import jail
from sentry.abi.errors import LinuxError, SentryDown
from sentry.control.errors import ControlError
from sentry.control.messages import GOFER_GONE
from sentry.control.serve import Control
from sentry.core import native
from sentry.fs import host_facts, tmpfs
from sentry.kernel import exec as execs
from sentry.kernel import host_limits, signals
from sentry.kernel.clone import PROCESS_LIMIT
from sentry.kernel.credentials import ALL_CAPABILITIES, Credentials
from sentry.kernel.kernel import Kernel
from sentry.kernel.task import Process, Task
from sentry.mm.memory import UserMemory
from sentry.mounting import build_mounts, open_stdio, register_drivers, show_terminals, unblock_stdio
from sentry.platform import filters
from sentry.platform.notify import NotifyPlatform
from sentry.platform.stub import abi
from sentry.vfs import walk
from sentry.vfs.fd_table import FdTable
from sentry.vfs.fs_context import FsContext
from syscalls import load_table
from syscalls.table import dispatch_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from sentry.control.config import ProcessConfig, SandboxConfig
    from sentry.platform.base import HostPlatform
    from sentry.platform.ptrace import PtracePlatform

_MFD_CLOEXEC, _MFD_EXEC = 1, 0x10
_WAIT_KILLABLE_RECV = 1 << 5
_RLIMIT_STACK, _RLIMIT_NPROC, _RLIMIT_NOFILE = 3, 6, 7
_INFINITY = (1 << 64) - 1
_DEFAULT_STACK = 8 << 20
_CRASHED = 70


def main(config: SandboxConfig, gofer_fd: int, control_fd: int, stdio_fds: list[int]) -> None:
    """The sentry's whole life, in a process of its own. Returns when the sandbox has ended."""
    control = Channel.from_descriptor(control_fd)
    gofer = Channel.from_descriptor(gofer_fd)
    try:
        _run(config, control, gofer, stdio_fds)
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends the sandbox and is reported
        # A bug: nothing can be imported here to print it, and the sandbox must not go on.
        control.send({"event": "fatal", "message": describe(error)})
        os._exit(_CRASHED)


def _run(config: SandboxConfig, control: Channel, gofer: Channel, stdio_fds: list[int]) -> None:
    try:
        kernel = _build(config, control, gofer, stdio_fds)
    except ControlError as error:
        number = error.errno if isinstance(error, ProgramError) else 0
        control.send({"event": "failed", "message": error.message, "errno": number})
        return
    except LinuxError as error:
        control.send({"event": "failed", "message": "", "errno": error.errno})
        return
    try:
        kernel.run()
    except (ProtocolError, SentryDown) as error:
        os.write(2, f"the gofer is gone or has broken its protocol: {error}\n".encode("utf-8", "backslashreplace"))
        os._exit(GOFER_GONE)


def _build(config: SandboxConfig, control: Channel, gofer: Channel, stdio_fds: list[int]) -> Kernel:
    facts = host_facts.collect()
    limits = _inherited_limits()
    stdio_fds = unblock_stdio(stdio_fds)
    gc.freeze()  # collections must not touch the pages that we share with the monitor
    gc.set_threshold(100_000, 20, 100)
    hard = limits[_RLIMIT_NOFILE][1]
    native.syscall(302, 0, _RLIMIT_NOFILE, hard.to_bytes(8, "little") * 2, 0)
    tmpfs.max_memfds = min(8000, hard // 3)
    stub = _loader_file()
    tracer = _tracer() if config.platform == "ptrace" else None
    kinds = ("task-notify", "sentry") if tracer is None else ("task-trace", "sentry-ptrace")
    programs = [filters.load(name) for name in ("task-jump", *kinds)]
    load_table()
    _preload(config)
    proc_fd = jail.private_procfs()
    jail.separate()
    control.send({"event": "map"})
    answer, _ = control.receive()
    if not isinstance(answer, dict) or "ok" not in answer:
        reason = answer.get("error") if isinstance(answer, dict) else "no answer of the monitor"
        raise ControlError(f"the sentry's user namespace: {reason}")
    jail.take_ids()
    jail.enter_root()
    platform: HostPlatform
    if tracer is None:
        init_pid, listener = _start_init(config, stub, programs)
        if listener < 0:
            raise ControlError(f"the first task has no listener: {os.strerror(-listener).lower()}")
        platform = NotifyPlatform(listener)
    else:
        tracer.lend_socket()
        init_pid, _ = _start_init(config, stub, programs, tracer.gate)
        tracer.trace_init(init_pid)
        platform = tracer
    jail.map_ids(proc_fd, init_pid)
    kernel = Kernel(config, platform, proc_fd)
    if tracer is not None:
        tracer.on_fault = lambda host_tid, number: signals.faulted(kernel, host_tid, number)
    kernel.host_facts = facts
    if config.debug_log >= 0:
        kernel.log = _logger(config.debug_log)
    stdio = open_stdio(kernel, stdio_fds)
    jail.drop_privileges()
    jail.lock(programs[2])
    register_drivers(kernel)
    kernel.mounts = build_mounts(kernel, config, gofer)
    show_terminals(stdio)
    task = _first_task(kernel, config, init_pid, limits)
    _install_calls(kernel, config)
    for number, file in enumerate(stdio):
        task.files.place(number, file)
    for resource, (soft, hard) in config.process.limits.items():
        host_limits.apply(task.process, resource, soft, hard)
    kernel.watch_process(task.process)
    _find_program(task, config.process)
    kernel.config_held = True
    served = Control(kernel, control)
    kernel.on_exit = served.ended
    served.created(task.process.pid)
    return kernel


_PRELOADED = ("sentry.abi", "sentry.fs", "sentry.kernel", "sentry.net", "sentry.vfs")


def _preload(config: SandboxConfig) -> None:
    """Imports what handlers import when they first need it: behind the walls there is no file to import from."""
    for package in _PRELOADED:
        folder = os.path.dirname(_module(package).__file__ or "")
        for entry in sorted(os.listdir(folder)):
            if entry.endswith(".py") and (config.strace or entry != "strace.py"):
                _module(f"{package}.{entry[:-3]}")


def _module(name: str) -> ModuleType:
    __import__(name)  # importlib would have to be imported itself
    return sys.modules[name]


def _inherited_limits() -> dict[int, tuple[int, int]]:
    """RLIMIT_* -> (soft, hard) of whoever started the sandbox: what the guest has unless the bundle says otherwise."""
    limits = {}
    for number in range(16):
        pair = bytearray(16)
        native.syscall(302, 0, number, 0, pair)
        limits[number] = (int.from_bytes(pair[:8], "little"), int.from_bytes(pair[8:], "little"))
    return limits


def _loader_file() -> int:
    """A memfd of the stub, at the number where every task has it, inherited by execveat."""
    with open(os.path.join(os.path.dirname(filters.__file__), "stub", "stub.elf"), "rb") as file:
        data = file.read()
    try:
        fd = os.memfd_create("pysc", _MFD_CLOEXEC | _MFD_EXEC)
    except OSError:
        fd = os.memfd_create("pysc", _MFD_CLOEXEC)  # before Linux 6.3
    os.write(fd, data)
    os.fchmod(fd, 0o755)
    # Executing needs a descriptor that nobody can write through.
    reopened = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    os.close(fd)
    return reopened


def _tracer() -> PtracePlatform:
    from sentry.platform.ptrace import PtracePlatform  # 30 ms, most of them python-ptrace's

    return PtracePlatform()


def _start_init(config: SandboxConfig, stub: int, programs: list[bytes], gate: int = 0) -> tuple[int, int]:
    for fd in (0, 1, 2):
        os.set_inheritable(fd, False)
    os.dup2(stub, abi.LOADER_FD, inheritable=True)
    os.close(stub)
    limit = (config.process_limit or PROCESS_LIMIT) + 16  # for whoever makes tasks without asking us
    native.syscall(302, 0, _RLIMIT_NPROC, limit.to_bytes(8, "little") * 2, 0)
    stack = config.process.limits.get(_RLIMIT_STACK, (_DEFAULT_STACK, _INFINITY))
    pid, listener = native.start_task(
        clone_flags=jail.TASK_NAMESPACES,
        jump_filter=programs[0],
        call_filter=programs[1],
        listener_flags=_WAIT_KILLABLE_RECV,
        loader_fd=abi.LOADER_FD,
        loader_argument=abi.marked(abi.LOADER_FD),
        arguments=config.process.arguments,
        environment=config.process.environment,
        stack_limit=stack,
        gate=gate,
    )
    os.close(abi.LOADER_FD)
    if pid < 0:
        raise ControlError(f"the first task cannot be started: {os.strerror(abs(pid)).lower()}")
    return pid, listener


def _first_task(kernel: Kernel, config: SandboxConfig, host_pid: int, inherited: dict[int, tuple[int, int]]) -> Task:
    wanted = config.process
    process = Process(kernel, 1, host_pid, None)
    process.limits = {**inherited, **wanted.limits}
    process.oom_score_adj = wanted.oom_score_adj or 0
    root = kernel.mounts.root_path
    task = Task(
        process,
        1,
        host_pid,
        name=b"pysc",
        credentials=_credentials(wanted),
        memory=UserMemory(kernel.platform, host_pid),
        files=FdTable(),
        fs=FsContext(root, root, wanted.umask),
    )
    kernel.init = process
    kernel.processes[1] = process
    kernel.add_task(task)
    return task


def _credentials(wanted: ProcessConfig) -> Credentials:
    sets = wanted.capabilities
    return Credentials(
        uid=wanted.uid, euid=wanted.uid, suid=wanted.uid, fsuid=wanted.uid,
        gid=wanted.gid, egid=wanted.gid, sgid=wanted.gid, fsgid=wanted.gid,
        groups=tuple(wanted.groups),
        effective=sets.get("effective", 0) & ALL_CAPABILITIES,
        permitted=sets.get("permitted", 0) & ALL_CAPABILITIES,
        inheritable=sets.get("inheritable", 0) & ALL_CAPABILITIES,
        ambient=sets.get("ambient", 0) & ALL_CAPABILITIES,
        bounding=sets.get("bounding", 0) & ALL_CAPABILITIES,
        no_new_privs=wanted.no_new_privs,
    )  # fmt: skip


def _install_calls(kernel: Kernel, config: SandboxConfig) -> None:
    kernel.calls = dispatch_table()
    if config.strace:
        from sentry.kernel import strace

        kernel.trace = strace.tracer(kernel)
        kernel._call = kernel.traced_call  # type: ignore[method-assign] # only with --strace does a call pay for it


def _find_program(task: Task, wanted: ProcessConfig) -> None:
    """Sets the working directory and prepares argv[0], looked up in PATH as execvp(3) does.

    Raises: ControlError, with the words that engines look for.
    """
    root = task.fs.root
    try:
        task.fs.cwd = walk.resolve(task, root, wanted.cwd)
        if not task.fs.cwd.inode.is_directory:
            raise LinuxError(errno.ENOTDIR)
    except LinuxError as error:
        where = wanted.cwd.decode("utf-8", "replace")
        raise ControlError(f"process.cwd {where}: {os.strerror(error.errno).lower()}") from None
    name = wanted.arguments[0]
    shown = name.decode("utf-8", "replace")
    if b"/" in name:
        candidates = [name]
    else:
        path = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        for variable in wanted.environment:
            if variable.startswith(b"PATH="):
                path = variable[5:]
        candidates = [(folder or b".") + b"/" + name for folder in path.split(b":")]
    problem = errno.ENOENT
    for candidate in candidates:
        try:
            execs.prepare(task, -100, candidate, 0)
            assert task.process.exec_pending is not None
            task.process.exec_pending.old_stack = None  # the host has executed the stub already
        except LinuxError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR) and (problem == errno.ENOENT):
                problem = error.errno
            continue
        return
    raise ProgramError(shown, problem, searched=b"/" not in name)


class ProgramError(ControlError):
    """The first program cannot be executed. errno: why."""

    def __init__(self, name: str, number: int, searched: bool) -> None:
        words = os.strerror(number).lower()
        if number == errno.ENOENT and searched:
            words = "executable file not found in $PATH"
        super().__init__(words)
        self.errno = number


def _logger(fd: int) -> Callable[[str], None]:
    def log(line: str) -> None:
        stamp = time.strftime("%H:%M:%S", time.gmtime())
        os.write(fd, f"{stamp} sentry: {line}\n".encode("utf-8", "backslashreplace"))

    return log


def describe(error: BaseException) -> str:
    """An exception and where it came from, in one line."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} (at {' < '.join(reversed(places[-8:]))})"
