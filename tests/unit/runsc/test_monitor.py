# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The monitor and the verbs around it, with a sentry that only speaks the control protocol."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runsc.commands.spec import example
from runsc.sandbox.monitor import describe_failure, describe_status, exit_code, failure_code
from runsc.state import start_time
from sentry.control.messages import BadMessage, parse_event

FAKE = [sys.executable, str(Path(__file__).parent / "fake_pysc.py")]
SECONDS = 20


def pysc(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    # Files, not pipes: a created container keeps the pipes open, as it should.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(
            [*FAKE, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=SECONDS, check=False, **more
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())


def start(*words: str, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*FAKE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def end(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], SECONDS)[0], "no output"
    return process.stdout.readline()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "rootfs").mkdir()
    return tmp_path


def configure(bundle: Path, *arguments: str, **changes: Any) -> None:
    value: dict[str, Any] = example(list(arguments), "/", rootless=False)
    value["process"].update(changes.pop("process", {}))
    value.update(changes)
    (bundle / "config.json").write_text(json.dumps(value))


def engine(bundle: Path, *words: str) -> list[str]:
    return ["--root", str(bundle / "state"), "--log", str(bundle / "log"), "--log-format", "json", *words]


# -- in the foreground


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3 << 8, 3), (255 << 8, 255), (9, 137), (11 | 128, 139)])
def test_the_exit_code_is_the_programs(status: int, code: int) -> None:
    done = pysc("do", "--", "exit", str(status))
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(2, 127, "executable file not found in $PATH"), (13, 126, "permission denied"), (8, 126, "exec format error"),
     (12, 1, "cannot allocate memory")],
)  # fmt: skip
def test_a_program_that_cannot_be_run(number: int, code: int, words: str) -> None:
    done = pysc("do", "--", "fail", str(number))
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("program", "words"),
    [("crash", "ValueError: on purpose"), ("fatal", "on purpose"), ("nonsense", "broke the control protocol")],
)
def test_a_sentry_that_fails_is_code_125_and_one_line(program: str, words: str) -> None:
    done = pysc("do", "--", program)
    assert done.returncode == 125
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_sentry_has_no_descriptor_too_many() -> None:
    with open("/dev/null") as other:
        done = pysc("do", "--", "descriptors", pass_fds=[other.fileno()])
    count, uid, pid, groups = done.stdout.split(maxsplit=3)
    # 0, 1, 2, the two channels, the guest's three, and the one that lists them
    assert (count, uid, pid, groups) == ("9", "0", "1", "[]\n")


@pytest.mark.parametrize("victim", ["sentry", "gofer", "monitor"])
def test_a_killed_process_takes_the_sandbox_down(victim: str) -> None:
    process = start("do", "--", "wait")
    line(process)
    gofer, sentry = children(process.pid)
    began = time.monotonic()
    os.kill({"sentry": sentry, "gofer": gofer, "monitor": process.pid}[victim], signal.SIGKILL)
    code, _, err = end(process)
    assert (code, err) == (
        (-9, b"") if victim == "monitor"
        else (125, f"pysc: the {victim} was killed by signal 9 (SIGKILL); the sandbox is gone\n".encode())
    )  # fmt: skip
    until(lambda: not start_time(gofer) and not start_time(sentry))
    assert time.monotonic() - began < 1


def test_signals_are_passed_on() -> None:
    process = start("do", "--", "wait")
    line(process)
    for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGWINCH, signal.SIGRTMIN + 3):
        process.send_signal(number)
        assert line(process) == f"{int(number)} False False\n".encode()
    process.terminate()
    assert end(process)[0] == 128 + signal.SIGTERM


def test_ctrl_c_on_a_terminal_is_for_the_foreground() -> None:
    pid, master = pty.fork()
    if pid == 0:
        os.execv(FAKE[0], [*FAKE, "do", "--", "wait"])
    text = b""
    while b"ready" not in text:
        text += os.read(master, 100)
    os.write(master, b"\x03")
    while b"2 False True" not in text:
        text += os.read(master, 100)
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 143
    os.close(master)


def test_an_interrupt_before_the_program_runs_ends_it() -> None:
    process = start("do", "--", "hang")
    until(lambda: len(children(process.pid)) == 2)
    processes = children(process.pid)
    until(lambda: "0" in Path(f"/proc/{processes[1]}/uid_map").read_text())
    process.send_signal(signal.SIGINT)
    code, _, err = end(process)
    assert code == 130
    assert err.count(b"\n") == 1
    assert not any(start_time(pid) for pid in processes)


def test_who_reads_the_output_sees_its_end_when_the_program_closes_it() -> None:
    process = start("do", "--", "close", stdin=subprocess.DEVNULL)
    assert line(process) == b""
    assert process.poll() is None
    process.terminate()
    process.communicate()


# -- containers


def test_the_life_of_a_container(bundle: Path) -> None:
    configure(bundle, "wait")
    pid_file = bundle / "pid"
    flags = ["create", "--bundle", str(bundle), "--pid-file", str(pid_file), "c"]
    assert pysc(*engine(bundle, *flags)).returncode == 0
    pid = int(pid_file.read_text())
    state = json.loads(pysc(*engine(bundle, "state", "c")).stdout)
    assert {key: state[key] for key in ("id", "status", "pid", "bundle", "ociVersion")} == {
        "id": "c", "status": "created", "pid": pid, "bundle": str(bundle), "ociVersion": "1.2.0",
    }  # fmt: skip
    assert "is in use" in pysc(*engine(bundle, *flags)).stderr
    assert "not stopped: created" in pysc(*engine(bundle, "delete", "c")).stderr
    assert pysc(*engine(bundle, "start", "c")).returncode == 0
    assert "already running" in pysc(*engine(bundle, "start", "c")).stderr
    listed = json.loads(pysc(*engine(bundle, "list", "--format=json")).stdout)
    assert [(one["id"], one["status"]) for one in listed] == [("c", "running")]
    assert pysc(*engine(bundle, "kill", "--all", "c", "USR1")).returncode == 0
    assert pysc(*engine(bundle, "kill", "c", "9")).returncode == 0
    until(lambda: not start_time(pid))
    assert json.loads(pysc(*engine(bundle, "state", "c")).stdout)["status"] == "stopped"
    assert "container not running" in pysc(*engine(bundle, "kill", "c", "9")).stderr
    assert "has stopped" in pysc(*engine(bundle, "start", "c")).stderr
    assert pysc(*engine(bundle, "delete", "c")).returncode == 0
    assert pysc(*engine(bundle, "list", "-q")).stdout == ""
    assert "container does not exist" in pysc(*engine(bundle, "delete", "c")).stderr
    assert pysc(*engine(bundle, "delete", "--force", "c")).returncode == 0
    assert list((bundle / "state").iterdir()) == []


def test_a_program_that_cannot_be_run_fails_in_create_and_leaves_nothing(bundle: Path) -> None:
    configure(bundle, "fail", "2")
    done = pysc(*engine(bundle, "create", "-b", str(bundle), "c"))
    assert done.returncode != 0
    (record,) = [json.loads(text) for text in (bundle / "log").read_text().splitlines() if '"error"' in text]
    assert record["msg"] == 'exec "fail": executable file not found in $PATH'
    assert list((bundle / "state").iterdir()) == []


def test_a_detached_container_and_its_forced_end(bundle: Path) -> None:
    configure(bundle, "wait")
    with (bundle / "out").open("wb") as out:
        process = subprocess.Popen(
            [*FAKE, *engine(bundle, "run", "-d", "-b", str(bundle), "--pid-file", str(bundle / "pid"), "c")],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
        assert process.wait(SECONDS) == 0
    pid = int((bundle / "pid").read_text())
    until(lambda: (bundle / "out").read_bytes() == b"ready\n")
    family = [pid, *children(pid)]
    assert os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"
    assert pysc(*engine(bundle, "delete", "--force", "c")).returncode == 0
    assert not any(start_time(one) for one in family)


def test_kill_9_works_on_a_sentry_that_does_not_listen(bundle: Path) -> None:
    configure(bundle, "deaf")
    assert pysc(*engine(bundle, "create", "-b", str(bundle), "--pid-file", str(bundle / "pid"), "c")).returncode == 0
    pysc(*engine(bundle, "kill", "c", "KILL"))
    pid = int((bundle / "pid").read_text())
    until(lambda: not start_time(pid))
    assert pysc(*engine(bundle, "delete", "c")).returncode == 0


def test_a_container_whose_monitor_was_killed_can_be_deleted(bundle: Path) -> None:
    configure(bundle, "wait")
    assert pysc(*engine(bundle, "create", "-b", str(bundle), "--pid-file", str(bundle / "pid"), "c")).returncode == 0
    pid = int((bundle / "pid").read_text())
    family = children(pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not any(start_time(one) for one in family))
    assert json.loads(pysc(*engine(bundle, "state", "c")).stdout)["status"] == "stopped"
    assert pysc(*engine(bundle, "delete", "c")).returncode == 0
    assert list((bundle / "state").iterdir()) == []


def test_run_removes_the_container_at_the_end(bundle: Path) -> None:
    configure(bundle, "exit", str(7 << 8))
    assert pysc(*engine(bundle, "run", "-b", str(bundle), "c")).returncode == 7
    assert list((bundle / "state").iterdir()) == []


def test_hooks_run_in_their_order_with_the_state_on_stdin(bundle: Path) -> None:
    script = bundle / "hook"
    script.write_text(f'#!/bin/sh\necho "$1 $(grep -o \'"status": "[a-z]*"\')" >> {bundle}/trace\n')
    script.chmod(0o755)
    names = ("poststop", "poststart", "createContainer", "createRuntime", "prestart")
    configure(bundle, "exit", "0", hooks={name: [{"path": str(script), "args": ["hook", name]}] for name in names})
    assert pysc(*engine(bundle, "run", "-b", str(bundle), "c")).returncode == 0
    assert [row.replace('"', "").split()[::2] for row in (bundle / "trace").read_text().splitlines()] == [
        ["prestart", "creating"], ["createRuntime", "creating"], ["createContainer", "creating"],
        ["poststart", "running"], ["poststop", "stopped"],
    ]  # fmt: skip


def test_a_failing_hook_stops_the_creation(bundle: Path) -> None:
    configure(bundle, "wait", hooks={"prestart": [{"path": "/bin/false"}]})
    done = pysc(*engine(bundle, "create", "-b", str(bundle), "c"))
    assert done.returncode == 1
    assert done.stderr == "pysc: hook /bin/false: exit status 1\n"
    assert list((bundle / "state").iterdir()) == []


def test_a_terminal_goes_to_the_console_socket(bundle: Path) -> None:
    configure(bundle, "wait", process={"terminal": True})
    assert "needs --console-socket" in pysc(*engine(bundle, "create", "-b", str(bundle), "c")).stderr
    path = bundle / "console"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        done = pysc(*engine(bundle, "create", "-b", str(bundle), "--console-socket", str(path), "c"))
        assert done.returncode == 0, done.stderr
        connection, _ = listener.accept()
        _, (master,), _, _ = socket.recv_fds(connection, 100, 1)
        connection.close()
    assert pysc(*engine(bundle, "start", "c")).returncode == 0
    text = b""
    while b"ready" not in text:
        text += os.read(master, 100)
    os.write(master, b"\x03")
    while b"2 False True" not in text:
        text += os.read(master, 100)
    os.close(master)
    assert pysc(*engine(bundle, "delete", "-f", "c")).returncode == 0


def test_a_terminal_in_the_foreground_is_relayed(bundle: Path) -> None:
    configure(bundle, "wait", process={"terminal": True})
    pid, master = pty.fork()
    if pid == 0:
        os.execv(FAKE[0], [*FAKE, *engine(bundle, "run", "-b", str(bundle), "c")])
    text = b""
    while b"ready" not in text:
        text += os.read(master, 100)
    os.write(master, b"\x03")
    while b"2 False True" not in text:
        text += os.read(master, 100)
    os.kill(pid, signal.SIGTERM)
    while b"15 False False" not in text:
        text += os.read(master, 100)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 143
    os.close(master)
    assert list((bundle / "state").iterdir()) == []


# -- words


def test_codes() -> None:
    assert [exit_code(status) for status in (0, 256, 9, 139)] == [0, 1, 137, 139]
    assert [failure_code(number) for number in (2, 13, 8, 12)] == [127, 126, 126, 1]
    assert describe_failure("/bin/x", "", 2) == 'exec "/bin/x": no such file or directory'
    assert describe_failure("x", "mount /x: no space", 28) == "mount /x: no space"
    assert describe_status(9) == "was killed by signal 9 (SIGKILL)"
    assert describe_status(5 << 8) == "ended unexpectedly with exit status 5"


@pytest.mark.parametrize(
    "message",
    [None, [], 5, {}, {1: 2}, {"event": "x"}, {"event": "exit"}, {"event": "exit", "status": True}, {"reply": "x"},
     {"reply": 1}, {"event": ["map"]}, {"event": "failed", "message": b"x", "errno": 2}],
)  # fmt: skip
def test_what_a_sentry_may_not_say(message: object) -> None:
    with pytest.raises(BadMessage):
        parse_event(message)
