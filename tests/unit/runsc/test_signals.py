# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import signal

import pytest

from runsc.signals import NAMES, parse_signal
from sentry.control.errors import ControlError


@pytest.mark.parametrize(
    ("text", "number"),
    [("9", 9), ("KILL", 9), ("SIGKILL", 9), ("sigterm", 15), ("64", 64), ("RTMIN", 34), ("SIGRTMIN+3", 37),
     ("RTMAX-1", 63)],
)  # fmt: skip
def test_names_and_numbers(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "-9", "SIG", "NOPE", "RTMIN+40", "RTMIN3", "RTMIN+", "99999999", "٣"])
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(ControlError, match="unknown signal"):
        parse_signal(text)


def test_the_table_agrees_with_the_system() -> None:
    for name, number in NAMES.items():
        assert getattr(signal, f"SIG{name}", number) == number
