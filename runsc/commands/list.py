# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc list`: all containers below the state folder."""

from __future__ import annotations

import json
import sys

from runsc import log
from runsc.flags import SWITCH, TEXT, Flag, Values
from runsc.settings import Settings
from runsc.state import State, find, identifiers
from sentry.control.errors import ControlError

HELP = "list the containers"
USAGE = "pysc list [flags]"
INTERLEAVED = True
FLAGS = (
    Flag("format", TEXT, "form of the list", "table", choices=("table", "json"), alias="f"),
    Flag("quiet", SWITCH, "only the ids", alias="q"),
)

_COLUMNS = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")


def run(settings: Settings, values: Values, arguments: list[str]) -> int:
    """Prints the list."""
    if arguments:
        raise ControlError(f"no arguments are expected; usage: {USAGE}")
    states = []
    for identifier in identifiers(settings.root):
        try:
            folder = find(settings.root, identifier)
        except ControlError:  # deleted meanwhile, or no container's folder
            continue
        try:
            states.append(folder.load())
        except ControlError as error:
            log.warn(settings, error.message)
        finally:
            folder.close()
    if values.switch("quiet"):
        text = "".join(f"{state.id}\n" for state in states)
    elif values.text("format") == "json":
        text = json.dumps([state.as_json() for state in states]) + "\n"
    else:
        text = _table(states)
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def _table(states: list[State]) -> str:
    rows = [_COLUMNS]
    for state in states:
        record = state.as_json()
        rows.append(
            tuple(str(record[key]) for key in ("id", "pid", "status", "bundle", "created", "owner"))  # type: ignore[arg-type] # six of them
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"
