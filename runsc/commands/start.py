# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc start`: lets a created container's program run."""

from __future__ import annotations

from runsc.commands.create import one_id
from runsc.flags import Flag, Values
from runsc.sandbox.control_socket import ask
from runsc.settings import Settings
from runsc.state import CREATED, RUNNING, STOPPED, find
from sentry.control.errors import ControlError

HELP = "run the program of a created container"
USAGE = "pysc start ID"
INTERLEAVED = True
FLAGS: tuple[Flag, ...] = ()


def run(settings: Settings, values: Values, arguments: list[str]) -> int:
    """Returns when the program runs."""
    del values
    identifier = one_id(arguments, USAGE)
    folder = find(settings.root, identifier)
    status = folder.load().status
    if status == RUNNING:
        raise ControlError(f'cannot start an already running container: "{identifier}"')
    if status == STOPPED:
        raise ControlError(f'cannot start a container that has stopped: "{identifier}"; delete and create it again')
    if status != CREATED:
        raise ControlError(f'cannot start a container that is being created: "{identifier}"')
    ask(folder, {"verb": "start"})
    return 0
