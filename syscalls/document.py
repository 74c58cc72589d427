# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/syscalls.md from the table: `python -m syscalls.document`, or `--check` to see whether it is fresh."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from syscalls.decisions import HANDLED, HOST, REFUSED, TASK, UNDECIDED, Decision, decide
from syscalls.table import FULL, PARTIAL, TABLE

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "syscalls.md"

_HEAD = """\
# System calls

Made by `python -m syscalls.document` from the table of handlers, the list of delegated calls and the list of what the
stub does: do not edit.

Every system call of Linux on x86-64 has one of these answers:

| by | means |
|---|---|
| sentry | our kernel answers it; *partial* says what is missing |
| host | the host's kernel runs it: it touches only the task's own memory, threads, or its pid namespace |
| stub | code of ours inside of the task does it, after asking the sentry |
| refused | never reaches the host; the note has the errno |

"""


def _row(decision: Decision) -> str:
    note = decision.note
    if decision.by == HANDLED and decision.support == PARTIAL:
        note = f"*partial*: {note}"
    elif decision.by == HANDLED and not note:
        entry = TABLE[decision.number]
        text = " ".join((entry.handler.__doc__ or "").split())
        _, _, errors = text.partition("Raises: ")
        note = "errors: " + errors.rstrip(".") if errors else ""
    note = note.replace("|", "\\|")
    return f"| {decision.number} | {decision.name} | {decision.by} | {note} |\n"


def text() -> str:
    """The page."""
    decisions = decide()
    counts = Counter(decision.by for decision in decisions)
    partial = sum(decision.by == HANDLED and decision.support != FULL for decision in decisions)
    summary = (
        f"Of {len(decisions)} calls the sentry answers {counts[HANDLED]} ({partial} of them in part), the host"
        f" {counts[HOST]}, the stub {counts[TASK]}; {counts[REFUSED]} are refused."
    )
    if counts[UNDECIDED]:
        summary += f" {counts[UNDECIDED]} are not decided yet (they give ENOSYS)."
    rows = "".join(map(_row, decisions))
    return f"{_HEAD}{summary}\n\n| number | call | by | note |\n|---:|---|---|---|\n{rows}"


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    made = text()
    if "--check" not in arguments:
        OUTPUT.parent.mkdir(exist_ok=True)
        OUTPUT.write_text(made)
    elif not OUTPUT.exists() or OUTPUT.read_text() != made:
        print(f"{OUTPUT} is stale: run python -m syscalls.document", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
