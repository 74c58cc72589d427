# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Random steps on our tmpfs and overlay and on the host's tmpfs must end alike, in every errno, attribute and byte.

As root, half of the steps are another user's. To repeat a failure: compare() prints the steps that led to it.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from sentry.fs.pipes import open_fifo_blocking
from sentry.fs.tmpfs import make_tmpfs
from sentry.vfs import path as paths
from sentry.vfs import special
from tests.unit.vfs import compare, new_task, random_steps

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def directory() -> Iterator[str]:
    special.register_fifo(open_fifo_blocking)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield name


@pytest.mark.parametrize("seed", range(30))
def test_tmpfs(directory: str, seed: int) -> None:
    compare(new_task(make_tmpfs({"mode": "777"})), directory, random_steps(seed, 200))


@pytest.mark.parametrize("seed", range(30))
def test_overlay(directory: str, seed: int) -> None:
    steps = [*random_steps(seed, 80), ("layer",), *random_steps(1000 + seed, 200)]
    compare(new_task(make_tmpfs({"mode": "777"})), directory, steps)


@pytest.mark.parametrize("seed", range(10))
def test_with_hardly_any_cache(directory: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "BUDGET", 3)
    monkeypatch.setattr(paths, "_SWEEP", 5)
    steps = [*random_steps(2000 + seed, 80), ("layer",), *random_steps(3000 + seed, 200)]
    compare(new_task(make_tmpfs({"mode": "777"})), directory, steps)
