# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from runsc import log
from runsc.flags import parse
from runsc.main import run
from runsc.settings import GLOBAL_FLAGS, Settings
from sentry.control.errors import ControlError


def settings(*words: str) -> Settings:
    values, _ = parse(GLOBAL_FLAGS, list(words), "pysc")
    result = Settings(values)
    result.check(values)
    return result


def test_what_has_a_meaning_is_accepted() -> None:
    found = settings("--root=/r", "--platform=notify", "--overlay2=all:memory", "--file-access=shared")
    assert (found.root, found.platform, found.overlay, found.root_shared) == ("/r", "notify", "all", True)


@pytest.mark.parametrize(
    "flag",
    ["--platform=kvm", "--platform=x", "--network=host", "--network=sandbox", "--network=x", "--overlay2=root:self",
     "--overlay2=x", "--file-access=x", "--log-format=xml", "--systemd-cgroup", "--nonsense"],
)  # fmt: skip
def test_what_has_none_is_refused_by_name(flag: str) -> None:
    with pytest.raises(ControlError) as caught:
        settings(flag)
    assert flag.partition("=")[0] in caught.value.message
    assert "\n" not in caught.value.message


def test_debug_log_patterns() -> None:
    assert settings("--debug-log=/x/%ID%-%COMMAND%").debug_log_path("c", "run") == "/x/c-run"
    assert settings("--debug-log=/x/").debug_log_path("c", "run") == "/x/pysc.c.run.log"


def test_an_error_is_one_line_on_stderr_and_one_json_object_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log.json"
    code = run(["--log", str(file), "--log-format=json", "--root", str(tmp_path), "state", "nobody"])
    assert code == 1
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("pysc: container does not exist")
    (line,) = file.read_text().splitlines()
    record = json.loads(line)
    assert record["level"] == "error"
    assert record["msg"] in err
    assert record["time"].endswith("Z")


def test_names_of_strangers_cannot_break_the_line_or_the_terminal() -> None:
    assert log.one_line("a\nb\x1b[31m") == "a\\nb\\x1b[31m"


@pytest.mark.parametrize("words", [[], ["nonsense"], ["--nonsense"], ["run"], ["run", "a", "b"], ["do"], ["kill"]])
def test_wrong_command_lines_are_one_line_and_code_1(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 1
    assert capfd.readouterr().err.count("\n") == 1


def test_version_has_the_three_lines_of_containerd(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "pysc version 0.1.0"
    assert lines[1].startswith("commit: ")
    assert lines[2] == "spec: 1.2.0"


@pytest.mark.parametrize("words", [["--help"], ["do", "--help"], ["run", "-h"], ["help"]])
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    assert "usage: pysc" in capsys.readouterr().out
