# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc run`: create and start in one, and, in the foreground, wait and delete."""

from __future__ import annotations

from runsc.commands.create import FLAGS as CREATE_FLAGS
from runsc.commands.create import check_console, one_id, prepare
from runsc.flags import SWITCH, Flag, Values
from runsc.sandbox.container import run_foreground, run_with_terminal, start_monitor
from runsc.settings import Settings
from runsc.state import reserve

HELP = "create and start a container; wait for it unless --detach"
USAGE = "pysc run [flags] ID"
INTERLEAVED = True
FLAGS = (*CREATE_FLAGS, Flag("detach", SWITCH, "do not wait for the program", alias="d"))


def run(settings: Settings, values: Values, arguments: list[str]) -> int:
    """The program's exit code, or 0 with --detach."""
    identifier = one_id(arguments, USAGE)
    launch = prepare(settings, values, identifier, "run")
    console, detached = values.text("console-socket"), values.switch("detach")
    pid_file = values.text("pid-file")
    check_console(launch, console, detached=detached)
    folder = reserve(settings.root, identifier)
    if detached:
        start_monitor(launch, folder, pid_file, console, run=True)
        return 0
    if launch.config.process.terminal:
        return run_with_terminal(launch, folder, pid_file, console)
    return run_foreground(launch, folder, pid_file)
