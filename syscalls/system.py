# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The machine as a whole: names, memory, random numbers, the kernel's log, and what an administrator does to it.

Source: man-pages uname(2), sethostname(2), sysinfo(2), getrandom(2), syslog(2), personality(2); kernel/sys.c.
"""

from __future__ import annotations

import errno
import os
import time

from sentry.abi import system as abi
from sentry.abi.errors import LinuxError
from sentry.fs.host_facts import memory_pages
from sentry.kernel.credentials import CAP_SYS_ADMIN
from sentry.kernel.task import Task
from syscalls.table import PARTIAL, Address, Flags, Int, Size, UInt, syscall

_RANDOM_CHUNK = 1 << 16  # bytes made and copied at a time
_RANDOM_MAX = 1 << 25  # bytes of one call: a bigger wish gets a short count, so that nobody holds up the kernel's loop


@syscall(63)
def uname(task: Task, address: Address) -> int:
    """uname(2). Raises: EFAULT."""
    kernel = task.kernel
    domain = kernel.domainname or b"(none)"
    fields = (abi.SYSNAME, kernel.hostname, abi.RELEASE, abi.VERSION, abi.MACHINE, domain)
    task.memory.write(address, b"".join(field.ljust(abi.UTSNAME_FIELD, b"\0") for field in fields))
    return 0


def _name(task: Task, address: int, size: int) -> bytes:
    if not task.credentials.has(CAP_SYS_ADMIN):
        raise LinuxError(errno.EPERM)
    if not 0 <= size <= abi.HOST_NAME_MAX:
        raise LinuxError(errno.EINVAL)
    return task.memory.read(address, size).split(b"\0", 1)[0] if size else b""


@syscall(170)
def sethostname(task: Task, address: Address, size: Int) -> int:
    """sethostname(2). Raises: EPERM, EINVAL, EFAULT."""
    task.kernel.hostname = _name(task, address, size)
    return 0


@syscall(171)
def setdomainname(task: Task, address: Address, size: Int) -> int:
    """setdomainname(2). Raises: EPERM, EINVAL, EFAULT."""
    task.kernel.domainname = _name(task, address, size)
    return 0


@syscall(99, support=PARTIAL, note="the machine's memory and the sandbox's tasks; loads and swap are 0")
def sysinfo(task: Task, address: Address) -> int:
    """sysinfo(2). Raises: EFAULT."""
    total, free = memory_pages(task.kernel.host_facts)
    uptime = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000_000
    page = abi.PAGE_SIZE
    tasks = min(len(task.kernel.tasks), 0xFFFF)
    task.memory.pack(abi.SYSINFO, address, uptime, 0, 0, 0, total * page, free * page, 0, 0, 0, 0, tasks, 0, 0, 0, 1)
    return 0


@syscall(318)
def getrandom(task: Task, address: Address, size: Size, flags: Flags) -> int:
    """getrandom(2): bytes written. Raises: EINVAL, EFAULT."""
    if flags & ~(abi.GRND_NONBLOCK | abi.GRND_RANDOM | abi.GRND_INSECURE):
        raise LinuxError(errno.EINVAL)
    if flags & abi.GRND_RANDOM and flags & abi.GRND_INSECURE:
        raise LinuxError(errno.EINVAL)
    size = min(size, _RANDOM_MAX)
    if size <= _RANDOM_CHUNK:
        return task.memory.write_some(address, os.urandom(size)) if size else 0
    done = 0
    while done < size:
        chunk = os.urandom(min(_RANDOM_CHUNK, size - done))
        try:
            count = task.memory.write_some(address + done, chunk)
        except LinuxError:
            if done:
                break
            raise
        done += count
        if count < len(chunk):
            break
    return done


@syscall(135, support=PARTIAL, note="PER_LINUX only")
def personality(task: Task, persona: UInt) -> int:
    """personality(2): the persona before. Raises: EPERM for any but PER_LINUX (as containers commonly do)."""
    if persona not in (0, 0xFFFFFFFF):
        raise LinuxError(errno.EPERM)
    return 0


@syscall(103, support=PARTIAL, note="the log is always empty")
def syslog(task: Task, action: Int, address: Address, size: Int) -> int:
    """syslog(2): bytes read. Raises: EPERM, EINVAL."""
    credentials = task.credentials
    if not credentials.has(abi.CAP_SYSLOG) and not credentials.has(CAP_SYS_ADMIN):
        raise LinuxError(errno.EPERM)
    if not 0 <= action <= abi.SYSLOG_SIZE_BUFFER:
        raise LinuxError(errno.EINVAL)
    if action in (2, abi.SYSLOG_READ_ALL, abi.SYSLOG_READ_CLEAR) and (not address or size < 0):
        raise LinuxError(errno.EINVAL)
    if action == 2:  # would wait for a line that never comes
        raise LinuxError(errno.EAGAIN)
    return abi.LOG_BUFFER_SIZE if action == abi.SYSLOG_SIZE_BUFFER else 0
