# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""User and group ids, compared with what the host does to a child that makes the same calls."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct

import pytest

from sentry.abi.errors import LinuxError
from sentry.kernel.credentials import ALL_CAPABILITIES, Credentials
from sentry.kernel.task import Task
from syscalls import identity
from tests.unit.machine import Machine, errno_of, put, user

Step = tuple[str, tuple[int, ...]]

CALLS = {
    "setuid": identity.setuid, "setreuid": identity.setreuid, "setresuid": identity.setresuid,
    "setfsuid": identity.setfsuid, "setgid": identity.setgid, "setregid": identity.setregid,
    "setresgid": identity.setresgid, "setfsgid": identity.setfsgid,
}  # fmt: skip
NUMBERS = {
    "setuid": 105, "setreuid": 113, "setresuid": 117, "setfsuid": 122, "setgid": 106, "setregid": 114, "setresgid": 119,
    "setfsgid": 123,
}  # fmt: skip
KEEP = 0xFFFFFFFF

SEQUENCES: list[list[Step]] = [
    [("setuid", (1000,)), ("setuid", (0,)), ("setreuid", (KEEP, 0))],
    [("setresuid", (1000, 1000, 0)), ("setuid", (0,)), ("setresuid", (KEEP, 0, KEEP))],
    [("setreuid", (1000, 2000)), ("setreuid", (2000, 1000)), ("setuid", (1000,))],
    [("setreuid", (KEEP, 1000)), ("setreuid", (KEEP, 0)), ("setuid", (5,)), ("setreuid", (0, KEEP))],
    [("setfsuid", (1000,)), ("setfsuid", (0,)), ("setfsuid", (KEEP,))],
    [("setresuid", (1, 2, 3)), ("setfsuid", (3,)), ("setfsuid", (0,)), ("setresuid", (3, 1, 2)), ("setuid", (3,))],
    [("setresgid", (1, 2, 3)), ("setregid", (3, 1)), ("setgid", (9,)), ("setfsgid", (2,))],
    [("setuid", (1000,)), ("setgid", (0,)), ("setgid", (77,)), ("setregid", (KEEP, KEEP)), ("setresgid", (1, 1, 1))],
    [("setuid", (KEEP,)), ("setgid", (KEEP,)), ("setresuid", (KEEP, KEEP, KEEP))],
    [("setreuid", (0, 1000)), ("setuid", (0,)), ("setresuid", (KEEP, 0, KEEP)), ("setreuid", (1000, KEEP))],
]


def state_of(task: Task) -> dict[str, object]:
    c = task.credentials
    return {
        "Uid": [c.uid, c.euid, c.suid, c.fsuid], "Gid": [c.gid, c.egid, c.sgid, c.fsgid], "CapEff": c.effective,
        "CapPrm": c.permitted, "CapAmb": c.ambient,
    }  # fmt: skip


def ours(start: Credentials, steps: list[Step]) -> list[object]:
    task = Machine().task
    task.credentials = start
    out: list[object] = []
    for name, arguments in steps:
        try:
            result: object = CALLS[name](task, *arguments)  # type: ignore[operator] # each takes its own count
        except LinuxError as error:
            result = -error.errno
        out.append([result, state_of(task)])
    return out


def host_state() -> dict[str, object]:
    found: dict[str, object] = {}
    with open("/proc/thread-self/status") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in ("Uid", "Gid"):
                found[name] = [int(word) for word in value.split()]
            elif name in ("CapEff", "CapPrm", "CapAmb"):
                found[name] = int(value, 16)
    return found


def hosts(steps: list[Step]) -> tuple[Credentials, list[object]]:
    """The same steps in a child of the test, by raw calls."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        out: list[object] = [host_state()]
        for name, arguments in steps:
            result = libc.syscall(NUMBERS[name], *arguments)
            out.append([-ctypes.get_errno() if result < 0 else result, host_state()])
        os.write(writer, json.dumps(out).encode())
        os._exit(0)
    os.close(writer)
    data = b""
    while piece := os.read(reader, 65536):
        data += piece
    os.close(reader)
    os.waitpid(pid, 0)
    first, *rest = json.loads(data)
    uid, euid, suid, fsuid = first["Uid"]
    gid, egid, sgid, fsgid = first["Gid"]
    start = Credentials(uid, euid, suid, fsuid, gid, egid, sgid, fsgid, (), first["CapEff"], first["CapPrm"])
    return start, rest


@pytest.mark.skipif(os.geteuid() != 0, reason="the host must allow the changes: needs root")
@pytest.mark.parametrize("steps", SEQUENCES)
def test_id_changes_end_as_on_the_host(steps: list[Step]) -> None:
    start, expected = hosts(steps)
    assert ours(start, steps) == expected


def test_a_change_of_ids_makes_the_process_not_dumpable() -> None:
    task = Machine().task
    identity.setuid(task, 1000)
    assert task.process.dumpable == 0


def test_keeping_capabilities_keeps_the_permitted_set_only() -> None:
    task = Machine().task
    task.credentials = task.credentials.with_(securebits=1 << 4)
    identity.setuid(task, 1000)
    assert (task.credentials.permitted, task.credentials.effective) == (ALL_CAPABILITIES, 0)


def test_groups_are_sorted_and_need_a_capability() -> None:
    task = Machine().task
    address = put(task, struct.pack("<3I", 30, 10, 20))
    assert identity.setgroups(task, 3, address) == 0
    assert task.credentials.groups == (10, 20, 30)
    assert identity.getgroups(task, 0, 0) == 3
    assert errno_of(lambda: identity.getgroups(task, 2, address)) == errno.EINVAL
    assert identity.getgroups(task, 5, address + 64) == 3
    assert struct.unpack("<3I", task.memory.read(address + 64, 12)) == (10, 20, 30)
    task.credentials = user(5)
    assert errno_of(lambda: identity.setgroups(task, 0, 0)) == errno.EPERM
