# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The gofer's jail: a root of its exports alone, no capability too many, a short list of system calls.

Owns the order of the steps, which matters: mounts need CAP_SYS_ADMIN, so privileges go after them; the filter comes
last, as it forbids all of this. Called in the gofer's own process, forked for it, as root or as the root of a user
namespace made for the sandbox.

The exports are mounted at /0, /1, ... of an own read-only tmpfs. A recursive export takes the mounts below it along,
but for pseudo file systems: what the host's kernel says of itself through /proc, /sys and /dev is no business of a
sandbox, which has its own. Where they cannot be detached (mounts of a less privileged namespace are locked together) an
empty tmpfs covers them.

Source: mount_namespaces(7), user_namespaces(7), pivot_root(2), mount_setattr(2), capabilities(7).
"""

from __future__ import annotations

import errno
import os
import stat
import struct

from gofer import filters
from gofer.server import ServedExport
from gofer.syscalls import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_RECURSIVE,
    NR_CAPSET,
    NR_CLOSE_RANGE,
    NR_MOUNT,
    NR_MOUNT_SETATTR,
    NR_MOVE_MOUNT,
    NR_OPEN_TREE,
    NR_PIVOT_ROOT,
    NR_PRCTL,
    NR_PRLIMIT64,
    NR_UMOUNT2,
    RawSyscall,
    Syscalls,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# linux/sched.h
_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC, _CLONE_NEWNET = 0x20000, 0x4000000, 0x8000000, 0x40000000

# linux/mount.h
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 1, 2, 4, 8, 0x4000, 1 << 18
_MNT_DETACH = 2
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4
_MOUNT_ATTR = struct.Struct("<QQQQ")  # set, clear, propagation, userns_fd

# linux/prctl.h
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 4, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SIGKILL = 9
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_LAST = 40

# linux/capability.h: what acting for any user of a file system takes, and nothing else.
_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER, _CAP_FSETID, _CAP_MKNOD = 0, 1, 2, 3, 4, 27
_KEPT = (_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER, _CAP_FSETID)

# asm-generic/resource.h; a gofer holds the exports, the channel and a handful of descriptors of one request.
_RLIMIT_DATA, _RLIMIT_CORE, _RLIMIT_NPROC, _RLIMIT_NOFILE = 2, 4, 6, 7
_DATA_LIMIT = 1 << 30  # bytes: requests and replies of at most 8 MiB, so far beyond any need

# Where the new root is first mounted: any directory will do, it is gone after the pivot.
_STAGES = (b"/tmp", b"/mnt", b"/var", b"/etc", b"/usr")

# File systems that show or control the kernel rather than hold anybody's files.
PSEUDO = frozenset(
    (
        "autofs", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs",
        "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nfsd", "nsfs", "proc", "pstore", "resctrl", "rpc_pipefs",
        "securityfs", "selinuxfs", "smackfs", "sysfs", "tracefs",
    )
)  # fmt: skip
_PSEUDO_BY_PLACE = ("/proc", "/sys", "/dev")  # in a container, these are often a tmpfs with binds in it


class Export:
    """What the sandbox may see of the host.

    source: an absolute path of a directory or a file, with no links in it (realpath). recursive: with the mounts below,
    as the host has them now.
    """

    __slots__ = ("readonly", "recursive", "source")

    def __init__(self, source: str, readonly: bool, recursive: bool) -> None:
        self.source = source
        self.readonly = readonly
        self.recursive = recursive


class JailError(Exception):
    """A step of the jail failed: the gofer must not serve. The message is one line for a person."""


def enter(
    exports: Sequence[Export],
    raw_syscall: RawSyscall,
    *,
    keep: Iterable[int],
    devices: bool = False,
    network_namespace: bool = True,
    program: bytes | None = None,
) -> list[ServedExport]:
    """Locks this process in: the exports, to be served by their index.

    keep: the descriptors that stay open (the channel); 0, 1 and 2 become /dev/null, unless kept. devices: may it make
    device nodes? network_namespace: False where the caller's is already an empty one. program: of filters.program(), if
    the caller has read it already.
    Raises: JailError.
    """
    step = "start"
    syscalls = Syscalls(raw_syscall)
    try:
        # Whoever started us may change its credentials later; this one is ours.
        syscalls.prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        step = "close inherited descriptors"
        _close_others(syscalls, set(keep))
        code = filters.program() if program is None else program
        step = "make namespaces"
        syscalls.unshare(_CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWUTS | (_CLONE_NEWNET if network_namespace else 0))
        syscalls.call(NR_MOUNT, b"none", b"/", 0, _MS_REC | _MS_PRIVATE, 0)
        mounts = _mounts() if any(export.recursive for export in exports) else []
        trees = []
        for export in exports:
            step = f"export {export.source}"
            trees.append(_clone_tree(syscalls, export))
        step = "build the root"
        stage = _stage(syscalls, len(exports))
        kinds = []
        for index, (export, tree) in enumerate(zip(exports, trees, strict=True)):
            step = f"mount {export.source}"
            kinds.append(_attach(syscalls, tree, stage, index))
            if export.recursive:
                _hide_pseudo(syscalls, export, b"%s/%d" % (stage, index), mounts)
        step = "change the root"
        _pivot(syscalls, stage)
        step = "open the exports"
        served = _open_exports(syscalls, exports, kinds)
        step = "drop privileges"
        _drop_privileges(syscalls, devices)
        step = "limit resources"
        _limit(syscalls, len(exports))
        step = "install the filter"
        filters.install(code, raw_syscall)
    except OSError as error:
        raise JailError(f"gofer: cannot {step}: {error.strerror or error}") from error
    return served


def _close_others(syscalls: Syscalls, keep: set[int]) -> None:
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for descriptor in (0, 1, 2):
        if descriptor not in keep and descriptor != null:
            os.dup2(null, descriptor)
    if null > 2 and null not in keep:
        os.close(null)
    low = 3
    for descriptor in sorted(keep):
        if descriptor < low:
            continue
        if descriptor > low:
            syscalls.call(NR_CLOSE_RANGE, low, descriptor - 1, 0)
        low = descriptor + 1
    syscalls.call(NR_CLOSE_RANGE, low, (1 << 32) - 1, 0)


def _mounts() -> list[tuple[str, str]]:
    """(mount point, file system type) of this namespace, in the order of mounting (proc_pid_mountinfo(5))."""
    found = []
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file.read().decode(errors="surrogateescape").splitlines():
            fields = line.split(" ")
            point = fields[4]
            if "\\" in point:
                point = os.fsdecode(os.fsencode(point).decode("unicode_escape").encode("latin-1"))
            found.append((point, fields[fields.index("-", 6) + 1]))
    return found


def _clone_tree(syscalls: Syscalls, export: Export) -> int:
    """A detached copy of the mount at the source. Raises: OSError."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC
    deep = AT_RECURSIVE if export.recursive else 0
    source = os.fsencode(export.source)
    try:
        tree = syscalls.call(NR_OPEN_TREE, AT_FDCWD, source, flags | deep)
    except OSError as error:
        # In a user namespace a mount cannot be had without what covers parts of it: the mounts below come along.
        if error.errno != errno.EINVAL or deep:
            raise
        deep = AT_RECURSIVE
        export.recursive = True
        tree = syscalls.call(NR_OPEN_TREE, AT_FDCWD, source, flags | deep)
    wanted = _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV | (_MOUNT_ATTR_RDONLY if export.readonly else 0)
    change = _MOUNT_ATTR.pack(wanted, 0, 0, 0)
    syscalls.call(NR_MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH | deep, change, _MOUNT_ATTR.size)
    return tree


def _stage(syscalls: Syscalls, exports: int) -> bytes:
    """Mounts the new root on some directory, whose path is given back. Raises: OSError."""
    for stage in _STAGES:
        if os.path.isdir(stage) and not os.path.islink(stage):
            break
    else:
        raise OSError(errno.ENOENT, "the host has none of /tmp, /mnt, /var, /etc, /usr")
    data = b"mode=0755,size=65536,nr_inodes=%d" % (exports + 16)
    syscalls.call(NR_MOUNT, b"gofer", stage, b"tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, data)
    return stage


def _attach(syscalls: Syscalls, tree: int, stage: bytes, index: int) -> bool:
    """Mounts a tree at /<index> of the new root: is it a directory? Raises: OSError."""
    place = b"%s/%d" % (stage, index)
    is_directory = stat.S_ISDIR(os.fstat(tree).st_mode)
    if is_directory:
        os.mkdir(place, 0o555)
    else:
        os.mknod(place, stat.S_IFREG | 0o444)
    syscalls.call(NR_MOVE_MOUNT, tree, b"", AT_FDCWD, place, _MOVE_MOUNT_F_EMPTY_PATH)
    os.close(tree)
    return is_directory


def _hide_pseudo(syscalls: Syscalls, export: Export, place: bytes, mounts: list[tuple[str, str]]) -> None:
    """Detaches or covers what no sandbox has to see below a recursive export. Raises: OSError."""
    prefix = export.source if export.source.endswith("/") else export.source + "/"
    hidden: list[str] = []
    for point, kind in mounts:
        if not point.startswith(prefix) or point == prefix or point.startswith(tuple(path + "/" for path in hidden)):
            continue
        if (kind in PSEUDO or point in _PSEUDO_BY_PLACE) and point not in hidden:
            hidden.append(point)
    for point in hidden:
        target = place + b"/" + os.fsencode(point[len(prefix) :])
        # Mounts may be stacked: every layer that this export brought along has to go.
        layers = sum(other == point for other, _ in mounts)
        while layers and syscalls.raw(NR_UMOUNT2, target, _MNT_DETACH) == 0:
            layers -= 1
        if layers:
            _cover(syscalls, target)


def _cover(syscalls: Syscalls, target: bytes) -> None:
    """Puts something empty over a mount that cannot be detached; what is not there any more needs none."""
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        return  # a single node, such as a console bound into a container; nodev keeps it from being opened
    flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    syscalls.call(NR_MOUNT, b"none", target, b"tmpfs", flags, b"mode=0555,size=0,nr_inodes=1")


def _pivot(syscalls: Syscalls, stage: bytes) -> None:
    """Makes the stage the root and lets go of the old one. Raises: OSError."""
    os.chdir(stage)
    # The old root ends on top of the new one (pivot_root(2), NOTES), so that no directory is needed for it.
    syscalls.call(NR_PIVOT_ROOT, b".", b".")
    syscalls.call(NR_UMOUNT2, b".", _MNT_DETACH)
    os.chdir("/")
    change = _MOUNT_ATTR.pack(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    syscalls.call(NR_MOUNT_SETATTR, AT_FDCWD, b"/", 0, change, _MOUNT_ATTR.size)


def _open_exports(syscalls: Syscalls, exports: Sequence[Export], kinds: list[bool]) -> list[ServedExport]:
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    served = []
    for index, (export, is_directory) in enumerate(zip(exports, kinds, strict=True)):
        if is_directory:
            descriptor = syscalls.openat2(root, b"%d" % index, os.O_PATH | os.O_DIRECTORY)
            served.append(ServedExport(descriptor, export.readonly))
        else:
            served.append(ServedExport(root, export.readonly, b"%d" % index))
    return served


def _drop_privileges(syscalls: Syscalls, devices: bool) -> None:
    try:
        os.setgroups([])
    except PermissionError:
        pass  # a user namespace of an ordinary user: groups may refuse something to their members, so they are kept
    kept = sum(1 << capability for capability in _KEPT) | (1 << _CAP_MKNOD if devices else 0)
    syscalls.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(_CAP_LAST + 1):
        if not kept >> capability & 1:
            syscalls.raw(NR_PRCTL, _PR_CAPBSET_DROP, capability, 0, 0, 0)  # EINVAL: an older kernel has fewer
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    syscalls.call(NR_CAPSET, header, struct.pack("<6I", low, low, 0, high, high, 0))
    syscalls.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(_PR_SET_DUMPABLE, 0)


def _limit(syscalls: Syscalls, exports: int) -> None:
    for resource, limit in (
        (_RLIMIT_CORE, 0),
        (_RLIMIT_NPROC, 0),
        (_RLIMIT_NOFILE, exports + 128),
        (_RLIMIT_DATA, _DATA_LIMIT),
    ):
        syscalls.call(NR_PRLIMIT64, 0, resource, struct.pack("<QQ", limit, limit), 0)
