# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from runsc.flags import MANY, NUMBER, SWITCH, TEXT, Flag, describe, parse
from sentry.control.errors import ControlError

FLAGS = (
    Flag("bundle", TEXT, "folder", ".", alias="b", placeholder="DIR"),
    Flag("detach", SWITCH, "do not wait", alias="d"),
    Flag("env", MANY, "variables", alias="e"),
    Flag("preserve-fds", NUMBER, "descriptors", 0),
    Flag("format", TEXT, "form", "table", choices=("table", "json")),
)


@pytest.mark.parametrize(
    "words", [["--bundle=x"], ["--bundle", "x"], ["-bundle=x"], ["-bundle", "x"], ["-b", "x"], ["-b=x"]]
)
def test_every_way_to_write_a_value(words: list[str]) -> None:
    values, rest = parse(FLAGS, [*words, "id"], "pysc run")
    assert values.text("bundle") == "x"
    assert rest == ["id"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [([], False), (["--detach"], True), (["-d"], True), (["--detach=false"], False), (["--detach=1"], True)],
)
def test_switches(words: list[str], expected: bool) -> None:
    assert parse(FLAGS, words, "pysc run")[0].switch("detach") is expected


def test_defaults_hold_and_given_names_only_what_was_named() -> None:
    values, rest = parse(FLAGS, ["--env", "A=1", "-e", "B=2"], "pysc run")
    assert (values.text("bundle"), values.number("preserve-fds"), values.many("env")) == (".", 0, ["A=1", "B=2"])
    assert values.given == {"env"}
    assert rest == []


def test_parsing_stops_at_the_first_argument_or_at_two_dashes() -> None:
    assert parse(FLAGS, ["-d", "cmd", "--bundle"], "pysc do")[1] == ["cmd", "--bundle"]
    assert parse(FLAGS, ["--", "-d"], "pysc do")[1] == ["-d"]
    assert parse(FLAGS, ["-", "-d"], "pysc do")[1] == ["-", "-d"]


def test_interleaved_flags_follow_arguments() -> None:
    values, rest = parse(FLAGS, ["id", "-d", "9", "--", "-x"], "pysc kill", interleaved=True)
    assert values.switch("detach")
    assert rest == ["id", "9", "-x"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nonsense"], "pysc run: unknown flag --nonsense"),
        (["-x=3"], "unknown flag -x,"),
        (["---detach"], "unknown flag ---detach"),
        (["--bundle"], "--bundle needs a value: --bundle=DIR"),
        (["--detach=maybe"], '--detach is a switch, "true" or "false", not "maybe"'),
        (["--preserve-fds=-1"], '--preserve-fds expects a number, not "-1"'),
        (["--format", "xml"], '--format is one of table, json, not "xml"'),
    ],
)
def test_errors_name_the_flag(words: list[str], message: str) -> None:
    with pytest.raises(ControlError) as caught:
        parse(FLAGS, words, "pysc run")
    assert message in caught.value.message


def test_help_names_every_flag() -> None:
    text = describe(FLAGS)
    assert all(f"--{flag.name}" in text for flag in FLAGS)
    assert "--format=table|json" in text
