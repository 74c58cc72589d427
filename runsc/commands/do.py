# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc do`: a program on the host's own root, of which it sees everything and changes nothing.

Below is the host's root, read-only; above it a writable layer in memory that is thrown away; /proc, /dev and /sys are
the sandbox's own. Volumes are the exception: what is written there is real.
"""

from __future__ import annotations

import os

from runsc import capabilities
from runsc.exports import Export
from runsc.flags import MANY, TEXT, Flag, Values
from runsc.mount_options import MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY
from runsc.sandbox.launch import Launch, run_foreground
from runsc.settings import Settings
from sentry.control.config import MountConfig, ProcessConfig, SandboxConfig
from sentry.control.errors import ControlError, os_words

HELP = "run a program on the host's root; its writes are thrown away"
USAGE = "pysc do [flags] [--] COMMAND [ARGUMENT...]"
INTERLEAVED = False
FLAGS = (
    Flag("volume", MANY, "folder or file of the host whose changes are real", alias="v", placeholder="SRC[:DST[:ro]]"),
    Flag("cwd", TEXT, "working directory (default: the caller's)", placeholder="DIR"),
    Flag("env", MANY, "set a variable of the environment", alias="e", placeholder="NAME=VALUE"),
    Flag("root", TEXT, "a root file system to use instead of the host's", placeholder="DIR"),
    Flag("hostname", TEXT, "host name inside", "pysc"),
)  # fmt: skip

_SAFE = MS_NOSUID | MS_NODEV | MS_NOEXEC


def run(settings: Settings, values: Values, arguments: list[str]) -> int:
    """Runs the program; its exit code."""
    if not arguments:
        raise ControlError(f"what shall run? usage: {USAGE}")
    config, exports = configure(settings, values, arguments)
    return run_foreground(Launch(settings, config, exports, "do"))


def configure(settings: Settings, values: Values, arguments: list[str]) -> tuple[SandboxConfig, list[Export]]:
    """The sandbox that a command line describes. Raises: ControlError."""
    root = _root(values.text("root"))
    exports = [Export(root, True, True)]
    mounts = [
        MountConfig("/", "gofer", 0, overlay=True, shared=settings.root_shared, source="rootfs"),
        MountConfig("/proc", "proc", flags=_SAFE, source="proc"),
        MountConfig("/sys", "sysfs", flags=_SAFE | MS_RDONLY, source="sysfs"),
        MountConfig("/dev", "devtmpfs", flags=MS_NOSUID, data={"mode": "755"}, source="tmpfs"),
        MountConfig("/dev/pts", "devpts", flags=MS_NOSUID | MS_NOEXEC, source="devpts"),
        MountConfig("/dev/shm", "tmpfs", flags=MS_NOSUID | MS_NODEV, data={"mode": "1777"}, source="shm"),
    ]
    for volume in values.many("volume"):
        export, mount = _volume(volume, len(exports))
        mount.shared = settings.mounts_shared
        exports.append(export)
        mounts.append(mount)
    everything = dict.fromkeys(("bounding", "effective", "permitted"), capabilities.ALL)
    process = ProcessConfig(
        [os.fsencode(argument) for argument in arguments],
        _environment(values.many("env")),
        cwd=os.fsencode(_cwd(values.text("cwd"), own_root=bool(values.text("root")))),
        umask=_umask(),
        capabilities=everything,
    )
    hostname = values.text("hostname").encode(errors="surrogateescape")
    if len(hostname) > 64:
        raise ControlError(f"--hostname has {len(hostname)} bytes; at most 64 are possible")
    config = SandboxConfig(f"do-{os.getpid()}", process, mounts, hostname=hostname, init_killable=True)
    return config, exports


def _root(path: str) -> str:
    if not path:
        return "/"
    if not os.path.isdir(path):
        words = "not a directory" if os.path.exists(path) else "no such file or directory"
        raise ControlError(f"--root {path}: {words}")
    return os.path.realpath(path)


def _cwd(path: str, *, own_root: bool) -> str:
    if path:
        if not path.startswith("/"):
            raise ControlError(f"--cwd {path}: give an absolute path, as the program sees it")
        return path
    if own_root:
        return "/"
    try:
        return os.getcwd()
    except OSError as error:
        raise ControlError(f"the working directory: {os_words(error)}; choose one with --cwd") from None


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _environment(additions: list[str]) -> list[bytes]:
    environment = dict(os.environb)
    for addition in additions:
        name, equals, value = os.fsencode(addition).partition(b"=")
        if not equals or not name:
            raise ControlError(f"--env {addition}: write it as NAME=VALUE")
        environment[name] = value
    return [name + b"=" + value for name, value in environment.items()]


def _volume(text: str, index: int) -> tuple[Export, MountConfig]:
    parts = text.split(":")
    if len(parts) > 3 or (len(parts) == 3 and parts[2] not in ("ro", "rw")) or not parts[0]:
        raise ControlError(f"--volume {text}: write it as SRC, SRC:DST or SRC:DST:ro")
    source = os.path.realpath(parts[0])
    if not os.path.exists(source):
        raise ControlError(f"--volume {parts[0]}: no such file or directory; make it first")
    destination = parts[1] if len(parts) > 1 else os.path.abspath(parts[0])
    if not destination.startswith("/"):
        raise ControlError(f'--volume {text}: "{destination}" is not an absolute path')
    destination = os.path.normpath("/" + destination.lstrip("/"))
    if destination == "/":
        raise ControlError(f"--volume {text}: the root itself cannot be a volume; use --root")
    readonly = len(parts) == 3 and parts[2] == "ro"
    mount = MountConfig(destination, "gofer", index, MS_RDONLY if readonly else 0, source=source)
    return Export(source, readonly, True), mount
