# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""From the mounts of a configuration to the guest's tree, and from inherited descriptors to its 0, 1 and 2."""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import LinuxError
from sentry.control.errors import ControlError
from sentry.fs import cgroupfs, devices, devpts, pipes, proc, sysfs, tmpfs, tty
from sentry.fs.gofer import GoferClient, GoferFilesystem
from sentry.fs.host import HostFile, HostFilesystem, reopen_nonblocking
from sentry.fs.overlay import OverlayFilesystem
from sentry.kernel import posix_timers, shared_memory, sysv_ipc
from sentry.net import unix
from sentry.vfs import namei, special, walk
from sentry.vfs.attributes import AttributeChange
from sentry.vfs.filesystem import allocate_dev
from sentry.vfs.mounts import MountNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gofer.channel import Channel
    from sentry.control.config import MountConfig, SandboxConfig
    from sentry.kernel.kernel import Kernel
    from sentry.vfs.filesystem import Filesystem

_MS_RDONLY = 1


def build_mounts(kernel: Kernel, config: SandboxConfig, channel: Channel) -> MountNamespace:
    """The mount namespace of the first task; missing mount points are made. Raises: ControlError, naming the mount."""
    if config.memory_limit:
        tmpfs.total.limit = config.memory_limit
    tmpfs.reopen_read_only = kernel.reopen_read_only
    client = GoferClient(channel)
    namespace: MountNamespace | None = None
    for mount in config.mounts:
        try:
            filesystem = _filesystem(kernel, mount, client)
            if namespace is None:
                namespace = MountNamespace(filesystem, mount.flags)
                kernel.mounts = namespace
                continue
            directory = filesystem.root.is_directory
            point = namespace.mount_point(os.fsencode(mount.destination), directory)
            namespace.mount(filesystem, point, mount.flags, mount.source.encode() or None)
        except LinuxError as error:
            words = os.strerror(error.errno).lower()
            raise ControlError(f"mount {mount.destination} ({mount.kind}): {words}") from None
    if namespace is None:
        raise ControlError("the configuration has no root file system")
    _make_devices(namespace, config)
    _restrict(namespace, config)
    return namespace


def _make_devices(namespace: MountNamespace, config: SandboxConfig) -> None:
    """linux.devices: nodes whose drivers are ours (others can be opened by nobody)."""
    task = namespace.start_task()
    for path, (kind, major, minor, mode, uid, gid) in config.devices.items():
        place = os.fsencode(path)
        file_type = stat.S_IFBLK if kind == "b" else stat.S_IFCHR
        try:
            namespace.mount_point(os.path.dirname(place))
            try:
                namei.unlink(task, task.fs.root, place)
            except LinuxError as error:
                if error.errno != errno.ENOENT:
                    raise
            made = namei.mknod(task, task.fs.root, place, file_type | mode, os.makedev(major, minor))
            made.inode.set_attributes(AttributeChange(mode=mode, uid=uid, gid=gid))
        except LinuxError as error:
            raise ControlError(f"linux.devices {path}: {os.strerror(error.errno).lower()}") from None


def _restrict(namespace: MountNamespace, config: SandboxConfig) -> None:
    """linux.readonlyPaths and linux.maskedPaths; what does not exist needs neither."""
    task = namespace.start_task()
    for path in config.readonly_paths:
        try:
            place = walk.resolve(task, task.fs.root, path)
            namespace.bind(place, place, recursive=True, flags=place.mount.flags | _MS_RDONLY)
        except LinuxError as error:
            _unless_missing(error, "readonlyPaths", path)
    for path in config.masked_paths:
        try:
            place = walk.resolve(task, task.fs.root, path)
            cover = tmpfs.make_tmpfs({"mode": "755", "size": "0k"})
            if not place.inode.is_directory:
                mode = stat.S_IFCHR | 0o666
                cover.root = tmpfs.SpecialNode(cover, cover.budget, cover.next_ino(), mode, 0, 0, os.makedev(1, 3))
            namespace.mount(cover, place, _MS_RDONLY)
        except LinuxError as error:
            _unless_missing(error, "maskedPaths", path)


def _unless_missing(error: LinuxError, what: str, path: bytes) -> None:
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        where = path.decode("utf-8", "replace")
        raise ControlError(f"linux.{what} {where}: {os.strerror(error.errno).lower()}")


def _filesystem(kernel: Kernel, mount: MountConfig, client: GoferClient) -> Filesystem:
    kind = mount.kind
    if kind == "gofer":
        below = GoferFilesystem(
            client,
            mount.export,
            allocate_dev(),
            allocate_dev=allocate_dev,
            host_syscall=kernel.host_syscall,
            shared=mount.shared,
            source=os.fsencode(mount.source),
        )
        return OverlayFilesystem(below.root, tmpfs.total) if mount.overlay else below
    if kind == "tmpfs":
        return tmpfs.make_tmpfs(mount.data)
    if kind == "proc":
        return proc.ProcFilesystem(allocate_dev(), kernel)
    if kind == "sysfs":
        return sysfs.SysFilesystem(allocate_dev(), kernel)
    if kind == "devtmpfs":
        return devices.build_dev(tmpfs.total)
    if kind == "devpts":
        return devpts.DevptsFilesystem(allocate_dev(), kernel, mount.data)
    if kind == "cgroup":
        return cgroupfs.CgroupFilesystem(allocate_dev(), kernel)
    if kind == "mqueue":
        return tmpfs.make_tmpfs({"mode": "755"})
    raise LinuxError(errno.ENODEV)


def unblock_stdio(descriptors: list[int]) -> list[int]:
    """Pipes and terminals opened anew without blocking, in place of what was inherited: the sentry must never wait in a
    read, and those who share the originals must not see the flag. Needs the host's /proc."""
    fresh = []
    for fd in descriptors:
        fresh.append(reopen_nonblocking(fd))
        os.close(fd)
    return fresh


def open_stdio(kernel: Kernel, descriptors: list[int]) -> list[HostFile]:
    """The inherited descriptors as files, to become 0, 1, 2, ...: before the sentry's filter is installed."""
    filesystem = HostFilesystem(allocate_dev())
    files = []
    for fd in descriptors:
        status = os.fstat(fd)
        is_terminal = stat.S_ISCHR(status.st_mode) and os.isatty(fd)
        terminal = tty.host_terminal(kernel, status.st_rdev) if is_terminal else None
        files.append(HostFile.inherit(kernel, filesystem, fd, terminal=terminal))
    return files


def show_terminals(files: list[HostFile]) -> None:
    """Gives inherited terminals their names in the guest's /dev/pts, once that is mounted."""
    for file in files:
        terminal = file.inode.terminal
        if isinstance(terminal, tty.HostTerminal):
            devpts.show_host_terminal(terminal, file.inode)


def register_drivers(kernel: Kernel) -> None:
    """Makes FIFOs and devices work, and follows the ends of processes for what hangs on them."""
    special.register_fifo(pipes.open_fifo_blocking)
    devpts.register(kernel)
    unix.current_task = lambda: kernel.current
    posix_timers.register(kernel)
    sysv_ipc.register(kernel)
    shared_memory.make_file = tmpfs.make_memfd
    shared_memory.register(kernel)
