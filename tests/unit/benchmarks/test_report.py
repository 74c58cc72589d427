# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""benchmarks/report.py and the parsing in rows.py: medians, ratios, and what is said of what failed."""

from __future__ import annotations

import pytest

from benchmarks.report import Samples, as_json, as_table
from benchmarks.rows import parse
from benchmarks.runtimes import RunFailedError


def _samples() -> Samples:
    samples = Samples()
    for value in (10.0, 30.0, 20.0):
        samples.add("runsc", {"start": value}, "µs")
    samples.add("pysc", {"start": 5.0, "getuid": 6.0}, "µs")
    samples.add("native", {"notify-c-sync": 2.0}, "µs")
    return samples


def test_the_ratio_is_of_the_medians() -> None:
    assert _samples().ratio("start", "pysc", "runsc") == 0.25


def test_a_row_that_one_runtime_lacks_has_no_ratio() -> None:
    assert _samples().ratio("getuid", "pysc", "runsc") is None
    assert _samples().median("getuid", "runsc") is None


def test_the_table_shows_medians_ratios_and_the_notify_comparison() -> None:
    table = as_table(_samples(), ["native", "pysc", "runsc"], {"cpus": 2})
    start = next(line for line in table.splitlines() if line.startswith("start"))
    assert start.split() == ["start", "µs", "-", "5", "20", "-", "0.25"]
    assert "getuid in pysc / notify-c-sync: 6 / 2 µs = 3.00" in table
    assert "cpus: 2" in table


def test_the_table_says_what_was_not_measured_and_why() -> None:
    samples = _samples()
    samples.fail("runc", "forks", "exit code 1: no")
    samples.fail("runc", "forks", "a later reason")
    assert "not measured: forks under runc: exit code 1: no" in as_table(samples, ["runc"], {})


def test_json_keeps_every_sample() -> None:
    rows = as_json(_samples(), ["runsc", "pysc"], {})["rows"]
    assert rows["start"]["samples"]["runsc"] == [10.0, 30.0, 20.0]
    assert rows["start"]["median"] == {"runsc": 20.0, "pysc": 5.0}


def test_guest_output_becomes_rows() -> None:
    assert parse("getpid 0.07\nfork+wait 40\n") == {"getpid": 0.07, "fork+wait": 40.0}


@pytest.mark.parametrize("output", ["", "getpid\n", "getpid fast\n", "a b 1\n"])
def test_anything_else_a_guest_prints_is_an_error(output: str) -> None:
    with pytest.raises(RunFailedError):
        parse(output)
