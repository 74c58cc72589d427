# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The system calls: the table and thin handlers, one module a family."""

from __future__ import annotations

import os

_NO_FAMILY = ("table", "helpers", "delegated", "document", "decisions", "flag_names")


def families() -> list[str]:
    """The modules that register calls."""
    names = sorted(name[:-3] for name in os.listdir(os.path.dirname(__file__)) if name.endswith(".py"))
    return [name for name in names if not name.startswith(("_", "numbers_")) and name not in _NO_FAMILY]


def load_table() -> None:
    """Fills syscalls.table.TABLE."""
    for name in families():
        __import__("syscalls." + name)  # importlib itself would have to be imported
