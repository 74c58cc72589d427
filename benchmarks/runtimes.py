# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The runtimes under comparison, and the one OCI bundle that all of them run.

Owns: how a command line becomes a run under each runtime (:meth:`Runtime.run`, :meth:`Runtime.start_idle`), and what
the sandbox sees. Does not measure anything.
Source: OCI runtime specification 1.0, config.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import memory

#: Longest time one run may take, in seconds; far above any row, so that only a hang reaches it.
RUN_TIMEOUT = 300.0
#: Where the guest programs and their data are seen inside every sandbox.
GUEST_DIR = "/bench"

CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
ENVIRONMENT = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]


class RunFailedError(Exception):
    """A runtime, or the program below it, did not do what a row needs; the text says what it printed."""


def system_python() -> tuple[str, str | None]:
    """The interpreter for the Python row, and the host directory to bind if it lies outside /usr."""
    if os.access("/usr/bin/python3", os.X_OK):
        return "/usr/bin/python3", None
    real = os.path.realpath(sys.executable)
    return real, None if real.startswith("/usr/") else sys.base_prefix


class Bundle:
    """A root file system and the OCI configurations made for it, under one scratch directory.

    ``guests`` (host) is bound read-only at /bench. Directories: ``root`` (the rootfs: mount points and links only),
    ``root/work`` (writable, on the root file system), /tmp (tmpfs).
    """

    def __init__(self, scratch: pathlib.Path, guests: pathlib.Path) -> None:
        self.scratch = scratch
        self.guests = guests
        self.root = scratch / "root"
        self._made: dict[tuple[str, ...], pathlib.Path] = {}
        for name in ("bench", "dev", "etc", "proc", "root", "sys", "tmp", "usr", "work"):
            (self.root / name).mkdir(parents=True)
        self.work = self.root / "work"
        self.work.chmod(0o777)
        (self.root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (self.root / "etc/group").write_text("root:x:0:\n")
        self.binds = [(str(guests), GUEST_DIR), ("/usr", "/usr")]
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            host = pathlib.Path("/", name)
            if host.is_symlink():
                (self.root / name).symlink_to(os.readlink(host))
            elif host.is_dir():
                (self.root / name).mkdir()
                self.binds.append((str(host), f"/{name}"))
        outside = system_python()[1]
        if outside is not None:
            (self.root / outside.lstrip("/")).mkdir(parents=True, exist_ok=True)
            self.binds.append((outside, outside))

    def for_command(self, command: Sequence[str]) -> pathlib.Path:
        """The bundle directory whose process is ``command``."""
        key = tuple(command)
        if key not in self._made:
            directory = self.scratch / f"bundle-{len(self._made)}"
            directory.mkdir()
            (directory / "config.json").write_text(json.dumps(self._config(key), indent=1))
            self._made[key] = directory
        return self._made[key]

    def _config(self, command: Sequence[str]) -> dict[str, Any]:
        mounts: list[dict[str, Any]] = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
        ]
        mounts += [
            {"destination": inside, "type": "bind", "source": host, "options": ["rbind", "ro"]}
            for host, inside in self.binds
        ]
        namespaces = [{"type": name} for name in ("pid", "ipc", "uts", "mount", "network")]
        linux: dict[str, Any] = {"namespaces": namespaces}
        if os.geteuid() != 0:
            namespaces.append({"type": "user"})
            linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
            linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
        return {
            "ociVersion": "1.0.2",
            "hostname": "bench",
            "root": {"path": str(self.root), "readonly": False},
            "process": {
                "terminal": False,
                "user": {"uid": 0, "gid": 0},
                "args": list(command),
                "env": ENVIRONMENT,
                "cwd": "/",
                "noNewPrivileges": True,
                "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
            },
            "mounts": mounts,
            "linux": linux,
        }


@dataclasses.dataclass(frozen=True)
class Places:
    """Where, for one runtime, the guest programs and the directories they work in are seen by the guest."""

    guests: str
    tmpfs: str
    root_directory: str


class Runtime:
    """One column of the report. Subclasses say how a command is run; times are this class's business."""

    name: str

    def places(self) -> Places:
        """The paths that commands for this runtime must use."""
        return Places(GUEST_DIR, "/tmp", "/work")

    def argv(self, command: Sequence[str]) -> list[str]:
        """The host command line that runs ``command`` and exits when, and as, it does."""
        raise NotImplementedError

    def run(self, command: Sequence[str]) -> tuple[float, str]:
        """Runs ``command`` to its end: wall-clock seconds from spawn to exit, and its standard output."""
        argv = self.argv(command)
        start = time.monotonic()
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=RUN_TIMEOUT, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise RunFailedError(f"{self.name}: {failure}") from failure
        seconds = time.monotonic() - start
        memory.reap_orphans()
        if done.returncode != 0:
            raise RunFailedError(f"{self.name}: exit code {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return seconds, done.stdout

    @contextlib.contextmanager
    def start_idle(self, command: Sequence[str]) -> Iterator[None]:
        """Starts ``command`` in the background (detached where the runtime can) and ends it on leaving."""
        process = subprocess.Popen(
            self.argv(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()


class Native(Runtime):
    """The same programs, straight on the host."""

    name = "native"

    def __init__(self, bundle: Bundle, tmpfs: str) -> None:
        self._places = Places(str(bundle.guests), tmpfs, str(bundle.work))

    def places(self) -> Places:
        """The host's own paths."""
        return self._places

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command itself."""
        return list(command)


class OciRuntime(Runtime):
    """A runtime with runc's command line, ``program GLOBAL-FLAGS run --bundle DIR ID``."""

    def __init__(self, name: str, program: str, flags: Sequence[str], bundle: Bundle, state: pathlib.Path) -> None:
        self.name = name
        self.program = program
        self.bundle = bundle
        self._global = [program, *flags, "--root", str(state)]
        self._ids = itertools.count()

    def _new_id(self) -> str:
        return f"bench-{self.name}-{os.getpid()}-{next(self._ids)}"

    def argv(self, command: Sequence[str]) -> list[str]:
        """``run`` in the foreground, under an id of its own."""
        return [*self._global, "run", "--bundle", str(self.bundle.for_command(command)), self._new_id()]

    @contextlib.contextmanager
    def start_idle(self, command: Sequence[str]) -> Iterator[None]:
        """``run --detach``, as an engine would have it: the caller's own process is gone when it is measured."""
        ident = self._new_id()
        argv = [*self._global, "run", "--detach", "--bundle", str(self.bundle.for_command(command)), ident]
        quiet = subprocess.DEVNULL
        # Files, not pipes: a detached sandbox keeps its ends open, so a pipe would never end.
        with open(self.bundle.scratch / "detach.log", "w+") as log:
            code = subprocess.run(argv, stdin=quiet, stdout=log, stderr=log, timeout=RUN_TIMEOUT, check=False)
            if code.returncode != 0:
                log.seek(0)
                raise RunFailedError(f"{self.name}: run --detach: exit code {code.returncode}: {log.read().strip()}")
        try:
            yield
        finally:
            for verb in (["kill", ident, "KILL"], ["delete", "--force", ident]):
                ending = subprocess.Popen([*self._global, *verb], stdin=quiet, stdout=quiet, stderr=quiet)
                while ending.poll() is None:
                    # A detached sandbox is this process's child by now, and some runtimes wait until it is reaped.
                    memory.reap_orphans(spare=[ending.pid])
                    time.sleep(0.005)


#: Global flags of each known runtime, without --root: no network, and no cgroups where that can be chosen.
FLAGS: Mapping[str, Sequence[str]] = {
    "pysc": ("--network=none", "--file-access-mounts=exclusive"),
    "runsc": ("--platform=systrap", "--network=none", "--ignore-cgroups", "--file-access-mounts=exclusive"),
    "crun": ("--cgroup-manager=disabled",),
    "runc": (),
}


def flags_for(name: str) -> Sequence[str]:
    """The global flags of the runtime called ``name``: those of the known runtime its name begins with."""
    for known, flags in FLAGS.items():
        if name.startswith(known):
            return (*flags, "--rootless") if known == "runsc" and os.geteuid() != 0 else flags
    return ()


def find_peers(given: Mapping[str, str], wanted: Sequence[str]) -> dict[str, str]:
    """Name to program of the peers in ``wanted`` found on PATH, and of all in ``given`` (which wins)."""
    found = {name: path for name in wanted if (path := shutil.which(name)) is not None}
    return {**found, **given}
