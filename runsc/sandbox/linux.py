# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that Python 3.11 does not wrap, with errors as OSError: this is the host's side.

Numbers: x86-64, arch/x86/entry/syscalls/syscall_64.tbl.
"""

from __future__ import annotations

import os
import struct

from sentry.core.native import syscall

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000

_RT_SIGACTION, _RT_SIGPROCMASK = 13, 14
_SIG_BLOCK, _SIG_SETMASK, _SIGINT = 0, 2, 2
_CAPGET, _PRCTL, _UNSHARE, _SIGNALFD4, _SECCOMP, _CLOSE_RANGE = 125, 157, 272, 289, 317, 436
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_SECCOMP_GET_NOTIF_SIZES = 3
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_SETGID, _CAP_SETUID, _CAP_SYS_ADMIN = 6, 7, 21
_SFD_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK
_LAST = (1 << 32) - 1

SIGINFO_SIZE = 128  # signalfd_siginfo: ssi_signo u32 at 0, ssi_errno s32 at 4, ssi_code s32 at 8
SI_KERNEL = 0x80


def _check(result: int) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(syscall(_UNSHARE, flags))


def die_with_parent() -> None:
    """SIGKILL when the parent dies. A change of credentials forgets it: call it again then."""
    _check(syscall(_PRCTL, _PR_SET_PDEATHSIG, 9, 0, 0, 0))


def set_dumpable(value: bool) -> None:
    """PR_SET_DUMPABLE: who is not owns none of its /proc files, so that no parent in a user namespace may map it."""
    _check(syscall(_PRCTL, _PR_SET_DUMPABLE, int(value), 0, 0, 0))


def close_all_but(kept: list[int]) -> None:
    """Closes every descriptor that is not in the list."""
    first = 0
    for fd in [*sorted(set(kept)), _LAST + 1]:
        if fd > first:
            _check(syscall(_CLOSE_RANGE, first, fd - 1, 0))
        first = fd + 1


def block_signals(signals: list[int]) -> None:
    """Leaves signals to signalfd(). Here and not through the signal module, whose import costs 3 ms before a fork."""
    _check(syscall(_RT_SIGPROCMASK, _SIG_BLOCK, _mask(signals), 0, 8))


def reset_signals() -> None:
    """The mask and SIGINT as a fresh process has them; SIGPIPE stays ignored, as Python wants it."""
    _check(syscall(_RT_SIGPROCMASK, _SIG_SETMASK, _mask([]), 0, 8))
    _check(syscall(_RT_SIGACTION, _SIGINT, bytes(32), 0, 8))


def _mask(signals: list[int]) -> bytes:
    return sum(1 << (number - 1) for number in signals).to_bytes(8, "little")


def signalfd(signals: list[int]) -> int:
    """A non-blocking descriptor that reads signalfd_siginfo structures of blocked signals."""
    return _check(syscall(_SIGNALFD4, -1, _mask(signals), 8, _SFD_FLAGS))


def read_signal(fd: int) -> tuple[int, int] | None:
    """(signal, si_code) of the next pending one, None if there is none."""
    try:
        data = os.read(fd, SIGINFO_SIZE)
    except BlockingIOError:
        return None
    number, _, code = struct.unpack_from("=Iii", data)
    return number, code


def is_privileged() -> bool:
    """May this process make namespaces and map any id? Otherwise everything happens in a user namespace."""
    if os.geteuid() != 0:
        return False
    data = bytearray(24)
    if syscall(_CAPGET, struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), data) < 0:
        return False
    effective = int.from_bytes(data[0:4], "little")
    needed = 1 << _CAP_SETGID | 1 << _CAP_SETUID | 1 << _CAP_SYS_ADMIN
    return effective & needed == needed


def has_seccomp_notifier() -> bool:
    """Does the kernel know SECCOMP_RET_USER_NOTIF?"""
    return syscall(_SECCOMP, _SECCOMP_GET_NOTIF_SIZES, 0, bytearray(6)) == 0
