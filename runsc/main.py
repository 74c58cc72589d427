# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The `pysc` command: global flags, a verb, and its own flags. One module per verb in runsc/commands.

A verb's module has USAGE, HELP, FLAGS and run(settings, values, arguments) -> exit code; INTERLEAVED says whether flags
may follow the arguments. Only the verb that is asked for is imported.

Exit codes: the program's own (128+n for a signal n) where pysc waits for it; 127 and 126 from `do` for a program that
is not there or cannot be run; 125 if the sandbox itself ended; 1 for any other error, with one line on stderr.
"""

from __future__ import annotations

import os
import sys

from runsc import log
from runsc.flags import Flag, Values, describe, parse
from runsc.settings import GLOBAL_FLAGS, Settings
from sentry.control.errors import ControlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = "0.1.0"
SPEC_VERSION = "1.2.0"

VERBS = ("do", "spec", "run", "create", "start", "state", "list", "kill", "delete")
HELP_FLAG = Flag("help", "switch", "print this help", alias="h")


def version() -> str:
    """What --version prints; containerd's parser wants these three lines."""
    return f"pysc version {VERSION}\ncommit: {_commit()}\nspec: {SPEC_VERSION}\n"


def _commit() -> str:
    try:
        from runsc import build_info  # type: ignore[attr-defined] # written by the build, if it knows the commit
    except ImportError:
        return "unknown"
    return str(build_info.COMMIT)


def _usage() -> str:
    lines = ["usage: pysc [global flags] VERB [flags] [arguments]\n\nverbs:\n"]
    for verb in VERBS:
        lines.append(f"  {verb:<8}{_load(verb).HELP}\n")
    return "".join(lines) + "\nglobal flags:\n" + describe(GLOBAL_FLAGS)


def _load(verb: str) -> Any:
    name = f"runsc.commands.{verb}"
    __import__(name)  # importlib costs 0.4 ms
    return sys.modules[name]


def _put(text: str) -> int:
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def run(arguments: list[str]) -> int:
    """Runs a command line without the program's name; the exit code. Errors are reported here."""
    settings: Settings | None = None
    try:
        values, rest = parse(GLOBAL_FLAGS, arguments, "pysc")
        if values.switch("version"):
            return _put(version())
        if values.switch("help") or not rest or rest == ["help"]:
            return _put(_usage()) if values.switch("help") or rest else _missing_verb()
        settings = Settings(values)
        settings.check(values)
        return _run_verb(rest[0], settings, rest[1:])
    except ControlError as error:
        log.report(settings, error.message)
        return error.code
    except BrokenPipeError:  # who read our output has gone
        return 1
    except KeyboardInterrupt:
        return 130


def _missing_verb() -> int:
    raise ControlError(f'which verb? One of {", ".join(VERBS)}; see "pysc --help"')


def _run_verb(verb: str, settings: Settings, arguments: list[str]) -> int:
    if verb not in VERBS:
        raise ControlError(f'unknown verb "{verb}"; pysc knows {", ".join(VERBS)}')
    module = _load(verb)
    flags: tuple[Flag, ...] = (*module.FLAGS, HELP_FLAG)
    values: Values
    values, rest = parse(flags, arguments, f"pysc {verb}", interleaved=module.INTERLEAVED)
    if values.switch("help"):
        return _put(f"usage: {module.USAGE}\n\n{module.HELP}\n\nflags:\n{describe(flags)}")
    return int(module.run(settings, values, rest))


def main() -> None:
    """The entry point: never returns. The interpreter's own clean-up would only cost time."""
    from runsc.sandbox.descriptors import fill_standard

    fill_standard()
    os._exit(run(sys.argv[1:]))  # an exception that gets here is a bug of ours: the interpreter prints it


if __name__ == "__main__":
    main()
