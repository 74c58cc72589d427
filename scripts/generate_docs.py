# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the generated pages under docs/, or with ``--check`` says which of them are stale.

    python -m scripts.generate_docs [--check]

docs/syscalls.md comes from the table of system calls and the list of delegated ones (syscalls/document.py),
docs/flags.md from the one table of global flags (runsc/settings.py), the tables in docs/security.md from the lists that
the filters are made of: a page can never promise what the code does not.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from gofer import filters as gofer_filters
from runsc.flags import SWITCH
from runsc.settings import GLOBAL_FLAGS
from sentry import jail
from sentry.platform.delegated import DELEGATED, Condition
from syscalls import document

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
NOTICE = "<!-- Made by scripts/generate_docs.py (make docs): do not edit. -->\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def flags_page() -> str:
    """The global flags of the command."""
    lines = [
        NOTICE,
        "# Global flags\n",
        "They stand before the verb: `pysc --strace do -- true`. A flag that is not in this table is an error, and so",
        "is a value that has no meaning here. Each verb has flags of its own: `pysc VERB --help`.\n",
        "| flag | meaning | default |",
        "| :--- | :------ | :------ |",
    ]
    for flag in GLOBAL_FLAGS:
        value = "" if flag.kind == SWITCH else "=" + ("|".join(flag.choices) or flag.placeholder)
        default = f"`{flag.default}`" if flag.default not in ("", False, 0) else ""
        lines.append(f"| `--{flag.name}{_cell(value)}` | {_cell(flag.help)} | {default} |")
    return "\n".join(lines) + "\n"


_ALL = (1 << 64) - 1


def _condition(condition: Condition) -> str:
    argument = f"argument {condition.argument}"
    if condition.mask == _ALL:
        return f"{argument} = {condition.value:#x}"
    if condition.mask == 0xFFFFFFFF:
        return f"{argument} = {condition.value:#x} (32 bits)"
    return f"{argument} & {condition.mask:#x} = {condition.value:#x}"


def tasks_table() -> str:
    """What a task's calls can reach, by name; alternatives that differ in one value share a row."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for entry in DELEGATED:
        texts = [_condition(condition) for condition in entry.conditions]
        if len(texts) == 1 and " = " in texts[0] and texts[0].endswith("(32 bits)"):
            key = (entry.name, entry.reason, texts[0].partition(" = ")[0] + " (32 bits) is one of ")
            rows.setdefault(key, []).append(f"{entry.conditions[0].value:#x}")
        else:
            rows.setdefault((entry.name, entry.reason, " and ".join(texts)), [])
    lines = ["| call | only if | why |", "| :--- | :------ | :-- |"]
    for (name, reason, condition), values in rows.items():
        if len(values) == 1:
            condition = condition.replace(" is one of ", " is ")
        lines.append(f"| `{name}` | {_cell(condition + ', '.join(values))} | {_cell(reason)} |")
    return "\n".join(lines)


def sentry_table() -> str:
    """The sentry's own calls."""
    lines = ["| call | for |", "| :--- | :-- |"]
    lines += [f"| `{name}` | {_cell(reason)} |" for name, reason in jail.ALLOWED.items()]
    terminal = ", ".join(jail.TTY_REQUESTS.values())
    lines.append(f"| `ioctl` | the notifier's requests; of terminals and pipes given as stdio: {terminal} |")
    return "\n".join(lines)


def gofer_table() -> str:
    """The gofer's own calls."""
    lines = ["| call | for |", "| :--- | :-- |"]
    lines += [f"| `{name}` | {_cell(reason)} |" for name, _, reason in gofer_filters.ALLOWED]
    return "\n".join(lines)


def security_page() -> str:
    """docs/security.md: its text as it is, its tables made anew."""
    text = (DOCS / "security.md").read_text()
    for name, table in (("tasks", tasks_table), ("sentry", sentry_table), ("gofer", gofer_table)):
        begin = f"<!-- generated: {name} (make docs) -->\n"
        whole = f"{begin}{table()}\n<!-- end -->"
        before, found, after = text.partition(begin)
        _, ended, rest = after.partition("<!-- end -->")
        if not found or not ended:
            raise ValueError(f"docs/security.md has no place for the table of {name}")
        text = before + whole + rest
    return text


PAGES = {"syscalls.md": document.text, "flags.md": flags_page, "security.md": security_page}


def main() -> int:
    """Entry point; 0, or 1 if ``--check`` found a stale page."""
    parser = argparse.ArgumentParser(description="Write the generated pages under docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is stale")
    options = parser.parse_args()
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(f"docs/{name}")
        if not options.check:
            path.write_text(text)
            print(f"wrote docs/{name}")
    if options.check and stale:
        print(f"stale: {', '.join(stale)}; run `make docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
