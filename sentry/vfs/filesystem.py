# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The contract of a mounted file system (super block)."""

from __future__ import annotations

import itertools

from sentry.lean import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Dentry

_devices = itertools.count(20)


def allocate_dev() -> int:
    """A st_dev of its own for a file system without a block device (major 0, as get_anon_bdev of fs/super.c)."""
    minor = next(_devices)
    return (minor & 0xFF) | (minor & 0xFFF00) << 12


class FilesystemStatus(Record):
    """statfs(2): block counts of block_size bytes."""

    __slots__ = ("magic", "block_size", "blocks", "blocks_free", "files", "files_free", "name_max")

    def __init__(
        self,
        magic: int,
        block_size: int = 4096,
        blocks: int = 0,
        blocks_free: int = 0,
        files: int = 0,
        files_free: int = 0,
        name_max: int = 255,
    ) -> None:
        self.magic = magic
        self.block_size = block_size
        self.blocks = blocks
        self.blocks_free = blocks_free
        self.files = files
        self.files_free = files_free
        self.name_max = name_max


class Filesystem:
    """A super block. dev is the guest's st_dev; type what /proc/mounts shows (b"tmpfs"); root its root inode.

    shared: somebody outside of the sandbox may change it, so dentries must be checked again at every lookup
    (revalidate); False: the sentry owns the tree and may cache positive and negative answers for ever.
    takes_names: False for proc and its like, which say ENOENT of a name that they do not have, whatever for.
    opens_special: its inodes open FIFOs and devices themselves (descriptors of the host).
    cached: False for synthetic trees (proc), whose dentries are never kept.
    root_dentry: made by the first mount, shared by all mounts of it.
    """

    type: bytes = b"none"
    source: bytes = b"none"
    options: bytes = b""
    shared = False
    cached = True
    opens_special = False
    takes_names = True

    def __init__(self, dev: int) -> None:
        self.dev = dev
        self.root: Inode
        self.root_dentry: Dentry | None = None

    def revalidate(self, parent: Inode, name: bytes, child: Inode | None) -> bool:
        """Only if shared: is the cached answer (None: "no such name") for parent/name still right?"""
        return True

    def status(self) -> FilesystemStatus:
        raise NotImplementedError

    def unmounted(self) -> None:
        """The last mount is gone. Inodes know their file system: without this cut, a cycle would keep all of them until
        the garbage collector comes; so those still open go one by one, and the rest at once."""
        self.__dict__.pop("root", None)  # it may be gone already
        self.root_dentry = None

    def sync(self) -> None:
        """syncfs(2)."""
