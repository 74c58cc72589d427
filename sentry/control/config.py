# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What a sandbox is made of: written by runsc from the bundle, read by the sentry. Plain data, checked by runsc.

Written out by hand, since importing dataclasses costs a sixth of the whole start-up (12 ms).
"""

from __future__ import annotations


class _Record:
    """Equality and repr over __slots__."""

    __slots__: tuple[str, ...] = ()

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Record) and type(other) is type(self) and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment] # mutable: not to be a key

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"


class MountConfig(_Record):
    """One mount inside the guest, in order.

    kind: "gofer" (export: index of the gofer's export), "tmpfs", "proc", "sysfs", "devtmpfs" (our /dev), "devpts",
    "mqueue", "cgroup". destination: absolute and normalised; the sentry makes it if it is missing. overlay: a
    throw-away writable layer on top (gofer mounts only). shared: the host may change it while we run, so cached names
    must be checked again. flags: MS_*; data: the file system's options such as {"size": "64m", "mode": "755"}.
    source: what /proc/self/mounts shows.
    """

    __slots__ = ("destination", "kind", "export", "flags", "overlay", "shared", "data", "source")

    def __init__(
        self,
        destination: str,
        kind: str,
        export: int = -1,
        flags: int = 0,
        overlay: bool = False,
        shared: bool = False,
        data: dict[str, str] | None = None,
        source: str = "",
    ) -> None:
        self.destination = destination
        self.kind = kind
        self.export = export
        self.flags = flags
        self.overlay = overlay
        self.shared = shared
        self.data: dict[str, str] = {} if data is None else data
        self.source = source


class ProcessConfig(_Record):
    """The first program.

    capabilities: the sets bounding, effective, inheritable, permitted, ambient as bit masks; {}: none at all.
    limits: RLIMIT_* number -> (soft, hard). oom_score_adj: None leaves it as it is.
    """

    __slots__ = (
        "arguments", "environment", "cwd", "uid", "gid", "groups", "umask", "terminal", "capabilities", "no_new_privs",
        "limits", "oom_score_adj",
    )  # fmt: skip

    def __init__(
        self,
        arguments: list[bytes],
        environment: list[bytes],
        cwd: bytes = b"/",
        uid: int = 0,
        gid: int = 0,
        groups: list[int] | None = None,
        umask: int = 0o022,
        terminal: bool = False,
        capabilities: dict[str, int] | None = None,
        no_new_privs: bool = False,
        limits: dict[int, tuple[int, int]] | None = None,
        oom_score_adj: int | None = None,
    ) -> None:
        self.arguments = arguments
        self.environment = environment
        self.cwd = cwd
        self.uid = uid
        self.gid = gid
        self.groups: list[int] = [] if groups is None else groups
        self.umask = umask
        self.terminal = terminal
        self.capabilities: dict[str, int] = {} if capabilities is None else capabilities
        self.no_new_privs = no_new_privs
        self.limits: dict[int, tuple[int, int]] = {} if limits is None else limits
        self.oom_score_adj = oom_score_adj


class SandboxConfig(_Record):
    """A whole sandbox.

    init_killable: signals with a fatal default action end PID 1 (pysc do), unlike on Linux. debug_log: a descriptor
    for log lines, -1: none. memory_limit: bytes of tmpfs and overlay data, 0: half of the machine's memory.
    process_limit: tasks, 0: a default. devices: guest path -> (kind "c" or "b", major, minor, mode, uid, gid).
    """

    __slots__ = (
        "id", "process", "mounts", "hostname", "domainname", "platform", "network", "init_killable", "strace", "debug",
        "debug_log", "memory_limit", "process_limit", "masked_paths", "readonly_paths", "sysctl", "rootless",
        "annotations", "devices",
    )  # fmt: skip

    def __init__(
        self,
        id: str,  # noqa: A002 - the field is named as in the OCI state
        process: ProcessConfig,
        mounts: list[MountConfig],
        hostname: bytes = b"",
        domainname: bytes = b"",
        platform: str = "notify",
        network: str = "none",
        init_killable: bool = False,
        strace: bool = False,
        debug: bool = False,
        debug_log: int = -1,
        memory_limit: int = 0,
        process_limit: int = 0,
        masked_paths: list[bytes] | None = None,
        readonly_paths: list[bytes] | None = None,
        sysctl: dict[str, str] | None = None,
        rootless: bool = False,
        annotations: dict[str, str] | None = None,
        devices: dict[str, tuple[str, int, int, int, int, int]] | None = None,
    ) -> None:
        self.id = id
        self.process = process
        self.mounts = mounts
        self.hostname = hostname
        self.domainname = domainname
        self.platform = platform
        self.network = network
        self.init_killable = init_killable
        self.strace = strace
        self.debug = debug
        self.debug_log = debug_log
        self.memory_limit = memory_limit
        self.process_limit = process_limit
        self.masked_paths: list[bytes] = [] if masked_paths is None else masked_paths
        self.readonly_paths: list[bytes] = [] if readonly_paths is None else readonly_paths
        self.sysctl: dict[str, str] = {} if sysctl is None else sysctl
        self.rootless = rootless
        self.annotations: dict[str, str] = {} if annotations is None else annotations
        self.devices: dict[str, tuple[str, int, int, int, int, int]] = {} if devices is None else devices
