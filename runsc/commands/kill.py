# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc kill`: a signal for a container's program."""

from __future__ import annotations

from runsc.flags import SWITCH, Flag, Values
from runsc.sandbox.control_socket import ask
from runsc.settings import Settings
from runsc.signals import parse_signal
from runsc.state import CREATED, RUNNING, find
from sentry.control.errors import ControlError

HELP = "send a signal to a container's program (TERM without one)"
USAGE = "pysc kill [--all] ID [SIGNAL]"
INTERLEAVED = True
FLAGS = (Flag("all", SWITCH, "to all of the container's processes", alias="a"),)


def run(settings: Settings, values: Values, arguments: list[str]) -> int:
    """Returns when the signal is sent."""
    if len(arguments) not in (1, 2):
        raise ControlError(f"a container id and a signal are needed; usage: {USAGE}")
    number = parse_signal(arguments[1] if len(arguments) == 2 else "TERM")
    folder = find(settings.root, arguments[0])
    status = folder.load().status
    if status not in (CREATED, RUNNING):
        raise ControlError(f'container not running: "{arguments[0]}" is {status}')
    ask(folder, {"verb": "kill", "signal": number, "all": values.switch("all")})
    return 0
