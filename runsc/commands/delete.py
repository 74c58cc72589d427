# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc delete`: forgets a stopped container, and cleans up after one whose monitor was killed."""

from __future__ import annotations

from runsc.flags import SWITCH, Flag, Values
from runsc.sandbox.container import remove
from runsc.sandbox.control_socket import destroy
from runsc.settings import Settings
from runsc.state import STOPPED, find
from sentry.control.errors import ControlError

HELP = "remove a stopped container; any with --force"
USAGE = "pysc delete [--force] ID..."
INTERLEAVED = True
FLAGS = (Flag("force", SWITCH, "kill it first; no error if there is none", alias="f"),)


def run(settings: Settings, values: Values, arguments: list[str]) -> int:
    """Removes the containers."""
    if not arguments:
        raise ControlError(f"which container? usage: {USAGE}")
    for identifier in arguments:
        _delete(settings, identifier, force=values.switch("force"))
    return 0


def _delete(settings: Settings, identifier: str, *, force: bool) -> None:
    try:
        folder = find(settings.root, identifier)
    except ControlError as error:
        if force and "does not exist" in error.message:
            return  # engines ask so for containers that never were (runc answers 0)
        raise
    try:
        state = folder.load()
        if state.status != STOPPED:
            if not force:
                raise ControlError(
                    f'cannot delete container "{identifier}" that is not stopped: {state.status};'
                    " kill it first, or use --force"
                )
            if state.alive:
                destroy(folder, state.pid)
        folder.lock()
        remove(folder, settings)
    finally:
        folder.close()
