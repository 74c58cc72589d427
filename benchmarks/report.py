# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Collected samples, and how they are shown: a table for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

#: The column that the ratios are about, and the rows of the notify comparison: inside it, and natively.
SUBJECT = "pysc"
PYTHON_ANSWERED_ROW = "getuid"
NOTIFY_FLOOR_ROWS = ("notify-c-sync", "notify-c-epoll")


@dataclasses.dataclass
class Samples:
    """Every value measured, by row and runtime, in the order in which rows first came."""

    rows: dict[str, dict[str, list[float]]] = dataclasses.field(default_factory=dict)
    units: dict[str, str] = dataclasses.field(default_factory=dict)
    failures: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)

    def add(self, runtime: str, values: Mapping[str, float], unit: str) -> None:
        """Adds one measurement's values (of ``unit``) for ``runtime``."""
        for row, value in values.items():
            self.rows.setdefault(row, {}).setdefault(runtime, []).append(value)
            self.units[row] = "" if row.endswith("processes") else unit

    def fail(self, runtime: str, group: str, why: str) -> None:
        """Notes that ``runtime`` could not do ``group``; the first reason is kept."""
        self.failures.setdefault(group, {}).setdefault(runtime, why)

    def median(self, row: str, runtime: str) -> float | None:
        """Median of the row for ``runtime``, None if it has no sample."""
        values = self.rows.get(row, {}).get(runtime)
        return statistics.median(values) if values else None

    def ratio(self, row: str, runtime: str, other: str) -> float | None:
        """Median of ``runtime`` over median of ``other``, None if either is missing."""
        mine, theirs = self.median(row, runtime), self.median(row, other)
        return mine / theirs if mine is not None and theirs else None


def machine() -> dict[str, Any]:
    """What the numbers were taken on: kernel, processor count and load; no names."""
    return {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
    }


def as_json(samples: Samples, runtimes: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Everything, samples included, as JSON types."""
    rows = {
        row: {
            "unit": samples.units[row],
            "median": {name: samples.median(row, name) for name in runtimes if name in by_runtime},
            "samples": by_runtime,
        }
        for row, by_runtime in samples.rows.items()
    }
    return {"machine": dict(facts), "runtimes": list(runtimes), "rows": rows, "failures": samples.failures}


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def as_table(samples: Samples, runtimes: Sequence[str], facts: Mapping[str, Any], markdown: bool = False) -> str:
    """The medians, a row a line, with pysc's ratio to each other runtime."""
    others = [name for name in runtimes if name != SUBJECT] if SUBJECT in runtimes else []
    header = ["row", "unit", *runtimes, *(f"{SUBJECT}/{name}" for name in others)]
    body = [
        [
            row,
            samples.units[row],
            *(_number(samples.median(row, name)) for name in runtimes),
            *(_ratio(samples.ratio(row, SUBJECT, name)) for name in others),
        ]
        for row in samples.rows
    ]
    widths = [max(len(line[column]) for line in [header, *body]) for column in range(len(header))]

    def show(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |" if markdown else "  ".join(padded).rstrip()

    rule = [("-" * width if column < 2 else "-" * (width - 1) + ":") for column, width in enumerate(widths)]
    lines = [show(header), show(rule if markdown else ["-" * width for width in widths])]
    lines += [show(line) for line in body]
    lines.append("")
    lines += [f"{name}: {value}" for name, value in facts.items()] if not markdown else []
    answered = samples.median(PYTHON_ANSWERED_ROW, SUBJECT)
    for floor_row in NOTIFY_FLOOR_ROWS:
        floor = samples.median(floor_row, "native")
        if answered is not None and floor is not None:
            lines.append(
                f"{PYTHON_ANSWERED_ROW} in {SUBJECT} / {floor_row}: "
                f"{_number(answered)} / {_number(floor)} µs = {answered / floor:.2f}"
            )
    for group, by_runtime in samples.failures.items():
        lines += [f"not measured: {group} under {name}: {why}" for name, why in by_runtime.items()]
    return "\n".join(lines).rstrip()
