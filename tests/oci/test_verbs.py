# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The verbs on a real container, as an engine calls them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.oci.conftest import SECONDS, Engine, alive, until


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$; exit 1", 1)])
def test_run_gives_the_programs_exit_code(engine: Engine, script: str, code: int) -> None:
    """The signal is ignored: nobody kills PID 1 from inside, as on Linux."""
    engine.configure(["sh", "-c", script])
    done = engine.run("run", "--bundle", engine.bundle, "c")
    assert (done.returncode, done.stderr) == (code, "")
    assert list(engine.state.iterdir()) == []


def test_streams_pass_through(engine: Engine) -> None:
    engine.configure(["sh", "-c", "cat; echo error >&2"])
    done = engine.run("run", "--bundle", engine.bundle, "c", stdin=b"to and fro\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "to and fro\n", "error\n")


def test_what_config_json_says_holds_inside(engine: Engine) -> None:
    value = engine.configure(
        ["sh", "-c", "id -u; id -g; id -G; pwd; echo $X; hostname; umask; cat /data/file; echo y > /data/new; ls /dev"],
        user={"uid": 5, "gid": 6, "additionalGids": [7], "umask": 0o27},
        cwd="/etc",
        env=["PATH=/bin", "X=a value"],
    )
    data = engine.bundle / "data"
    data.mkdir()
    data.chmod(0o777)
    (data / "file").write_text("from the host\n")
    value["hostname"] = "inside"
    value["mounts"].append({"destination": "/data", "type": "bind", "source": str(data), "options": ["rbind"]})
    engine.write(value)
    done = engine.run("run", "--bundle", engine.bundle, "c")
    lines = done.stdout.splitlines()
    assert lines[:8] == ["5", "6", "6 7", "/etc", "a value", "inside", "0027", "from the host"], done.stderr
    assert {"null", "zero", "full", "random", "urandom", "tty", "pts", "shm", "fd", "stdin"} <= set(lines[8:])
    assert (data / "new").read_text() == "y\n"


def test_the_life_of_a_container(engine: Engine) -> None:
    engine.configure(["sh", "-c", "trap 'exit 3' USR1; echo up > /up; while :; do sleep 0.1; done"])
    pid = engine.create()
    state = engine.status()
    assert (state["status"], state["pid"], state["ociVersion"]) == ("created", pid, "1.2.0")
    up = engine.bundle / "rootfs" / "up"
    assert not up.exists(), "the program runs before start"
    assert engine.run("start", "c").returncode == 0
    until(up.exists)
    assert engine.status()["status"] == "running"
    assert engine.run("delete", "c").returncode == 1
    listed = json.loads(engine.run("list", "--format", "json").stdout)
    assert [(one["id"], one["pid"], one["status"]) for one in listed] == [("c", pid, "running")]
    assert engine.run("kill", "c", "USR1").returncode == 0
    until(lambda: not alive(pid))
    state = engine.status()
    assert (state["status"], state["pid"]) == ("stopped", 0)
    assert engine.run("delete", "c").returncode == 0
    assert engine.run("state", "c").returncode == 1
    assert "does not exist" in engine.error()


def test_the_pid_files_process_exits_as_the_program_does(engine: Engine) -> None:
    """As conmon and containerd's shim learn of it: a child of theirs, which they reap."""
    engine.configure(["sh", "-c", "exit 42"])
    script = f"""
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
subprocess.run({engine.command("create", "--bundle", engine.bundle, "--pid-file", engine.pid_file, "c")!r}, check=True)
pid = int(open({str(engine.pid_file)!r}).read())
subprocess.run({engine.command("start", "c")!r}, check=True)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    done = subprocess.run(
        ["python3", "-c", script],
        capture_output=True, text=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.stdout == "42\n", done.stderr


@pytest.mark.parametrize("number", ["KILL", "9", "TERM"])
def test_kill_of_a_created_container(engine: Engine, number: str) -> None:
    engine.configure(["sleep", "100"])
    pid = engine.create()
    assert engine.run("kill", "c", number).returncode == 0
    if number == "TERM":
        engine.run("kill", "c", "9")
    until(lambda: not alive(pid))
    assert engine.status()["status"] == "stopped"


def test_kill_all_and_detach(engine: Engine) -> None:
    engine.configure(["sh", "-c", "sleep 100 & sleep 100 & wait; echo end"])
    done = engine.run("run", "--detach", "--bundle", engine.bundle, "--pid-file", engine.pid_file, "c")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pid = int(engine.pid_file.read_text())
    assert engine.status()["status"] == "running"
    assert engine.run("kill", "--all", "c", "KILL").returncode == 0
    until(lambda: not alive(pid))


def test_delete_force_ends_a_running_container(engine: Engine) -> None:
    engine.configure(["sleep", "100"])
    pid = engine.create()
    engine.run("start", "c")
    family = [pid, *(int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    assert len(family) == 3
    assert engine.run("delete", "--force", "c").returncode == 0
    assert not any(alive(one) for one in family)
    assert engine.run("delete", "--force", "never-was").returncode == 0


def test_two_containers_at_once(engine: Engine) -> None:
    engine.configure(["sh", "-c", "echo $$; hostname; sleep 100"])
    first, second = engine.create("one"), engine.create("two")
    assert first != second
    assert engine.run("list", "-q").stdout.split() == ["one", "two"]
    for name in ("one", "two"):
        assert engine.run("start", name).returncode == 0
        assert engine.run("delete", "-f", name).returncode == 0


def test_a_signal_to_the_foreground_reaches_the_program(engine: Engine) -> None:
    engine.configure(["sh", "-c", "trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.1; done"])
    with subprocess.Popen(engine.command("run", "-b", engine.bundle, "c"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"got\n"
        assert process.wait(SECONDS) == 5


def test_a_terminal_over_the_console_socket(engine: Engine) -> None:
    engine.configure(["sh", "-c", "stty size; cat; echo end"], terminal=True, consoleSize={"height": 33, "width": 77})
    path = engine.bundle / "console"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        done = engine.run("create", "-b", engine.bundle, "--console-socket", path, "c")
        assert done.returncode == 0, done.stderr
        connection, _ = listener.accept()
        _, (master,), _, _ = socket.recv_fds(connection, 100, 1)
        connection.close()
    assert engine.run("start", "c").returncode == 0
    text = b""
    while b"33 77" not in text:
        text += os.read(master, 100)
    os.write(master, b"echo me\n")
    while text.count(b"echo me") < 2:  # the terminal's echo, and cat's
        text += os.read(master, 100)
    os.write(master, b"\x03")
    until(lambda: engine.status()["status"] == "stopped")
    os.close(master)


def test_overlay_keeps_the_root_file_system_as_it_is(engine: Engine) -> None:
    engine.configure(["sh", "-c", "echo x > /new; rm -r /etc; cat /new"])
    flags = engine.command("--overlay2=root:memory", "run", "-b", engine.bundle, "c")
    done = subprocess.run(flags, capture_output=True, text=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL)
    assert done.stdout == "x\n", done.stderr
    assert not (engine.bundle / "rootfs" / "new").exists()
    assert (engine.bundle / "rootfs" / "etc").exists()


def test_a_read_only_root(engine: Engine) -> None:
    value = engine.configure(["sh", "-c", "touch /new"])
    value["root"]["readonly"] = True
    engine.write(value)
    done = engine.run("run", "-b", engine.bundle, "c")
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr


def test_preserved_descriptors(engine: Engine) -> None:
    engine.configure(["sh", "-c", "echo there >&3"])
    file = engine.bundle / "three"
    command = shlex.join(engine.command("run", "--preserve-fds", "1", "-b", engine.bundle, "c"))
    done = subprocess.run(["sh", "-c", f"{command} 3>{file}"], timeout=SECONDS, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0
    assert file.read_text() == "there\n"
