# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""config.json of an OCI bundle, checked, and made into what the sandbox understands.

Owns: the meaning of every field that pysc uses. Source: opencontainers/runtime-spec 1.2, config.md and
config-linux.md. A field that would make the sandbox weaker or other than asked if it were ignored is refused with
"not there yet"; what only matters to a host kernel (seccomp profiles, AppArmor, SELinux, propagation) is noted in the
warnings, since the program never meets the host kernel.
"""

from __future__ import annotations

import os
import stat

from runsc import capabilities
from runsc.exports import Export
from runsc.id_mapping import IdMapping
from runsc.json_reader import Reader, load
from runsc.mount_options import MS_BIND, MS_RDONLY, MS_REC, parse_options
from runsc.settings import Settings
from sentry.control.config import MountConfig, ProcessConfig, SandboxConfig
from sentry.control.errors import ControlError, os_words

OCI_VERSION = "1.2.0"
UID_MAX = (1 << 32) - 2
RLIM_INFINITY = (1 << 64) - 1

# getrlimit(2), asm-generic/resource.h
RLIMITS = {
    "RLIMIT_CPU": 0, "RLIMIT_FSIZE": 1, "RLIMIT_DATA": 2, "RLIMIT_STACK": 3, "RLIMIT_CORE": 4, "RLIMIT_RSS": 5,
    "RLIMIT_NPROC": 6, "RLIMIT_NOFILE": 7, "RLIMIT_MEMLOCK": 8, "RLIMIT_AS": 9, "RLIMIT_LOCKS": 10,
    "RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14, "RLIMIT_RTTIME": 15,
}  # fmt: skip

# type of config.json -> kind of MountConfig
KINDS = {
    "proc": "proc", "sysfs": "sysfs", "tmpfs": "tmpfs", "ramfs": "tmpfs", "devtmpfs": "devtmpfs", "devpts": "devpts",
    "mqueue": "mqueue", "cgroup": "cgroup", "cgroup2": "cgroup",
}  # fmt: skip

NAMESPACES = frozenset(("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"))
MAXIMUM_HOSTNAME = 64  # __NEW_UTS_LEN


class Hook:
    """A program of the host to run at a point of the container's life. timeout: seconds, 0: none."""

    __slots__ = ("path", "arguments", "environment", "timeout")

    def __init__(self, path: str, arguments: list[str], environment: list[str], timeout: int) -> None:
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.timeout = timeout

    def as_json(self) -> dict[str, object]:
        """As config.json has it."""
        return {"path": self.path, "args": self.arguments, "env": self.environment, "timeout": self.timeout}


class Bundle:
    """What config.json asks for. exports: what the gofer may name; exports[0] is the root file system."""

    __slots__ = (
        "path", "rootfs", "config", "exports", "oci_version", "hooks", "cgroups_path", "uid_mappings", "gid_mappings",
        "warnings", "console_size",
    )  # fmt: skip

    def __init__(self, path: str, rootfs: str, config: SandboxConfig, exports: list[Export]) -> None:
        self.path = path
        self.rootfs = rootfs
        self.config = config
        self.exports = exports
        self.oci_version = OCI_VERSION
        self.hooks: dict[str, list[Hook]] = {}
        self.cgroups_path = ""
        self.uid_mappings: list[IdMapping] = []
        self.gid_mappings: list[IdMapping] = []
        self.warnings: list[str] = []
        self.console_size: tuple[int, int] | None = None  # rows, columns


def load_bundle(path: str, identifier: str, settings: Settings) -> Bundle:
    """Reads the bundle in a folder.

    Raises: ControlError: one line that names the file and the field.
    """
    path = os.path.abspath(path)
    if not os.path.isdir(path):
        words = "not a directory" if os.path.lexists(path) else "no such file or directory"
        raise ControlError(f"bundle {path}: {words}; give the folder of config.json with --bundle")
    file = os.path.join(path, "config.json")
    if not os.path.lexists(file):
        raise ControlError(f'{file}: no such file or directory; "pysc spec --bundle {path}" writes one')
    return read_bundle(load(file, "config.json"), path, identifier, settings)


def read_bundle(reader: Reader, path: str, identifier: str, settings: Settings) -> Bundle:
    """The bundle of a parsed config.json. path: the bundle's absolute folder. Raises: ControlError."""
    version = _version(reader)
    warnings: list[str] = []
    process = _process(reader, warnings)
    rootfs, readonly = _root(reader, path)
    mounts, exports = _mounts(reader, path, rootfs, readonly, settings, warnings)
    config = SandboxConfig(
        identifier,
        process,
        mounts,
        hostname=_hostname(reader, "hostname"),
        domainname=_hostname(reader, "domainname"),
        annotations=reader.text_map("annotations"),
    )
    bundle = Bundle(path, rootfs, config, exports)
    bundle.oci_version = version
    bundle.warnings = warnings
    bundle.hooks = _hooks(reader)
    size = reader.child("process").child("consoleSize")
    if size.has("height") or size.has("width"):
        bundle.console_size = (size.number("height", high=65535), size.number("width", high=65535))
    _linux(reader.child("linux"), bundle)
    for other in ("windows", "vm", "solaris", "zos"):
        if reader.has(other):
            warnings.append(f"config.json: {other}: ignored")
    return bundle


def _version(reader: Reader) -> str:
    reader.required("ociVersion")
    version = reader.text("ociVersion")
    if version.partition(".")[0] != "1":
        raise reader.fail("ociVersion", f'"{version}" is not a version that pysc knows: 1.0 to {OCI_VERSION}')
    return version


def _process(reader: Reader, warnings: list[str]) -> ProcessConfig:
    reader.required("process")
    process = reader.child("process")
    arguments = process.texts("args")
    if not arguments:
        raise process.fail("args", "missing, and required: the program and its arguments")
    process.required("cwd")
    cwd = process.text("cwd")
    if not cwd.startswith("/"):
        raise process.fail("cwd", f'expected an absolute path, got "{cwd}"')
    user = process.child("user")
    result = ProcessConfig(
        [argument.encode() for argument in arguments],
        [entry.encode() for entry in process.texts("env")],
        cwd=cwd.encode(),
        uid=user.number("uid", high=UID_MAX),
        gid=user.number("gid", high=UID_MAX),
        groups=user.numbers("additionalGids", high=UID_MAX),
        umask=user.number("umask", 0o022, high=0o777),
        terminal=process.switch("terminal"),
        capabilities=_capabilities(process.child("capabilities"), warnings),
        no_new_privs=process.switch("noNewPrivileges"),
        limits=_limits(process),
    )
    if process.has("oomScoreAdj"):
        result.oom_score_adj = process.number("oomScoreAdj", low=-1000, high=1000)
    for field in ("apparmorProfile", "selinuxLabel"):
        if process.text(field):
            warnings.append(f"config.json: process.{field}: ignored, the program does not meet the host's kernel")
    for field in ("scheduler", "ioPriority", "execCPUAffinity"):
        process.child(field)
    return result


def _capabilities(reader: Reader, warnings: list[str]) -> dict[str, int]:
    result = {}
    for name in capabilities.SETS:
        result[name], unknown = capabilities.mask(reader.texts(name))
        if unknown:
            warnings.append(f"config.json: {reader.at(name)}: unknown, ignored: {', '.join(unknown)}")
    return result


def _limits(process: Reader) -> dict[int, tuple[int, int]]:
    result: dict[int, tuple[int, int]] = {}
    for limit in process.children("rlimits"):
        limit.required("type")
        name = limit.text("type")
        number = RLIMITS.get(name)
        if number is None:
            raise limit.fail("type", f'unknown limit "{name}"')
        if number in result:
            raise limit.fail("type", f"{name} is given twice")
        for field in ("soft", "hard"):
            limit.required(field)
        soft = limit.number("soft", low=-1, high=RLIM_INFINITY) & RLIM_INFINITY
        hard = limit.number("hard", low=-1, high=RLIM_INFINITY) & RLIM_INFINITY
        if soft > hard:
            raise limit.fail("soft", f"{soft} is above the hard limit {hard}")
        result[number] = (soft, hard)
    return result


def _root(reader: Reader, bundle: str) -> tuple[str, bool]:
    reader.required("root")
    root = reader.child("root")
    root.required("path")
    path = os.path.normpath(os.path.join(bundle, root.text("path")))
    try:
        status = os.stat(path)
    except OSError as error:
        raise root.fail("path", f"{path}: {os_words(error)}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise root.fail("path", f"{path}: not a directory")
    return os.path.realpath(path), root.switch("readonly")


def _mounts(
    reader: Reader, bundle: str, rootfs: str, readonly: bool, settings: Settings, warnings: list[str]
) -> tuple[list[MountConfig], list[Export]]:
    overlay = settings.overlay
    root_overlay = overlay != "none" and not readonly
    exports = [Export(rootfs, readonly or root_overlay, True)]
    mounts = [
        MountConfig(
            "/",
            "gofer",
            0,
            MS_RDONLY if readonly else 0,
            overlay=root_overlay,
            shared=settings.root_shared,
            source="rootfs",
        )
    ]
    for mount in reader.children("mounts"):
        mount.required("destination")
        destination = normalise(mount.text("destination"))
        kind, source = mount.text("type"), mount.text("source")
        for field in ("uidMappings", "gidMappings"):
            for _ in mount.children(field):
                raise mount.fail(field, "id-mapped mounts are not there yet")
        try:
            flags, data = parse_options(mount.texts("options"))
        except ValueError as error:
            raise mount.fail("options", str(error)) from None
        if kind == "bind" or flags & MS_BIND:
            export, found = _bind(mount, bundle, source, flags, len(exports))
            if overlay == "all" and not export.readonly:
                found.overlay = True
                export = Export(export.source, True, export.recursive)
            found.destination = destination
            found.shared = settings.mounts_shared
            exports.append(export)
            mounts.append(found)
            if data:
                warnings.append(f"config.json: {mount.at('options')}: ignored for a bind mount: {', '.join(data)}")
            continue
        if destination == "/":
            raise mount.fail("destination", "only a bind mount can replace the root")
        if kind not in KINDS:
            raise mount.fail("type", f'file system "{kind}" is not there; known are bind, {", ".join(sorted(KINDS))}')
        kind = KINDS[kind]
        if destination == "/dev" and kind == "tmpfs":
            kind = "devtmpfs"  # the specification's default devices come with it
        mounts.append(MountConfig(destination, kind, -1, flags, data=data, source=source or kind))
    if not any(mount.destination == "/dev" for mount in mounts):
        # The default devices must be there with or without a mount (config-linux.md, "Default Devices").
        mounts.insert(1, MountConfig("/dev", "devtmpfs", data={"mode": "755"}, source="tmpfs"))
    return mounts, exports


def _bind(mount: Reader, bundle: str, source: str, flags: int, index: int) -> tuple[Export, MountConfig]:
    mount.required("source")
    source = os.path.normpath(os.path.join(bundle, source))
    if not os.path.exists(source):
        words = "a symbolic link to nowhere" if os.path.lexists(source) else "no such file or directory"
        raise mount.fail("source", f"{source}: {words}")
    readonly = bool(flags & MS_RDONLY)
    # A mount of type "bind" without an option says nothing of submounts: as runc, the plain form.
    export = Export(os.path.realpath(source), readonly, bool(flags & MS_REC))
    return export, MountConfig("", "gofer", index, flags & ~(MS_BIND | MS_REC), source=source)


def normalise(path: str) -> str:
    """An absolute path of the guest without "." and "..": relative ones start at its root."""
    return os.path.normpath("/" + path.lstrip("/"))


def _hostname(reader: Reader, field: str) -> bytes:
    name = reader.text(field).encode()
    if len(name) > MAXIMUM_HOSTNAME:
        raise reader.fail(field, f"{len(name)} bytes are too long for a name of at most {MAXIMUM_HOSTNAME}")
    return name


def _hooks(reader: Reader) -> dict[str, list[Hook]]:
    hooks = reader.child("hooks")
    result = {}
    for name in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"):
        found = read_hooks(hooks, name)
        if found:
            result[name] = found
    return result


def read_hooks(reader: Reader, field: str) -> list[Hook]:
    """The hooks of a list of objects. Raises: ControlError."""
    found = []
    for hook in reader.children(field):
        hook.required("path")
        path = hook.text("path")
        if not path.startswith("/"):
            raise hook.fail("path", f'expected an absolute path, got "{path}"')
        timeout = hook.number("timeout", high=1 << 31)
        found.append(Hook(path, hook.texts("args") or [path], hook.texts("env"), timeout))
    return found


def _linux(linux: Reader, bundle: Bundle) -> None:
    config, warnings = bundle.config, bundle.warnings
    for namespace in linux.children("namespaces"):
        kind, path = namespace.text("type"), namespace.text("path")
        if kind not in NAMESPACES:
            raise namespace.fail("type", f'unknown namespace "{kind}"')
        if path and kind in ("network", "user", "cgroup"):
            # Without a network there is nothing to join; the other two only change what the host sees.
            warnings.append(f"config.json: {namespace.at('path')}: ignored for the {kind} namespace")
        elif path:
            raise namespace.fail("path", f"joining the {kind} namespace of another container is not there yet")
    bundle.uid_mappings = _mappings(linux, "uidMappings")
    bundle.gid_mappings = _mappings(linux, "gidMappings")
    config.masked_paths = [normalise(path).encode() for path in linux.texts("maskedPaths")]
    config.readonly_paths = [normalise(path).encode() for path in linux.texts("readonlyPaths")]
    config.sysctl = linux.text_map("sysctl")
    bundle.cgroups_path = linux.text("cgroupsPath")
    for device in linux.children("devices"):
        _device(device, config, warnings)
    resources = linux.child("resources")
    limit = resources.child("pids").number("limit", low=-1, high=(1 << 63) - 1)
    config.process_limit = max(limit, 0)
    memory = resources.child("memory").number("limit", low=-1, high=(1 << 63) - 1)
    config.memory_limit = max(memory, 0)
    if resources.has("memory") or resources.has("cpu") or resources.has("pids"):
        warnings.append("config.json: linux.resources: no cgroup is made yet; pids.limit holds inside the sandbox")
    linux.child("seccomp")
    for field in ("rootfsPropagation", "mountLabel"):
        linux.text(field)


def _mappings(linux: Reader, field: str) -> list[IdMapping]:
    result = []
    for mapping in linux.children(field):
        for part in ("containerID", "hostID", "size"):
            mapping.required(part)
        result.append(IdMapping(mapping.number("containerID"), mapping.number("hostID"), mapping.number("size", low=1)))
    return result


def _device(device: Reader, config: SandboxConfig, warnings: list[str]) -> None:
    for field in ("type", "path"):
        device.required(field)
    kind, path = device.text("type"), normalise(device.text("path"))
    if kind not in ("c", "u", "b", "p"):
        raise device.fail("type", f'expected c, u, b or p, got "{kind}"')
    if not path.startswith("/dev/"):
        warnings.append(f"config.json: {device.at('path')}: ignored, devices are only made below /dev")
        return
    config.devices[path] = (
        "c" if kind == "u" else kind,
        device.number("major", high=(1 << 31) - 1),
        device.number("minor", high=(1 << 31) - 1),
        device.number("fileMode", 0o666, high=0o7777777),
        device.number("uid", high=UID_MAX),
        device.number("gid", high=UID_MAX),
    )
