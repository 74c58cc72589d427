# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""benchmarks/runtimes.py: bundles and command lines, with a stand-in for a runtime."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.runtimes import Bundle, OciRuntime, RunFailedError, find_peers, flags_for


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    (tmp_path / "guests").mkdir()
    return Bundle(tmp_path, tmp_path / "guests")


def _runtime(bundle: Bundle, body: str) -> OciRuntime:
    program = bundle.scratch / "runtime"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return OciRuntime("stand-in", str(program), ["--flag"], bundle, bundle.scratch / "state")


def test_one_bundle_a_command(bundle: Bundle) -> None:
    first = bundle.for_command(["/bin/true"])
    assert bundle.for_command(["/bin/true"]) == first
    assert bundle.for_command(["/bin/false"]) != first
    assert json.loads((first / "config.json").read_text())["process"]["args"] == ["/bin/true"]


def test_the_host_is_bound_read_only(bundle: Bundle) -> None:
    config = json.loads((bundle.for_command(["/bin/true"]) / "config.json").read_text())
    binds = [mount for mount in config["mounts"] if mount["type"] == "bind"]
    assert "/usr" in {mount["source"] for mount in binds}
    assert all("ro" in mount["options"] for mount in binds)


def test_global_flags_stand_before_the_verb_and_ids_differ(bundle: Bundle) -> None:
    runtime = _runtime(bundle, "")
    first, second = runtime.argv(["/bin/true"]), runtime.argv(["/bin/true"])
    assert first[1:5] == ["--flag", "--root", str(bundle.scratch / "state"), "run"]
    assert first[-1] != second[-1]


def test_a_run_gives_its_time_and_output(bundle: Bundle) -> None:
    seconds, output = _runtime(bundle, "echo out").run(["/bin/true"])
    assert output == "out\n"
    assert 0 < seconds < 60


def test_a_failing_runtime_is_quoted(bundle: Bundle) -> None:
    with pytest.raises(RunFailedError, match="stand-in: exit code 3: no cgroups"):
        _runtime(bundle, "echo no cgroups >&2; exit 3").run(["/bin/true"])


def test_a_given_peer_wins_and_takes_the_flags_of_its_kind(tmp_path: Path) -> None:
    assert find_peers({"runsc-new": "/x"}, []) == {"runsc-new": "/x"}
    assert "--platform=systrap" in flags_for("runsc-new")
    assert flags_for("unheard-of") == ()
