# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Makes a virtual environment run this checkout: dependencies, a path file and the ``pysc`` launcher.

Owns: what ``make build`` puts into ``.venv`` besides the native parts. Run by the environment's own Python::

    .venv/bin/python scripts/install.py          # what pysc needs to run and to build
    .venv/bin/python scripts/install.py --test   # and what its tests and checks need

Why not ``pip install -e .``: the editable finder hooks and the console-script wrapper of pip cost more milliseconds
at each start than all of pysc's own imports may take. The launcher written here starts the interpreter isolated and
without ``site`` (-I -S) and sets the three path entries by itself.

Quick when there is nothing to do: pip is asked only if the list of requirements changed since it last succeeded.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import sysconfig
import tomllib

REPO = pathlib.Path(__file__).resolve().parent.parent
#: Longest ``#!`` line that every supported kernel reads whole, in bytes (BINPRM_BUF_SIZE, less its end).
SHEBANG_LIMIT = 250
#: Smallest setuptools that reads pyproject.toml's [project] table.
BUILD_REQUIREMENTS = ("setuptools>=64",)

LAUNCHER = """\
{shebang}
# Written by scripts/install.py (make build). Isolated and without site: start-up time is a promise of this project.
import sys

sys.path += [{repo!r}, {packages!r}]
from runsc.main import main

if __name__ == "__main__":
    sys.exit(main())
"""


def write_atomically(path: pathlib.Path, text: str, mode: int) -> None:
    """Replaces ``path`` by ``text`` (permission bits ``mode``), so that no one ever sees half of it."""
    if path.exists() and path.read_text() == text and (path.stat().st_mode & 0o777) == mode:
        return
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.chmod(mode)
    scratch.replace(path)


def requirements(with_tests: bool) -> list[str]:
    """The requirement strings of pyproject.toml, build requirements included."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    wanted = [*BUILD_REQUIREMENTS, *project["dependencies"]]
    if with_tests:
        wanted += project["optional-dependencies"]["test"]
    return wanted


def install_requirements(with_tests: bool) -> None:
    """Runs pip for what is required, visibly, unless the same list was installed here before."""
    wanted = requirements(with_tests)
    record = pathlib.Path(sys.prefix, ".pysc-requirements-test" if with_tests else ".pysc-requirements")
    text = "".join(f"{line}\n" for line in wanted)
    if record.exists() and record.read_text() == text:
        return
    print(f"==> installing into {os.path.relpath(sys.prefix)}: {', '.join(wanted)}", flush=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *wanted], check=True)
    write_atomically(record, text, 0o644)


def shebang(python: str) -> str:
    """The first line(s) of the launcher: the interpreter itself, or a shell line where its path cannot stand there."""
    line = f"#!{python} -IS"
    if " " not in python and len(os.fsencode(line)) <= SHEBANG_LIMIT:
        return line
    quoted = python.replace("'", "'\"'\"'")
    return f"#!/bin/sh\n'''exec' '{quoted}' -IS \"$0\" \"$@\"\n' '''"


def install_launcher() -> None:
    """Writes ``bin/pysc`` and a path file, so that ``python -m runsc.main`` and the tests find the checkout too."""
    packages = sysconfig.get_path("purelib")
    write_atomically(pathlib.Path(packages, "pysc.pth"), f"{REPO}\n", 0o644)
    text = LAUNCHER.format(
        shebang=shebang(os.path.join(sys.prefix, "bin", "python")), repo=str(REPO), packages=packages
    )
    write_atomically(pathlib.Path(sys.prefix, "bin", "pysc"), text, 0o755)


def main() -> int:
    """Entry point; 0, or pip's failure."""
    parser = argparse.ArgumentParser(description="Install this checkout into the virtual environment that runs this.")
    parser.add_argument("--test", action="store_true", help="also install what tests and checks need")
    options = parser.parse_args()
    if sys.prefix == sys.base_prefix:
        parser.error("run me with a virtual environment's Python (make build does)")
    try:
        install_requirements(options.test)
    except subprocess.CalledProcessError as failure:
        print(f"error: pip failed with exit code {failure.returncode}", file=sys.stderr)
        return 1
    install_launcher()
    return 0


if __name__ == "__main__":
    sys.exit(main())
