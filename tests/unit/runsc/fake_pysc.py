# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""pysc with a sentry that only speaks the control protocol: what it does is the name of its "program".

Run as a program by test_monitor.py, since a monitor forks, changes its signals and never returns.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from gofer.channel import Channel
from gofer.protocol import ProtocolError
from runsc.exports import Export
from runsc.main import main
from runsc.sandbox import linux, spawn
from sentry.control.config import SandboxConfig


def fake_gofer(exports: list[Export], gofer_fd: int) -> None:
    """Waits for the end of its channel."""
    del exports
    try:
        Channel.from_descriptor(gofer_fd).receive()
    except ProtocolError:
        pass


def fake_sentry(config: SandboxConfig, gofer_fd: int, control_fd: int, stdio_fds: list[int]) -> None:
    """Plays config.process.arguments: [what to do, how]."""
    del gofer_fd
    program, *words = [os.fsdecode(word) for word in config.process.arguments]
    linux.unshare(linux.CLONE_NEWUSER)
    control = Channel.from_descriptor(control_fd)
    control.send({"event": "map"})
    assert control.receive()[0] == {"ok": True}
    os.setresuid(0, 0, 0)
    if program == "hang":
        time.sleep(60)
    if program == "fail":
        control.send({"event": "failed", "message": "", "errno": int(words[0])})
        time.sleep(60)
    if program == "nonsense":
        control.send({"event": "exit", "status": "x"})
        time.sleep(60)
    control.send({"event": "created", "init_pid": 1})
    output = stdio_fds[1]
    while True:
        message = control.receive()[0]
        assert isinstance(message, dict)
        if program == "deaf":
            continue
        control.send({"reply": message["request"], "ok": [] if message["op"] == "ps" else True})
        if message["op"] == "start":
            if program == "exit":
                control.send({"event": "exit", "status": int(words[0])})
            elif program == "crash":
                raise ValueError("on purpose")
            elif program == "fatal":
                control.send({"event": "fatal", "message": "on purpose"})
            elif program == "descriptors":
                own = sorted(int(name) for name in os.listdir("/proc/self/fd"))
                os.write(output, f"{len(own)} {os.getuid()} {os.getpid()} {os.getgroups()}\n".encode())
                control.send({"event": "exit", "status": 0})
            elif program == "close":
                for fd in stdio_fds:
                    os.close(fd)
            else:
                os.write(output, b"ready\n")
        elif message["op"] == "signal":
            number = message["signal"]
            os.write(output, f"{number} {message['all']} {message['foreground']}\n".encode())
            if number in (signal.SIGTERM, signal.SIGKILL):
                control.send({"event": "exit", "status": number})


spawn.boot_sentry = fake_sentry
spawn.serve_gofer = fake_gofer

if __name__ == "__main__":
    main()
