# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Turning this process into the monitor of a sandbox.

The order in begin() is one of privileges: everything that needs the caller's own view of the host (files named on the
command line, the debug log, the hooks' helper) happens before a user namespace is entered.
"""

from __future__ import annotations

import os

from runsc import log
from runsc.exports import Export
from runsc.probe import choose_platform
from runsc.sandbox import descriptors, spawn
from runsc.sandbox.linux import block_signals, is_privileged
from runsc.settings import Settings
from runsc.signals import FORWARDED
from sentry.control.config import SandboxConfig
from sentry.control.errors import ControlError

TYPE_CHECKING = False  # typing costs 3 ms, and a type checker knows this name
if TYPE_CHECKING:
    from runsc.sandbox.monitor import Monitor
    from runsc.spec import Bundle


class Launch:
    """What to start. bundle: None for `pysc do`; preserve: descriptors from 3 on that the program inherits."""

    __slots__ = ("settings", "config", "exports", "command", "bundle", "preserve", "stdio")

    def __init__(
        self,
        settings: Settings,
        config: SandboxConfig,
        exports: list[Export],
        command: str,
        bundle: Bundle | None = None,
        preserve: int = 0,
    ) -> None:
        self.settings = settings
        self.config = config
        self.exports = exports
        self.command = command
        self.bundle = bundle
        self.preserve = preserve
        self.stdio: list[int] = []  # set for a terminal


def begin(launch: Launch, *, detached: bool) -> Monitor:
    """Starts the sandbox's processes below this one and waits until the program is ready to run.

    Raises: ControlError, with nothing left behind.
    """
    config, settings = launch.config, launch.settings
    privileged = is_privileged()
    config.platform = choose_platform(settings.platform, privileged)
    config.rootless = settings.rootless or not privileged
    config.strace = settings.strace
    config.debug = settings.debug
    config.debug_log = log.open_debug_log(settings, config.id, launch.command, stderr=not detached)
    stdio = launch.stdio or descriptors.guest_descriptors(launch.preserve)
    uids = launch.bundle.uid_mappings if launch.bundle else []
    gids = launch.bundle.gid_mappings if launch.bundle else []
    block_signals(FORWARDED)
    if config.rootless:
        from runsc.sandbox.userns import become_root_of_a_namespace

        become_root_of_a_namespace(uids, gids)
        uids = gids = []
    processes = spawn.spawn(config, launch.exports, stdio, uids, gids)
    from runsc.sandbox.monitor import Monitor
    from runsc.sandbox.userns import sentry_host_id  # while the children import theirs

    for fd in stdio:
        os.close(fd)
    descriptors.close_extra(launch.preserve)
    monitor = Monitor(config, processes, sentry_host_id())
    monitor.prepare()
    return monitor


def run_foreground(launch: Launch) -> int:
    """Runs a program without any state (`pysc do`); its exit code. Raises: ControlError."""
    monitor = begin(launch, detached=False)
    descriptors.let_go_of_standard(also_errors=False)
    monitor.start()
    monitor.run()
    if monitor.failure:
        raise ControlError(monitor.failure, monitor.failure_code)
    return monitor.exit_code
