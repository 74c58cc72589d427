# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Mount options as config.json writes them, into MS_* flags (include/uapi/linux/mount.h) and the rest."""

from __future__ import annotations

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_SYNCHRONOUS, MS_MANDLOCK, MS_DIRSYNC = 1, 2, 4, 8, 16, 64, 128
MS_NOSYMFOLLOW, MS_NOATIME, MS_NODIRATIME, MS_BIND, MS_REC = 256, 1024, 2048, 4096, 16384
MS_RELATIME, MS_STRICTATIME, MS_LAZYTIME = 1 << 21, 1 << 24, 1 << 25

# option -> (flags to set, flags to clear)
_FLAGS = {
    "defaults": (0, 0),
    "ro": (MS_RDONLY, 0), "rw": (0, MS_RDONLY),
    "suid": (0, MS_NOSUID), "nosuid": (MS_NOSUID, 0),
    "dev": (0, MS_NODEV), "nodev": (MS_NODEV, 0),
    "exec": (0, MS_NOEXEC), "noexec": (MS_NOEXEC, 0),
    "sync": (MS_SYNCHRONOUS, 0), "async": (0, MS_SYNCHRONOUS), "dirsync": (MS_DIRSYNC, 0),
    "mand": (MS_MANDLOCK, 0), "nomand": (0, MS_MANDLOCK),
    "symfollow": (0, MS_NOSYMFOLLOW), "nosymfollow": (MS_NOSYMFOLLOW, 0),
    "atime": (0, MS_NOATIME), "noatime": (MS_NOATIME, 0),
    "diratime": (0, MS_NODIRATIME), "nodiratime": (MS_NODIRATIME, 0),
    "relatime": (MS_RELATIME, 0), "norelatime": (0, MS_RELATIME),
    "strictatime": (MS_STRICTATIME, 0), "nostrictatime": (0, MS_STRICTATIME),
    "lazytime": (MS_LAZYTIME, 0), "nolazytime": (0, MS_LAZYTIME),
    "bind": (MS_BIND, 0), "rbind": (MS_BIND | MS_REC, 0),
}  # fmt: skip

# Recursive forms of mount_setattr(2): our binds carry their submounts with them, so they mean the plain ones.
_FLAGS.update({f"r{name}": _FLAGS[name] for name in (
    "ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "atime", "noatime", "diratime", "nodiratime",
    "relatime", "norelatime", "strictatime", "nostrictatime", "symfollow", "nosymfollow",
)})  # fmt: skip

# How mounts travel between host namespaces: there is nothing to travel here, since the guest's are not the host's.
_PROPAGATION = frozenset(prefix + name for prefix in ("", "r") for name in ("private", "shared", "slave", "unbindable"))

NOT_YET = frozenset(("idmap", "ridmap", "remount"))


def parse_options(options: list[str]) -> tuple[int, dict[str, str]]:
    """(MS_* flags, the file system's own options). Later options win, as with mount(8).

    Raises: ValueError with the words of the problem.
    """
    flags = 0
    data: dict[str, str] = {}
    for option in options:
        if option in _FLAGS:
            gives, takes = _FLAGS[option]
            flags = flags & ~takes | gives
        elif option in _PROPAGATION or not option:
            continue
        else:
            key, _, value = option.partition("=")
            if key in NOT_YET:
                raise ValueError(f'option "{option}" is not there yet')
            data[key] = value
    return flags, data
