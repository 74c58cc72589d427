# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Where the programs run: natively (the oracle), on the host's root by `pysc do`, and in a bundle by `pysc run`.

Owns: the places, the Debian root file system of the bundles (made once, kept below build/). Does not own: what the
programs should do.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import sandbox

#: Beyond what debootstrap's smallest variant holds.
PACKAGES = (
    "busybox-static",
    "gawk",
    "gcc",
    "git",
    "libc6-dev",
    "perl",
    "procps",
    "python3",
    "python3-venv",
    "xz-utils",
)

#: What engines give root by default.
CAPABILITIES = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
ROOT_FILE_SYSTEM = sandbox.CACHE / "rootfs"


class Place:
    """A way of running a command; `scratch` is the test's own folder on the host."""

    def __init__(self, name: str, scratch: Path) -> None:
        """A place of that name."""
        self.name = name
        self.scratch = scratch

    def command(self, words: Sequence[str], env: Mapping[str, str], volumes: Sequence[str]) -> list[str]:
        """The command line, on the host, that runs these words."""
        raise NotImplementedError

    def run(
        self,
        *words: str,
        stdin: bytes | None = None,
        seconds: float = 30,
        env: Mapping[str, str] | None = None,
        volumes: Sequence[str] = (),
    ) -> sandbox.Result:
        """Run a command to its end."""
        return sandbox.run(self.command(words, env or {}, volumes), stdin=stdin, seconds=seconds)

    @contextmanager
    def start(self, *words: str, volumes: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
        """Start a command whose standard streams are pipes of ours; kill it if it still runs after the block."""
        with subprocess.Popen(
            self.command(words, {}, volumes),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=dict(sandbox.ENVIRONMENT),
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


class Native(Place):
    """No sandbox: what Linux itself does. A volume is the folder itself, so scripts name it by its host path."""

    def command(self, words: Sequence[str], env: Mapping[str, str], volumes: Sequence[str]) -> list[str]:
        """Through env(1), with temporary files in the test's own folder."""
        return ["env", f"TMPDIR={self.scratch}", *(f"{name}={value}" for name, value in env.items()), *words]


class HostRoot(Place):
    """`pysc do`."""

    def __init__(self, mode: str, scratch: Path) -> None:
        """In that mode of sandbox.MODES."""
        super().__init__(f"do-{mode}", scratch)
        self.mode = mode

    def command(self, words: Sequence[str], env: Mapping[str, str], volumes: Sequence[str]) -> list[str]:
        """Options, then the words."""
        options = [f"--env={name}={value}" for name, value in env.items()]
        options += [f"--volume={volume}" for volume in volumes]
        return sandbox.do(self.mode, *words, options=options)


class Bundle(Place):
    """`pysc run` on a bundle of the Debian root file system, which stays as it is below a throw-away layer."""

    def __init__(self, mode: str, scratch: Path) -> None:
        """In that mode of sandbox.MODES."""
        super().__init__(f"run-{mode}", scratch)
        self.mode = mode

    def command(self, words: Sequence[str], env: Mapping[str, str], volumes: Sequence[str]) -> list[str]:
        """A fresh bundle, then `pysc run`."""
        bundle = self.scratch / f"bundle-{uuid.uuid4().hex[:8]}"
        bundle.mkdir()
        configuration = bundle_configuration(words, root_file_system(), {**sandbox.ENVIRONMENT, **env}, volumes)
        (bundle / "config.json").write_text(json.dumps(configuration))
        flags = [*sandbox.MODES[self.mode], "--overlay2=root:memory", f"--root={self.scratch / 'state'}"]
        return [str(sandbox.PYSC), *flags, "run", "--bundle", str(bundle), bundle.name]


def bundle_configuration(
    words: Sequence[str], root: Path, env: Mapping[str, str], volumes: Sequence[str] = ()
) -> dict[str, object]:
    """A config.json of the OCI runtime specification: root's usual capabilities, the usual mounts."""
    mounts: list[dict[str, object]] = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
    ]
    for volume in volumes:
        source, target, *rest = volume.split(":")
        options = ["rbind", *(rest or ["rw"])]
        mounts.append({"destination": target, "type": "bind", "source": source, "options": options})
    sets = ("bounding", "effective", "permitted")
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": list(words),
            "env": [f"{name}={value}" for name, value in env.items()],
            "cwd": "/",
            "capabilities": dict.fromkeys(sets, CAPABILITIES),
        },
        "root": {"path": str(root)},
        "hostname": "pysc",
        "mounts": mounts,
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
    }


def root_file_system() -> Path:
    """A Debian root file system, made by debootstrap on first use; the host's root where that cannot be done."""
    done = ROOT_FILE_SYSTEM / ".complete"
    if done.exists():
        return ROOT_FILE_SYSTEM
    refused = ROOT_FILE_SYSTEM.with_name("rootfs-failed.log")
    if refused.exists() or os.geteuid() != 0 or not shutil.which("debootstrap"):
        return Path("/")
    site, suite = package_source()
    scratch = ROOT_FILE_SYSTEM.with_name(f"rootfs-{os.getpid()}")
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(scratch), site]
    scratch.mkdir(parents=True)
    made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode:
        refused.write_bytes(made.stdout + made.stderr)
        shutil.rmtree(scratch)
        return Path("/")
    (scratch / ".complete").touch()
    scratch.rename(ROOT_FILE_SYSTEM)
    return ROOT_FILE_SYSTEM


def package_source() -> tuple[str, str]:
    """The first Debian archive that apt is set up for on this machine, and its suite."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in sorted(listed.stdout.splitlines()):
        site, suite, component = line.split()
        if component == "main" and "-" not in suite:
            return site, suite
    return "", "stable"
