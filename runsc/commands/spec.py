# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc spec`: writes a config.json to begin with."""

from __future__ import annotations

import json
import os

from runsc.flags import SWITCH, TEXT, Flag, Values
from runsc.settings import Settings
from runsc.spec import OCI_VERSION
from sentry.control.errors import ControlError, os_words

HELP = "write a config.json to begin with"
USAGE = "pysc spec [flags] [-- ARGUMENT...]"
INTERLEAVED = False
FLAGS = (
    Flag("bundle", TEXT, "folder to write it to (default: the current one)", ".", alias="b", placeholder="DIR"),
    Flag("rootless", SWITCH, "map the caller's id to root"),
    Flag("cwd", TEXT, "working directory of the program", "/", placeholder="DIR"),
)

_CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
_QUIET = ["nosuid", "noexec", "nodev"]


def run(settings: Settings, values: Values, arguments: list[str]) -> int:
    """Writes the file; an existing one is left alone."""
    del settings
    path = os.path.join(values.text("bundle"), "config.json")
    text = json.dumps(example(arguments or ["sh"], values.text("cwd"), rootless=values.switch("rootless")), indent=2)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text + "\n")
    except FileExistsError:
        raise ControlError(f"{path} is there already; remove it first") from None
    except OSError as error:
        raise ControlError(f"{path}: {os_words(error)}") from None
    return 0


def example(arguments: list[str], cwd: str, *, rootless: bool) -> dict[str, object]:
    """The document."""
    namespaces = ["pid", "ipc", "uts", "mount", "network", "cgroup"] + (["user"] if rootless else [])
    linux: dict[str, object] = {
        "namespaces": [{"type": name} for name in namespaces],
        "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug",
                        "/proc/scsi", "/sys/firmware"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    }  # fmt: skip
    if rootless:
        linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": arguments,
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": cwd,
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), _CAPABILITIES),
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "pysc",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": _QUIET},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": [*_QUIET, "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": _QUIET},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*_QUIET, "ro"]},
        ],
        "linux": linux,
    }  # fmt: skip
