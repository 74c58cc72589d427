# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""User and group ids: credentials(7).

Owns the rules by which a task may change its ids and what that does to its capabilities; the ids themselves are
sentry/kernel/credentials.py. As in the kernel they belong to one thread: the C library tells the others.
Source: kernel/sys.c, security/commoncap.c (cap_task_fix_setuid).
"""

from __future__ import annotations

import errno
import struct

from sentry.abi.errors import LinuxError
from sentry.abi.security import CAP_FS_SET, SECBIT_KEEP_CAPS, SECBIT_NO_SETUID_FIXUP
from sentry.kernel.credentials import CAP_SETGID, CAP_SETUID, Credentials
from sentry.kernel.task import Task
from syscalls.table import Address, Int, Uid, syscall

KEEP = 0xFFFFFFFF  # the id -1: "leave as it is" where a call has that, else not a valid id
NGROUPS_MAX = 65536
_WORD = struct.Struct("<I")


def commit(task: Task, new: Credentials) -> None:
    """Gives the task its new credentials, as commit_creds() does.

    A change of the effective or file system ids, or a gain of capabilities, makes the process not dumpable.
    """
    old = task.credentials
    if (
        (new.euid, new.egid, new.fsuid, new.fsgid) != (old.euid, old.egid, old.fsuid, old.fsgid)
        or new.permitted & ~old.permitted
    ):  # fmt: skip
        task.process.dumpable = 0
    task.credentials = new


def fix_capabilities(old: Credentials, new: Credentials) -> Credentials:
    """The capabilities after a change of real, effective or saved uid (cap_emulate_setxuid)."""
    if new.securebits & SECBIT_NO_SETUID_FIXUP:
        return new
    permitted, effective, ambient = new.permitted, new.effective, new.ambient
    if 0 in (old.uid, old.euid, old.suid) and 0 not in (new.uid, new.euid, new.suid):
        if not new.securebits & SECBIT_KEEP_CAPS:
            permitted = effective = 0
        ambient = 0
    if old.euid == 0 and new.euid != 0:
        effective = 0
    elif old.euid != 0 and new.euid == 0:
        effective = permitted
    if (permitted, effective, ambient) == (new.permitted, new.effective, new.ambient):
        return new
    return new.with_(permitted=permitted, effective=effective, ambient=ambient)


def _valid(number: int) -> int:
    if number == KEEP:
        raise LinuxError(errno.EINVAL)
    return number


@syscall(102)
def getuid(task: Task) -> int:
    """getuid(2)."""
    return task.credentials.uid


@syscall(104)
def getgid(task: Task) -> int:
    """getgid(2)."""
    return task.credentials.gid


@syscall(107)
def geteuid(task: Task) -> int:
    """geteuid(2)."""
    return task.credentials.euid


@syscall(108)
def getegid(task: Task) -> int:
    """getegid(2)."""
    return task.credentials.egid


@syscall(118)
def getresuid(task: Task, ruid: Address, euid: Address, suid: Address) -> int:
    """getresuid(2). Raises: EFAULT."""
    credentials, write = task.credentials, task.memory.write
    write(ruid, _WORD.pack(credentials.uid))
    write(euid, _WORD.pack(credentials.euid))
    write(suid, _WORD.pack(credentials.suid))
    return 0


@syscall(120)
def getresgid(task: Task, rgid: Address, egid: Address, sgid: Address) -> int:
    """getresgid(2). Raises: EFAULT."""
    credentials, write = task.credentials, task.memory.write
    write(rgid, _WORD.pack(credentials.gid))
    write(egid, _WORD.pack(credentials.egid))
    write(sgid, _WORD.pack(credentials.sgid))
    return 0


@syscall(105)
def setuid(task: Task, uid: Uid) -> int:
    """setuid(2): all three with CAP_SETUID, else the effective one only. Raises: EINVAL, EPERM."""
    old = task.credentials
    _valid(uid)
    if old.has(CAP_SETUID):
        new = old.with_(uid=uid, euid=uid, suid=uid, fsuid=uid)
    elif uid in (old.uid, old.suid):
        new = old.with_(euid=uid, fsuid=uid)
    else:
        raise LinuxError(errno.EPERM)
    commit(task, fix_capabilities(old, new))
    return 0


@syscall(113)
def setreuid(task: Task, ruid: Uid, euid: Uid) -> int:
    """setreuid(2). Raises: EPERM."""
    old = task.credentials
    privileged = old.has(CAP_SETUID)
    if ruid != KEEP and ruid not in (old.uid, old.euid) and not privileged:
        raise LinuxError(errno.EPERM)
    if euid != KEEP and euid not in (old.uid, old.euid, old.suid) and not privileged:
        raise LinuxError(errno.EPERM)
    new_uid = old.uid if ruid == KEEP else ruid
    new_euid = old.euid if euid == KEEP else euid
    saved = new_euid if ruid != KEEP or (euid not in (KEEP, old.uid)) else old.suid
    commit(task, fix_capabilities(old, old.with_(uid=new_uid, euid=new_euid, suid=saved, fsuid=new_euid)))
    return 0


@syscall(117)
def setresuid(task: Task, ruid: Uid, euid: Uid, suid: Uid) -> int:
    """setresuid(2). Raises: EPERM."""
    old = task.credentials
    if not old.has(CAP_SETUID):
        allowed = (KEEP, old.uid, old.euid, old.suid)
        if ruid not in allowed or euid not in allowed or suid not in allowed:
            raise LinuxError(errno.EPERM)
    new_euid = old.euid if euid == KEEP else euid
    new = old.with_(
        uid=old.uid if ruid == KEEP else ruid, euid=new_euid, suid=old.suid if suid == KEEP else suid, fsuid=new_euid
    )
    commit(task, fix_capabilities(old, new))
    return 0


@syscall(122)
def setfsuid(task: Task, uid: Uid) -> int:
    """setfsuid(2): the previous value, whether it was changed or not."""
    old = task.credentials
    if uid != KEEP and uid != old.fsuid and (uid in (old.uid, old.euid, old.suid) or old.has(CAP_SETUID)):
        effective = old.effective
        if not old.securebits & SECBIT_NO_SETUID_FIXUP:
            if old.fsuid == 0:
                effective &= ~CAP_FS_SET
            elif uid == 0:
                effective |= CAP_FS_SET & old.permitted
        commit(task, old.with_(fsuid=uid, effective=effective))
    return old.fsuid


@syscall(106)
def setgid(task: Task, gid: Uid) -> int:
    """setgid(2): all three with CAP_SETGID, else the effective one only. Raises: EINVAL, EPERM."""
    old = task.credentials
    _valid(gid)
    if old.has(CAP_SETGID):
        commit(task, old.with_(gid=gid, egid=gid, sgid=gid, fsgid=gid))
    elif gid in (old.gid, old.sgid):
        commit(task, old.with_(egid=gid, fsgid=gid))
    else:
        raise LinuxError(errno.EPERM)
    return 0


@syscall(114)
def setregid(task: Task, rgid: Uid, egid: Uid) -> int:
    """setregid(2). Raises: EPERM."""
    old = task.credentials
    privileged = old.has(CAP_SETGID)
    if rgid != KEEP and rgid not in (old.gid, old.egid) and not privileged:
        raise LinuxError(errno.EPERM)
    if egid != KEEP and egid not in (old.gid, old.egid, old.sgid) and not privileged:
        raise LinuxError(errno.EPERM)
    new_gid = old.gid if rgid == KEEP else rgid
    new_egid = old.egid if egid == KEEP else egid
    saved = new_egid if rgid != KEEP or (egid not in (KEEP, old.gid)) else old.sgid
    commit(task, old.with_(gid=new_gid, egid=new_egid, sgid=saved, fsgid=new_egid))
    return 0


@syscall(119)
def setresgid(task: Task, rgid: Uid, egid: Uid, sgid: Uid) -> int:
    """setresgid(2). Raises: EPERM."""
    old = task.credentials
    if not old.has(CAP_SETGID):
        allowed = (KEEP, old.gid, old.egid, old.sgid)
        if rgid not in allowed or egid not in allowed or sgid not in allowed:
            raise LinuxError(errno.EPERM)
    new_egid = old.egid if egid == KEEP else egid
    new = old.with_(
        gid=old.gid if rgid == KEEP else rgid, egid=new_egid, sgid=old.sgid if sgid == KEEP else sgid, fsgid=new_egid
    )
    commit(task, new)
    return 0


@syscall(123)
def setfsgid(task: Task, gid: Uid) -> int:
    """setfsgid(2): the previous value, whether it was changed or not."""
    old = task.credentials
    if gid != KEEP and gid != old.fsgid and (gid in (old.gid, old.egid, old.sgid) or old.has(CAP_SETGID)):
        commit(task, old.with_(fsgid=gid))
    return old.fsgid


@syscall(115)
def getgroups(task: Task, size: Int, address: Address) -> int:
    """getgroups(2): how many supplementary groups there are; size 0 only counts. Raises: EINVAL, EFAULT."""
    groups = task.credentials.groups
    if size < 0:
        raise LinuxError(errno.EINVAL)
    if size:
        if len(groups) > size:
            raise LinuxError(errno.EINVAL)
        task.memory.write(address, struct.pack(f"<{len(groups)}I", *groups))
    return len(groups)


@syscall(116)
def setgroups(task: Task, size: Int, address: Address) -> int:
    """setgroups(2). Raises: EPERM, EINVAL, EFAULT."""
    if not task.credentials.has(CAP_SETGID):
        raise LinuxError(errno.EPERM)
    if not 0 <= size <= NGROUPS_MAX:
        raise LinuxError(errno.EINVAL)
    groups = struct.unpack(f"<{size}I", task.memory.read(address, 4 * size)) if size else ()
    for group in groups:
        _valid(group)
    task.credentials = task.credentials.with_(groups=tuple(sorted(groups)))
    return 0
