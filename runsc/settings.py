# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The global flags (those before the verb) and what they mean here.

The names are runsc's and runc's. A value that those know and that has no meaning here yet is refused with a word of
its own, never ignored: a sandbox must not be weaker or other than what was asked for.
"""

from __future__ import annotations

import os

from runsc.flags import SWITCH, TEXT, Flag, Values
from sentry.control.errors import ControlError

GLOBAL_FLAGS = (
    Flag("root", TEXT, "folder of the containers' state", placeholder="DIR"),
    Flag("log", TEXT, "file for errors and warnings, besides stderr", placeholder="FILE"),
    Flag("log-format", TEXT, "form of --log's lines", "text", choices=("text", "json")),
    Flag("debug", SWITCH, "log what the sandbox does"),
    Flag("debug-log", TEXT, "file for --debug and --strace (%ID% and %COMMAND% are replaced)", placeholder="FILE"),
    Flag("strace", SWITCH, "log the program's system calls"),
    Flag("platform", TEXT, "how system calls are trapped: notify, ptrace or auto", "auto"),
    Flag("network", TEXT, "only none for now", "none"),
    Flag("rootless", SWITCH, "use a user namespace even as root"),
    Flag("overlay2", TEXT, "throw-away writable layer: none, root:memory or all:memory", "none"),
    Flag("file-access", TEXT, "may the host change the root file system meanwhile", "exclusive",
         choices=("exclusive", "shared")),
    Flag("file-access-mounts", TEXT, "the same for the other mounts", "shared", choices=("exclusive", "shared")),
    Flag("systemd-cgroup", SWITCH, "not supported: cgroups are not managed through systemd"),
    Flag("version", SWITCH, "print the version", alias="v"),
    Flag("help", SWITCH, "print this help", alias="h"),
)  # fmt: skip


class Settings:
    """The checked global flags. root: the state folder; overlay: "none", "root" or "all"."""

    __slots__ = (
        "root", "log", "log_format", "debug", "debug_log", "strace", "platform", "network", "rootless", "overlay",
        "root_shared", "mounts_shared",
    )  # fmt: skip

    def __init__(self, values: Values) -> None:
        self.root = values.text("root") or default_root()
        self.log = values.text("log")
        self.log_format = values.text("log-format")
        self.debug = values.switch("debug")
        self.debug_log = values.text("debug-log")
        self.strace = values.switch("strace")
        self.platform = values.text("platform")
        self.network = values.text("network")
        self.rootless = values.switch("rootless")
        self.overlay = values.text("overlay2").partition(":")[0]
        self.root_shared = values.text("file-access") == "shared"
        self.mounts_shared = values.text("file-access-mounts") == "shared"

    def check(self, values: Values) -> None:
        """Refuses what has no meaning here. Separate from __init__, so that --log is known when this raises."""
        if self.platform not in ("auto", "notify", "ptrace"):
            if self.platform in ("systrap", "kvm"):
                raise ControlError(f"--platform={self.platform} is one of runsc's; use notify, ptrace or auto")
            raise ControlError(f'--platform is notify, ptrace or auto, not "{self.platform}"')
        if self.network in ("sandbox", "host"):
            raise ControlError(f"--network={self.network} is not there yet; use --network=none")
        if self.network != "none":
            raise ControlError(f'--network is none (sandbox and host are to come), not "{self.network}"')
        overlay = values.text("overlay2")
        if overlay not in ("none", "root:memory", "all:memory"):
            if overlay.partition(":")[0] in ("root", "all") and ":" in overlay:
                raise ControlError(f"--overlay2={overlay}: only in memory for now; use root:memory or all:memory")
            raise ControlError(f'--overlay2 is none, root:memory or all:memory, not "{overlay}"')
        if values.switch("systemd-cgroup"):
            raise ControlError("--systemd-cgroup is not supported: let the engine use its cgroupfs manager")

    def debug_log_path(self, identifier: str, command: str) -> str:
        """The file of --debug-log with its patterns replaced, "" for none; a folder ("dir/") gets one file a call."""
        path = self.debug_log
        if path.endswith("/"):
            path += "pysc.%ID%.%COMMAND%.log"
        return path.replace("%ID%", identifier).replace("%COMMAND%", command)


def default_root() -> str:
    """Where state lives without --root: /run/pysc for root, otherwise the user's own run-time folder."""
    uid = os.geteuid()
    if uid == 0:
        return "/run/pysc"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return f"{runtime}/pysc" if runtime.startswith("/") else f"/tmp/pysc-{uid}"
