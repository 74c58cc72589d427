# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The fixture that gives a test its place, natively first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import sandbox
from tests.programs import places


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`place`: everywhere. `sandboxed`: the same without the native one."""
    for name, kinds in (("place", ("native", "do", "run")), ("sandboxed", ("do", "run"))):
        if name in metafunc.fixturenames:
            names = [kind for kind in kinds if kind == "native"]
            names += [f"{kind}-{mode}" for kind in kinds if kind != "native" for mode in sandbox.modes()]
            metafunc.parametrize(name, names, indirect=True)


def make(name: str, scratch: Path) -> places.Place:
    """The place of that name."""
    if name == "native":
        return places.Native(name, scratch)
    sandbox.require_pysc()
    kind, mode = name.split("-")
    return places.HostRoot(mode, scratch) if kind == "do" else places.Bundle(mode, scratch)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> places.Place:
    """Where the test's program runs."""
    return make(request.param, tmp_path)


@pytest.fixture
def sandboxed(request: pytest.FixtureRequest, tmp_path: Path) -> places.Place:
    """The same, in a sandbox only."""
    return make(request.param, tmp_path)
