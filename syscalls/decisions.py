# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What happens to each system call of Linux: one decision a number, for docs/syscalls.md and the completeness test.

Nothing is decided here: the table (syscalls/table.py) says what the sentry answers, the platform's list of delegated
calls what the host does, and IN_STUB which calls the stub makes for a task. This only puts the three together.
"""

from __future__ import annotations

from typing import NamedTuple

from sentry.platform.delegated import DELEGATED
from syscalls import load_table
from syscalls.numbers_x86_64 import NAMES
from syscalls.table import FULL, PRIVATE, STUB, TABLE

HANDLED, HOST, TASK, REFUSED, UNDECIDED = "sentry", "host", "stub", "refused", "undecided"

IN_STUB: dict[str, str] = {
    "clone": "the stub clones natively, the sentry checks the flags and names the child",
    "fork": "as clone",
    "vfork": "as clone",
    "execve": "the sentry loads the program, the stub replaces the image",
    "execveat": "as execve",
    "mmap": "a file: the sentry gives a descriptor of the content, the stub maps it",
    "shmat": "the sentry gives a descriptor of the segment, the stub maps it",
    "shmdt": "the stub unmaps what the sentry says",
    "rt_sigaction": "the stub keeps SIGSYS and wraps SIGSEGV and SIGBUS",
    "rt_sigprocmask": "the stub keeps SIGSYS unblocked",
    "rt_sigsuspend": "the stub keeps SIGSYS unblocked",
}
"""The calls that trap into the stub, and what it does."""


class Decision(NamedTuple):
    """number, name; by: one of the words above; support: of the table's, for what the sentry answers; note: text."""

    number: int
    name: str
    by: str
    support: str
    note: str


def decide() -> list[Decision]:
    """A decision for every call of Linux, by number."""
    load_table()
    delegated: dict[str, list[str]] = {}
    for row in DELEGATED:
        reasons = delegated.setdefault(row.name, [])
        if row.reason not in reasons:
            reasons.append(row.reason)
    conditional = {row.name for row in DELEGATED if row.conditions}
    return [_decide(number, name, delegated.get(name), name in conditional) for number, name in sorted(NAMES.items())]


def _decide(number: int, name: str, host: list[str] | None, conditional: bool) -> Decision:
    entry = TABLE.get(number)
    if name in IN_STUB:
        note = IN_STUB[name]
        if host is not None and name == "mmap":
            note = "anonymous memory: the host; " + note
        return Decision(number, name, TASK, FULL, note)
    if host is not None and (entry is None or not conditional):
        note = "; ".join(host)
        if conditional:
            return Decision(number, name, UNDECIDED, "", "what the filter does not let pass has no handler")
        return Decision(number, name, HOST, FULL, note)
    if entry is None:
        return Decision(number, name, UNDECIDED, "", "")
    note = entry.note
    if host is not None:
        note = "; ".join(filter(None, (f"some forms by the host ({'; '.join(host)})", note)))
    if entry.support == STUB:
        return Decision(number, name, REFUSED, STUB, note)
    return Decision(number, name, HANDLED, entry.support, note)


def wrongly_named() -> list[str]:
    """Rows of the table whose name is not their number's, and numbers that Linux does not have."""
    load_table()
    return [
        f"{number}: {entry.name}, not {NAMES.get(number)}"
        for number, entry in sorted(TABLE.items())
        if number < PRIVATE and NAMES.get(number) != entry.name
    ]
