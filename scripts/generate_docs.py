# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the generated pages under docs/, or with ``--check`` says which of them are stale.

    python -m scripts.generate_docs [--check]

docs/syscalls.md comes from the one table of system calls (syscalls/table.py), docs/flags.md from the one table of
global flags (runsc/settings.py): a page can never promise what the code does not.
"""

from __future__ import annotations

import argparse
import importlib
import pathlib
import pkgutil
import sys

import syscalls
from runsc.flags import SWITCH
from runsc.settings import GLOBAL_FLAGS
from syscalls.numbers_x86_64 import NUMBERS
from syscalls.table import FULL, PARTIAL, PRIVATE, STUB, TABLE

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
NOTICE = "<!-- Made by scripts/generate_docs.py (make docs): do not edit. -->\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def syscalls_page() -> str:
    """Every system call of Linux on x86-64, with how far it is supported."""
    for module in pkgutil.walk_packages(syscalls.__path__, "syscalls."):
        importlib.import_module(module.name)
    entries = [entry for number, entry in sorted(TABLE.items()) if number < PRIVATE]
    known = {entry.number for entry in entries}
    absent = sorted((number, name) for name, number in NUMBERS.items() if number not in known)
    count = {support: sum(entry.support == support for entry in entries) for support in (FULL, PARTIAL, STUB)}
    lines = [
        NOTICE,
        "# System calls\n",
        f"Linux on x86-64 has {len(NUMBERS)} of them. Here {count[FULL]} are complete (`full`), {count[PARTIAL]} lack",
        f"something that the note names (`partial`), {count[STUB]} are refused on purpose with the errno in the note",
        f"(`stub`), and {len(absent)} are not there: they give ENOSYS and one log line. None reaches the host by being",
        "unknown.\n",
        "| number | call | support | note | source |",
        "| -----: | :--- | :------ | :--- | :----- |",
    ]
    for entry in entries:
        source = f"`{entry.handler.__module__.replace('.', '/')}.py`"
        lines.append(f"| {entry.number} | `{entry.name}` | {entry.support} | {_cell(entry.note)} | {source} |")
    if absent:
        lines += ["\nNot there: " + ", ".join(f"`{name}`" for _, name in absent) + "."]
    return "\n".join(lines) + "\n"


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


PAGES = {"syscalls.md": syscalls_page, "flags.md": flags_page}


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
