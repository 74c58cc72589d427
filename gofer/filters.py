# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The gofer's seccomp filter: what it may still ask of the host kernel once it serves.

Owns the list, each call with the code that needs it; everything else kills the process. libseccomp makes the program.
Asking it costs about 15 ms (its binding looks for the library by running ldconfig), so the program is made
once, when pysc is built (python -m gofer.filters), and kept beside this module with a hash of the list; a missing or
outdated file is made up for on the spot.
"""

from __future__ import annotations

import array
import os
import struct
import sys
import zlib

from gofer.syscalls import NR_SECCOMP, RawSyscall

# Name, its number where libseccomp may be too old to know it, and who needs it.
ALLOWED: tuple[tuple[str, int, str], ...] = (
    # the channel
    ("recvmsg", 47, "channel: requests"),
    ("sendmsg", 46, "channel: replies"),
    ("poll", 7, "channel: a full socket buffer"),
    ("close", 3, "server: everything it opens"),
    # looking
    ("openat2", 437, "syscalls.openat2: every resolution of a path; there is no other way to open"),
    ("statx", 332, "syscalls.attributes"),
    ("readlinkat", 267, "server: READLINK, WALK"),
    ("getdents64", 217, "server: READDIR"),
    ("lseek", 8, "server: READDIR, to the cookie"),
    ("fstatfs", 138, "server: STATFS"),
    ("fchdir", 81, "server: extended attributes, whose calls take no directory"),
    ("lgetxattr", 192, "server: GETXATTR"),
    ("llistxattr", 195, "server: LISTXATTR"),
    # changing (read-only exports are read-only mounts, too)
    ("mkdirat", 258, "server: MKDIR"),
    ("mknodat", 259, "server: MKNOD"),
    ("symlinkat", 266, "server: SYMLINK"),
    ("linkat", 265, "server: LINK"),
    ("unlinkat", 263, "server: UNLINK, RMDIR"),
    ("renameat2", 316, "server: RENAME"),
    ("fchmod", 91, "server: CREATE"),
    ("fchmodat", 268, "server: SETATTR before Linux 6.6"),
    ("fchmodat2", 452, "server: SETATTR, MKDIR, MKNOD"),
    ("fchown", 93, "server: CREATE"),
    ("fchownat", 260, "server: SETATTR, MKDIR, MKNOD, SYMLINK"),
    ("utimensat", 280, "server: SETATTR"),
    ("ftruncate", 77, "server: SETATTR"),
    ("lsetxattr", 189, "server: SETXATTR"),
    ("lremovexattr", 198, "server: REMOVEXATTR"),
    ("fsync", 74, "server: SYNC"),
    ("syncfs", 306, "server: SYNC"),
    # the interpreter
    ("write", 1, "the traceback of a bug, to descriptor 2"),
    ("brk", 12, "malloc"),
    ("mmap", 9, "malloc; new executable mappings are not allowed"),
    ("mremap", 25, "realloc"),
    ("munmap", 11, "free"),
    ("madvise", 28, "free"),
    ("futex", 202, "locks of the interpreter"),
    ("getrandom", 318, "malloc and hash seeds"),
    ("rt_sigprocmask", 14, "abort"),
    ("rt_sigreturn", 15, "after a signal handler"),
    ("rt_sigaction", 13, "the interpreter's end"),
    ("getpid", 39, "abort"),
    ("gettid", 186, "abort"),
    ("tgkill", 234, "abort"),
    ("restart_syscall", 219, "poll after a stop"),
    ("exit_group", 231, "the end"),
    ("exit", 60, "the end"),
)

_PROT_EXEC = 4
_SET_MODE_FILTER = 1
_MAGIC = b"PYSCBPF1"
_CACHE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "filter.bpf")


def _stamp() -> bytes:
    """Names the list that a program was made of."""
    return _MAGIC + struct.pack("<I", zlib.crc32(repr((ALLOWED, os.uname().machine)).encode()))


def build() -> bytes:
    """The program: an array of struct sock_filter. Needs libseccomp."""
    import ctypes.util
    import tempfile

    # The binding asks ctypes for the library's file name, which runs ldconfig and gcc; the name is part of its ABI.
    find_library = ctypes.util.find_library
    ctypes.util.find_library = lambda name: {"c": "libc.so.6", "seccomp": "libseccomp.so.2"}.get(name)
    try:
        import pyseccomp
    finally:
        ctypes.util.find_library = find_library

    rules = pyseccomp.SyscallFilter(pyseccomp.KILL_PROCESS)
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)  # the default is the thread alone
    for name, number, _ in ALLOWED:
        if name == "mmap":
            no_exec = pyseccomp.Arg(2, pyseccomp.MASKED_EQ, _PROT_EXEC, 0)
            rules.add_rule(pyseccomp.ALLOW, number, no_exec)
        else:
            rules.add_rule(pyseccomp.ALLOW, number)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def program() -> bytes:
    """The program, from the file made when pysc was built if that fits the list above."""
    try:
        with open(_CACHE, "rb") as file:
            data = file.read(1 << 16)
    except OSError:
        return build()
    stamp = _stamp()
    if data.startswith(stamp) and len(data) > len(stamp) and (len(data) - len(stamp)) % 8 == 0:
        return data[len(stamp) :]
    return build()


def install(bpf: bytes, raw: RawSyscall) -> None:
    """Puts the filter on this process, for good; no_new_privs must be set. Raises: OSError."""
    code = array.array("B", bpf)
    address, _ = code.buffer_info()
    # struct sock_fprog of linux/filter.h
    result = raw(NR_SECCOMP, _SET_MODE_FILTER, 0, struct.pack("<H6xQ", len(bpf) // 8, address))
    if result:
        raise OSError(-result, os.strerror(-result))


def main() -> int:
    """Writes the program beside this module (for the build)."""
    data = _stamp() + build()
    temporary = _CACHE + ".tmp"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, _CACHE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
