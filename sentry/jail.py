# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The sentry's own walls: namespaces, an empty root, no capabilities, an allow-list of system calls.

private_procfs() comes first, as the pid namespace is still the monitor's to mount; then separate() (the monitor then
writes the id maps), take_ids(), enter_root(), drop_privileges() and lock(), the filter: after it the sentry can open
nothing but files of its private procfs, which shows the sandbox's processes only.
"""

from __future__ import annotations

import errno
import os

from sentry.abi.clone import CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, NAMESPACES
from sentry.control.errors import ControlError
from sentry.core import native

TASK_NAMESPACES = NAMESPACES & ~CLONE_NEWTIME

_UNSHARE, _PRCTL, _CAPSET, _SECCOMP, _PIVOT_ROOT, _UMOUNT2 = 272, 157, 126, 317, 155, 166
_MOUNT_SETATTR = 442
_MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT, _MOUNT = 429, 430, 431, 432, 165
_FSOPEN_CLOEXEC, _FSCONFIG_SET_STRING, _FSCONFIG_CREATE, _FSMOUNT_CLOEXEC = 1, 1, 6, 1
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV, _ATTR_NOEXEC = 1, 2, 4, 8
_MOVE_EMPTY_PATH = 4
_MNT_DETACH = 2
_MS_REC, _MS_PRIVATE = 0x4000, 1 << 18
_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS = 4, 24, 28, 38
_PR_SET_PDEATHSIG = 1
_SECUREBITS = 0b1100_1111


def _checked(what: str, result: int) -> int:
    if result < 0:
        raise ControlError(f"the sentry's jail: {what}: {os.strerror(-result).lower()}")
    return result


def separate() -> None:
    """Own user, mount, net, ipc, uts and cgroup namespaces. Afterwards the monitor writes the id maps."""
    # A pid namespace of its own it has already.
    _checked("unshare", native.syscall(_UNSHARE, TASK_NAMESPACES & ~CLONE_NEWPID))
    native.syscall(_PRCTL, _PR_SET_DUMPABLE, 1)


def take_ids() -> None:
    """Becomes id 0 of the new user namespace: an unprivileged id of the host."""
    _checked("setresgid", native.syscall(119, 0, 0, 0))
    native.syscall(116, 0, 0)  # setgroups: not allowed where the monitor is unprivileged, and then there are none
    _checked("setresuid", native.syscall(117, 0, 0, 0))
    native.syscall(_PRCTL, _PR_SET_PDEATHSIG, 9)  # a change of ids clears it


def _file_system(kind: bytes, options: dict[bytes, bytes], attributes: int) -> int:
    context = _checked(f"fsopen {kind.decode()}", native.syscall(_FSOPEN, kind, _FSOPEN_CLOEXEC))
    try:
        for key, value in options.items():
            _checked(
                f"{kind.decode()} option {key.decode()}",
                native.syscall(_FSCONFIG, context, _FSCONFIG_SET_STRING, key, value, 0),
            )
        _checked(f"create {kind.decode()}", native.syscall(_FSCONFIG, context, _FSCONFIG_CREATE, 0, 0, 0))
        return _checked(f"fsmount {kind.decode()}", native.syscall(_FSMOUNT, context, _FSMOUNT_CLOEXEC, attributes))
    finally:
        os.close(context)


def private_procfs() -> int:
    """A directory descriptor of a procfs of our own pid namespace that is mounted nowhere, or -1 where the host does
    not allow one (masked /proc). To be called with the privileges of whoever made the pid namespace."""
    if native.syscall(_UNSHARE, CLONE_NEWNS) < 0:
        return -1
    try:
        return _file_system(b"proc", {b"subset": b"pid"}, _ATTR_NOSUID | _ATTR_NODEV | _ATTR_NOEXEC)
    except ControlError:
        return -1


def map_ids(proc_fd: int, pid: int) -> None:
    """Gives the tasks' user namespace one id, 0: what the host tells a guest of the senders of signals. Being 0 there
    gives no rights (see start.rs). Then the procfs becomes read-only."""
    if proc_fd < 0:
        return
    for name, text in (("setgroups", b"deny"), ("uid_map", b"0 0 1"), ("gid_map", b"0 0 1")):
        fd = os.open(f"{pid}/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc_fd)
        try:
            os.write(fd, text)
        finally:
            os.close(fd)
    wanted = bytearray((_ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV | _ATTR_NOEXEC).to_bytes(8, "little") + bytes(24))
    _checked("read-only procfs", native.syscall(_MOUNT_SETATTR, proc_fd, b"", _AT_EMPTY_PATH, wanted, 32))


def enter_root() -> None:
    """An empty, read-only root in place of the host's."""
    _checked("private mounts", native.syscall(_MOUNT, b"none", b"/", 0, _MS_REC | _MS_PRIVATE, 0))
    root = _file_system(
        b"tmpfs", {b"size": b"4096", b"mode": b"0555"}, _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV | _ATTR_NOEXEC
    )
    _checked("attach root", native.syscall(_MOVE_MOUNT, root, b"", _AT_FDCWD, b"/", _MOVE_EMPTY_PATH))
    os.fchdir(root)
    os.close(root)
    _checked("pivot_root", native.syscall(_PIVOT_ROOT, b".", b"."))
    _checked("umount", native.syscall(_UMOUNT2, b".", _MNT_DETACH))
    os.chdir("/")


def drop_privileges() -> None:
    """No capability, now or later; not dumpable; no new privileges."""
    for capability in range(64):
        if native.syscall(_PRCTL, _PR_CAPBSET_DROP, capability, 0, 0, 0) == -errno.EINVAL:
            break
    _checked("securebits", native.syscall(_PRCTL, _PR_SET_SECUREBITS, _SECUREBITS, 0, 0, 0))
    header = bytearray((0x20080522).to_bytes(4, "little") + bytes(4))
    _checked("capset", native.syscall(_CAPSET, header, bytearray(24)))
    _checked("dumpable", native.syscall(_PRCTL, _PR_SET_DUMPABLE, 0, 0, 0, 0))
    _checked("no_new_privs", native.syscall(_PRCTL, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def lock(program: bytes) -> None:
    """Installs the filter (build_filter's) for good."""
    code = bytearray(program)
    address = int(native.ffi.cast("uintptr_t", native.ffi.from_buffer(code)))
    argument = (len(code) // 8).to_bytes(8, "little") + address.to_bytes(8, "little")
    _checked("seccomp", native.syscall(_SECCOMP, 1, 0, bytearray(argument)))


# Every system call that the sentry makes after lock(), with the reason.
ALLOWED: dict[str, str] = {
    "read": "host descriptors: stdio, donated files, channels, procfs",
    "write": "host descriptors: stdio, donated files, log",
    "readv": "as read",
    "writev": "as write",
    "pread64": "donated files and memfds",
    "pwrite64": "donated files and memfds",
    "preadv": "donated files and memfds",
    "pwritev": "donated files and memfds",
    "lseek": "SEEK_DATA and SEEK_HOLE of donated files and memfds",
    "fstat": "attributes of donated files",
    "newfstatat": "as fstat (AT_EMPTY_PATH), and Python's os.fstat; the root is empty",
    "statx": "as fstat; the root is empty",
    "ftruncate": "memfds and donated files",
    "fallocate": "memfds and donated files",
    "fsync": "donated files",
    "fdatasync": "donated files",
    "copy_file_range": "between donated files and memfds",
    "sendfile": "between donated files and memfds",
    "fcntl": "seals of memfds, duplicates, flags of stdio",
    "close": "its own descriptors",
    "dup": "its own descriptors",
    "memfd_create": "tmpfs files that are mapped or big, shared memory",
    "openat": "the private procfs; the root is empty",
    "getdents64": "the private procfs",
    "readlink": "Python's realpath of an empty root",
    "sendmsg": "the gofer's and the monitor's channels",
    "recvmsg": "the gofer's and the monitor's channels",
    "sendto": "the gofer's and the monitor's channels, sockets given as stdio",
    "recvfrom": "the gofer's and the monitor's channels, sockets given as stdio",
    "poll": "channels and stdio",
    "ppoll": "channels and stdio",
    "epoll_create1": "the loop",
    "epoll_ctl": "the loop",
    "epoll_wait": "the loop",
    "epoll_pwait": "the loop",
    "pidfd_open": "the end of tasks",
    "kill": "signals for tasks; the pid namespace has nobody else",
    "tgkill": "signals for tasks",
    "rt_sigqueueinfo": "signals for tasks",
    "rt_tgsigqueueinfo": "signals for tasks",
    "wait4": "the container's first process",
    "process_vm_readv": "memory of tasks",
    "process_vm_writev": "memory of tasks",
    "prlimit64": "limits of tasks",
    "getrusage": "accounts of tasks",
    "mmap": "memory",
    "munmap": "memory",
    "mprotect": "memory",
    "mremap": "memory",
    "madvise": "memory",
    "brk": "memory",
    "futex": "Python's locks",
    "sched_yield": "Python's locks",
    "sched_getaffinity": "what tasks are told",
    "clock_gettime": "time",
    "clock_getres": "time",
    "clock_nanosleep": "time",
    "gettimeofday": "time",
    "getrandom": "random numbers",
    "sysinfo": "what tasks are told",
    "uname": "what tasks are told",
    "getpid": "Python",
    "gettid": "Python",
    "getuid": "Python",
    "geteuid": "Python",
    "getgid": "Python",
    "getegid": "Python",
    "rt_sigaction": "Python",
    "rt_sigprocmask": "Python",
    "rt_sigreturn": "Python",
    "sigaltstack": "Python",
    "restart_syscall": "the loop, after a stop",
    "exit": "the end",
    "exit_group": "the end",
}

TTY_REQUESTS = {
    0x5401: "TCGETS", 0x5402: "TCSETS", 0x5403: "TCSETSW", 0x5404: "TCSETSF", 0x5409: "TCSBRK", 0x540B: "TCFLSH",
    0x540A: "TCXONC", 0x5413: "TIOCGWINSZ", 0x5414: "TIOCSWINSZ", 0x541B: "FIONREAD", 0x5411: "TIOCOUTQ",
    0x5425: "TCSBRKP", 0x5421: "FIONBIO",
}  # fmt: skip
"""ioctl requests on terminals given as stdio."""


def build_filter(tracing: bool = False) -> bytes:
    """The sentry's filter, compiled by libseccomp; anything else kills the process. tracing: with ptrace(2)."""
    import pyseccomp

    from sentry.platform import filters

    rules = pyseccomp.SyscallFilter(defaction=pyseccomp.KILL_PROCESS)
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)  # the default is the thread alone
    rules.set_attr(pyseccomp.Attr.CTL_OPTIMIZE, 2)
    for name in ALLOWED:
        rules.add_rule_exactly(pyseccomp.ALLOW, name)
    for request in TTY_REQUESTS:
        rules.add_rule_exactly(pyseccomp.ALLOW, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, request))
    # The notifier's requests: '!' in the second byte.
    rules.add_rule_exactly(pyseccomp.ALLOW, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFF00, 0x2100))
    if tracing:
        from sentry.platform.ptrace import REQUESTS

        for request in REQUESTS:
            rules.add_rule_exactly(pyseccomp.ALLOW, "ptrace", pyseccomp.Arg(0, pyseccomp.EQ, request))
    # Python asks whether descriptors are terminals with requests of the tty that are listed; everything else fails.
    return filters.export(rules)
