# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc do`: the host's root, throw-away writes, volumes, terminals."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from tests import sandbox
from tests.oci.conftest import SECONDS


def do(*words: str | Path, stdin: bytes | None = None, cwd: str | Path = "/") -> sandbox.Result:
    return sandbox.run([sandbox.PYSC, "do", *words], stdin=stdin, seconds=SECONDS, cwd=cwd)


def test_nothing_that_it_writes_reaches_the_host(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old\n")
    done = do("sh", "-c", "cat old; echo new > old; echo x > new; cat old new", cwd=tmp_path)
    assert done.out == "old\nnew\nx\n", str(done)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("old", "old\n")]


def test_volumes_are_real(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "file").write_text("b\n")
    (tmp_path / "single").write_text("one\n")
    script = "cat /b/file; echo x > /v/new; echo y > /b/new; echo z >> /one"
    volumes = [f"--volume={tmp_path}/a:/v", "-v", f"{tmp_path}/b:/b:ro", "-v", f"{tmp_path}/single:/one"]
    done = do(*volumes, "--", "sh", "-c", script)
    assert done.out == "b\n"
    assert "Read-only file system" in done.err
    assert (tmp_path / "a" / "new").read_text() == "x\n"
    assert not (tmp_path / "b" / "new").exists()
    assert (tmp_path / "single").read_text() == "one\nz\n"


def test_working_directory_and_environment(tmp_path: Path) -> None:
    assert do("pwd", cwd=tmp_path).out == f"{tmp_path}\n"
    assert do("--cwd", "/usr", "pwd").out == "/usr\n"
    assert do("--env", "A=1 2", "-e", "LANG=x", "sh", "-c", 'echo "$A $LANG"').out == "1 2 x\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--", "/nowhere"], 127, "no such file or directory"),
        (["--", "nowhere-at-all"], 127, "executable file not found in $PATH"),
        (["--", "/etc/passwd"], 126, "permission denied"),
        (["--volume=/nowhere", "true"], 1, "--volume /nowhere: no such file or directory"),
        (["--volume=/a:/b:/c:/d", "true"], 1, "--volume"),
        (["--env=x", "true"], 1, "--env x"),
        (["--cwd=/nowhere", "true"], 1, "no such file or directory"),
        (["--cwd=here", "true"], 1, "--cwd"),
        (["--root=/nowhere", "true"], 1, "--root /nowhere: no such file or directory"),
        ([], 1, "what shall run"),
    ],
)
def test_mistakes_are_one_line(words: list[str], code: int, message: str) -> None:
    done = do(*words)
    assert (done.code, done.err.count("\n")) == (code, 1), str(done)
    assert message in done.err


@pytest.mark.parametrize(("script", "code"), [("exit 9", 9), ("kill -9 $$", 137), ("kill -SEGV $$", 139)])
def test_exit_codes(script: str, code: int) -> None:
    assert do("sh", "-c", script).code == code


def test_a_lot_of_data_passes_through_whole() -> None:
    command = f"head -c 100000000 /dev/zero | {sandbox.PYSC} do -- cat | md5sum"
    native = "head -c 100000000 /dev/zero | md5sum"
    outputs = [
        subprocess.run(["sh", "-c", line], capture_output=True, timeout=SECONDS, check=True).stdout
        for line in (command, native)
    ]
    assert outputs[0] == outputs[1]


def test_ctrl_c_ends_a_pipeline_in_a_terminal() -> None:
    pid, master = pty.fork()
    if pid == 0:
        script = "trap 'exit 44' INT; echo ready; sleep 100; exit 1"
        os.execv(sandbox.PYSC, [str(sandbox.PYSC), "do", "--", "sh", "-c", script])
    text = b""
    while b"ready" not in text:
        text += os.read(master, 1000)
    os.write(master, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 44
    os.close(master)


def test_an_idle_sandbox_is_small() -> None:
    """docs/performance.md promises at most 38 MB (proportional set size of all its processes)."""
    with subprocess.Popen([sandbox.PYSC, "do", "sh", "-c", "echo ready; read x"], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        pids, kilobytes = [process.pid], 0
        for pid in pids:
            pids.extend(int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)
            assert found
            kilobytes += int(found[1])
        process.stdin.close()
        process.wait(SECONDS)
    assert len(pids) >= 4
    assert kilobytes < 38 * 1024
