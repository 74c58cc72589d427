# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The last words of a sentry, and what its jail lets through."""

from __future__ import annotations

from sentry import jail
from sentry.boot import ProgramError, describe
from syscalls.numbers_x86_64 import NUMBERS


def fail(depth: int) -> None:
    if depth:
        fail(depth - 1)
    raise KeyError("gone")


def last_words(depth: int) -> str:
    try:
        fail(depth)
    except KeyError as error:
        return describe(error)
    return ""


def test_an_exception_is_one_line_with_its_places_innermost_first() -> None:
    text = last_words(2)
    assert text.startswith("KeyError: 'gone' (at test_boot.py:")
    places = text.partition("(at ")[2].split(" < ")
    assert [place.split()[1].rstrip(")") for place in places] == ["fail", "fail", "fail", "last_words"]
    assert "\n" not in text


def test_a_deep_exception_names_the_places_that_count() -> None:
    text = last_words(50)
    assert text.count(" < ") == 7


def test_a_program_that_is_not_there_is_said_in_the_words_that_engines_look_for() -> None:
    assert ProgramError("x", 2, searched=True).message == "executable file not found in $PATH"
    assert ProgramError("/x", 2, searched=False).message == "no such file or directory"
    assert ProgramError("/x", 13, searched=False).errno == 13


def test_every_row_of_the_jails_list_is_a_call_with_a_reason() -> None:
    for name, reason in jail.ALLOWED.items():
        assert name in NUMBERS
        assert reason
