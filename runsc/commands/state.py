# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc state`: what is known of a container, as JSON (runtime.md, "State")."""

from __future__ import annotations

import json
import sys

from runsc.commands.create import one_id
from runsc.flags import Flag, Values
from runsc.settings import Settings
from runsc.state import find

HELP = "print the state of a container as JSON"
USAGE = "pysc state ID"
INTERLEAVED = True
FLAGS: tuple[Flag, ...] = ()


def run(settings: Settings, values: Values, arguments: list[str]) -> int:
    """Prints the state."""
    del values
    folder = find(settings.root, one_id(arguments, USAGE))
    sys.stdout.write(json.dumps(folder.load().as_json(), indent=2) + "\n")
    sys.stdout.flush()
    return 0
