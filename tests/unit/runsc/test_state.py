# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from runsc.spec import Hook
from runsc.state import CREATING, RUNNING, STOPPED, State, check_id, find, identifiers, reserve, start_time
from sentry.control.errors import ControlError


@pytest.mark.parametrize("identifier", ["a", "my-container_1.2+x", "A" * 200])
def test_ids_that_are_fine(identifier: str) -> None:
    assert check_id(identifier) == identifier


@pytest.mark.parametrize("identifier", ["", ".", "..", "a/b", "/a", "a b", "a\0", "ä", "a" * 1025, "a\n"])
def test_ids_that_are_not(identifier: str) -> None:
    with pytest.raises(ControlError):
        check_id(identifier)


def running(folder_root: Path, identifier: str) -> State:
    state = State(identifier, "/b", "/b/rootfs")
    state.status = RUNNING
    state.pid = os.getpid()
    state.start_time = start_time(state.pid)
    state.annotations = {"a": "b"}
    state.hooks = [Hook("/bin/true", ["true"], ["A=1"], 3)]
    return state


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = reserve(str(tmp_path), "c")
    folder.save(running(tmp_path, "c"))
    folder.close()
    again = find(str(tmp_path), "c").load()
    assert (again.status, again.pid, again.bundle, again.annotations) == (RUNNING, os.getpid(), "/b", {"a": "b"})
    assert [hook.as_json() for hook in again.hooks] == [
        {"path": "/bin/true", "args": ["true"], "env": ["A=1"], "timeout": 3}
    ]
    assert (tmp_path / "c" / "state.json").stat().st_mode & 0o777 == 0o600


def test_a_container_whose_monitor_is_gone_is_stopped(tmp_path: Path) -> None:
    folder = reserve(str(tmp_path), "c")
    state = running(tmp_path, "c")
    state.start_time += 1  # the pid is in use again, by somebody else
    folder.save(state)
    found = folder.load()
    assert found.status == STOPPED
    assert found.as_json()["pid"] == 0


def test_an_id_is_reserved_once(tmp_path: Path) -> None:
    reserve(str(tmp_path), "c")
    with pytest.raises(ControlError, match='"c" is in use'):
        reserve(str(tmp_path), "c")


def test_a_folder_without_state_is_being_created_while_it_is_locked(tmp_path: Path) -> None:
    folder = reserve(str(tmp_path), "c")
    other = find(str(tmp_path), "c")
    assert other.load().status == CREATING
    folder.close()
    assert other.load().status == STOPPED


@pytest.mark.parametrize("text", ["", "[]", "{", '{"status": 3}', '{"status": "x"}', '{"status":"running","pid":"1"}'])
def test_a_damaged_state_is_one_clear_line(tmp_path: Path, text: str) -> None:
    folder = reserve(str(tmp_path), "c")
    (tmp_path / "c" / "state.json").write_text(text)
    with pytest.raises(ControlError) as caught:
        folder.load()
    assert "state.json" in caught.value.message


def test_remove_takes_the_folder_away_and_find_says_so(tmp_path: Path) -> None:
    folder = reserve(str(tmp_path), "c")
    folder.save(running(tmp_path, "c"))
    folder.remove()
    folder.close()
    assert identifiers(str(tmp_path)) == []
    with pytest.raises(ControlError, match="container does not exist"):
        find(str(tmp_path), "c")


def test_remove_never_takes_what_is_not_ours(tmp_path: Path) -> None:
    folder = reserve(str(tmp_path), "c")
    (tmp_path / "c" / "precious").write_text("x")
    with pytest.raises(ControlError, match="not empty"):
        folder.remove()
    assert (tmp_path / "c" / "precious").exists()


def test_a_state_folder_behind_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "c").symlink_to("elsewhere")
    with pytest.raises(ControlError):
        find(str(tmp_path), "c")


def test_start_time_tells_the_living_from_the_dead() -> None:
    assert start_time(os.getpid()) > 0
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert start_time(pid) == 0  # a zombie
    os.waitpid(pid, 0)
    assert start_time(pid) == 0
