# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Command-line flags: a table and one small parser.

The engines and runsc write flags as Go programs do: `--name=value`, `--name value`, `-name value`, `-n value`, and
`--switch` or `--switch=false` for switches. argparse knows neither `-name` nor `--switch=false`, and costs 6 ms to
import; start-up counts here.
"""

from __future__ import annotations

from sentry.control.errors import ControlError

SWITCH, TEXT, MANY, NUMBER = "switch", "text", "many", "number"

_TRUTH = {
    "true": True, "t": True, "1": True, "false": False, "f": False, "0": False,
}  # fmt: skip


class Flag:
    """One flag. default is also the type's example; choices and placeholder are shown in the help."""

    __slots__ = ("name", "kind", "help", "default", "choices", "alias", "placeholder")

    def __init__(
        self,
        name: str,
        kind: str,
        help: str,  # noqa: A002 - reads as the table it stands in
        default: str | bool | int = "",
        choices: tuple[str, ...] = (),
        alias: str = "",
        placeholder: str = "VALUE",
    ) -> None:
        self.name = name
        self.kind = kind
        self.help = help
        self.default = default
        self.choices = choices
        self.alias = alias
        self.placeholder = placeholder


class Values:
    """The parsed flags of one table, typed at the point of use; given says which ones the command line named."""

    __slots__ = ("given", "_values")

    def __init__(self, flags: tuple[Flag, ...]) -> None:
        self.given: set[str] = set()
        self._values: dict[str, str | bool | int | list[str]] = {
            flag.name: [] if flag.kind == MANY else flag.default for flag in flags
        }

    def put(self, name: str, value: str | bool | int) -> None:
        """Sets a flag's value; appends to the list of a MANY flag."""
        self.given.add(name)
        old = self._values[name]
        if isinstance(old, list):
            old.append(str(value))
        else:
            self._values[name] = value

    def text(self, name: str) -> str:
        value = self._values[name]
        assert isinstance(value, str)
        return value

    def switch(self, name: str) -> bool:
        return bool(self._values[name])

    def number(self, name: str) -> int:
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def many(self, name: str) -> list[str]:
        value = self._values[name]
        assert isinstance(value, list)
        return value


def _convert(flag: Flag, shown: str, text: str, where: str) -> str | bool | int:
    if flag.kind == SWITCH:
        if text.lower() not in _TRUTH:
            raise ControlError(f'{where}: {shown} is a switch, "true" or "false", not "{text}"')
        return _TRUTH[text.lower()]
    if flag.kind == NUMBER:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise ControlError(f'{where}: {shown} expects a number, not "{text}"')
        return int(text)
    if flag.choices and text not in flag.choices:
        raise ControlError(f'{where}: {shown} is one of {", ".join(flag.choices)}, not "{text}"')
    return text


def parse(
    flags: tuple[Flag, ...], arguments: list[str], where: str, *, interleaved: bool = False
) -> tuple[Values, list[str]]:
    """Parses flags up to the first positional argument or "--"; interleaved: flags may also follow positionals.

    where: the command's name for errors, such as "pysc run". Returns the values and the positional arguments.
    Raises: ControlError, naming the flag.
    """
    names = {}
    for flag in flags:
        names[flag.name] = flag
        if flag.alias:
            names[flag.alias] = flag
    values = Values(flags)
    positional: list[str] = []
    index, count = 0, len(arguments)
    while index < count:
        argument = arguments[index]
        index += 1
        if argument == "--":
            positional.extend(arguments[index:])
            break
        if argument == "-" or not argument.startswith("-"):
            positional.append(argument)
            if interleaved:
                continue
            positional.extend(arguments[index:])
            break
        name, equals, text = argument.lstrip("-").partition("=")
        found = names.get(name) if not argument.startswith("---") else None
        if found is None:
            raise ControlError(f'{where}: unknown flag {argument.partition("=")[0]}, see "{where} --help"')
        shown = argument.partition("=")[0]
        if not equals:
            if found.kind == SWITCH:
                values.put(found.name, True)
                continue
            if index == count:
                raise ControlError(f"{where}: {shown} needs a value: {shown}={found.placeholder}")
            text = arguments[index]
            index += 1
        values.put(found.name, _convert(found, shown, text, where))
    return values, positional


def describe(flags: tuple[Flag, ...]) -> str:
    """The flags' part of a help text."""
    rows = []
    for flag in flags:
        left = f"--{flag.name}"
        if flag.alias:
            left = f"-{flag.alias}, {left}"
        if flag.kind != SWITCH:
            left += "=" + ("|".join(flag.choices) if flag.choices else flag.placeholder)
        default = f" (default: {flag.default})" if flag.default not in ("", False, 0) else ""
        rows.append((left, flag.help + default))
    width = min(max((len(left) for left, _ in rows), default=0), 30)
    return "".join(
        f"  {left:<{width}}  {text}\n" if len(left) <= width else f"  {left}\n  {'':<{width}}  {text}\n"
        for left, text in rows
    )
