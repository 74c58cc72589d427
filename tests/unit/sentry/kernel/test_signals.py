# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Who may send, to whom a signal goes, and in what form it travels."""

from __future__ import annotations

import errno

import pytest

from sentry.abi.errors import LinuxError
from sentry.core import native
from sentry.kernel import signals
from sentry.kernel.credentials import Credentials
from sentry.platform.stub import abi
from tests.unit.kernels import TestKernel, code_of

SIGKILL, SIGUSR1, SIGTERM, SIGCONT, SIGSTOP, SIGCHLD = 9, 10, 15, 18, 19, 17


def user(uid: int) -> Credentials:
    return Credentials(uid, uid, uid, uid, uid, uid, uid, uid, (), 0, 0)


@pytest.fixture
def kernel() -> TestKernel:
    kernel = TestKernel()
    for pid in (2, 3, 4):
        kernel.process(pid, kernel.init)
    for task in kernel.tasks.values():
        kernel.host_status_of(task)
    return kernel


def targets(kernel: TestKernel) -> list[int]:
    return sorted(tgid - 1000 for tgid, _, _, _ in kernel.fake.sent)


def problem(kernel: TestKernel, sender: int, pid: int, number: int = SIGUSR1) -> int:
    try:
        signals.kill(kernel.tasks[sender], pid, number)
    except LinuxError as error:
        return error.errno
    return 0


def test_kill_sends_as_a_user_with_the_guests_numbers(kernel: TestKernel) -> None:
    kernel.tasks[2].credentials = user(1000).with_(effective=1 << 5)
    assert problem(kernel, 2, 3) == 0
    ((tgid, tid, number, info),) = kernel.fake.sent
    assert (tgid, tid, number) == (1003, None, SIGUSR1)
    assert info is not None
    assert len(info) == 128
    assert code_of(info) == 0  # SI_USER
    assert int.from_bytes(info[16:20], "little") == 2
    assert int.from_bytes(info[20:24], "little") == 1000


def test_tgkill_sends_to_a_thread(kernel: TestKernel) -> None:
    thread = kernel.thread(kernel.processes[3], 7)
    signals.thread_kill(kernel.tasks[2], 3, 7, SIGUSR1)
    ((tgid, tid, _, info),) = kernel.fake.sent
    assert (tgid, tid) == (1003, thread.host_tid)
    assert code_of(info) == -6  # SI_TKILL


@pytest.mark.parametrize("code", [-1, -3, -60, -128])
def test_codes_of_the_guest_survive(code: int) -> None:
    info = signals.information(SIGUSR1, code, 5, 6, 0x123456789)
    travelling = signals._travelling(SIGUSR1, info)
    assert code_of(travelling) == code
    assert travelling is not None
    assert int.from_bytes(travelling[4:8], "little") & ~0xFF == abi.SENT
    assert travelling[12:] == info[12:]


@pytest.mark.parametrize("number", [SIGKILL, SIGSTOP])
def test_what_cannot_be_handled_needs_no_siginfo(number: int) -> None:
    assert signals._travelling(number, signals.information(number, -1, 1, 1)) is None


def test_the_reach_of_special_pids(kernel: TestKernel) -> None:
    assert problem(kernel, 2, -1) == 0
    assert targets(kernel) == [3, 4]
    kernel.fake.sent.clear()
    kernel.host_status_of(kernel.tasks[3], NSpgid="1002\t2")
    assert problem(kernel, 2, 0) == 0
    assert targets(kernel) == [2, 3]
    kernel.fake.sent.clear()
    assert problem(kernel, 2, -2) == 0
    assert targets(kernel) == [2, 3]


@pytest.mark.parametrize(
    ("pid", "number", "expected"),
    [
        (99, SIGUSR1, errno.ESRCH),
        (3, 65, errno.EINVAL),
        (3, -1, errno.EINVAL),
        (-99, 0, errno.ESRCH),
        (-0x80000000, 1, errno.ESRCH),
        (3, 0, 0),
    ],
)
def test_errors_of_kill(kernel: TestKernel, pid: int, number: int, expected: int) -> None:
    assert problem(kernel, 2, pid, number) == expected
    assert kernel.fake.sent == []


def test_permission_goes_by_uid_and_capability(kernel: TestKernel) -> None:
    kernel.tasks[2].credentials = user(1000)
    kernel.tasks[3].credentials = user(1000)
    kernel.tasks[4].credentials = user(2000)
    assert problem(kernel, 2, 3) == 0
    assert problem(kernel, 2, 4) == errno.EPERM
    assert problem(kernel, 2, 2) == 0
    kernel.fake.sent.clear()
    assert problem(kernel, 2, -1) == 0
    assert targets(kernel) == [3]
    kernel.tasks[2].credentials = user(1000).with_(effective=1 << 5)  # CAP_KILL
    assert problem(kernel, 2, 4) == 0


def test_SIGCONT_may_go_through_a_session(kernel: TestKernel) -> None:
    kernel.tasks[2].credentials, kernel.tasks[3].credentials = user(1000), user(2000)
    assert problem(kernel, 2, 3, SIGCONT) == 0
    assert problem(kernel, 2, 3, SIGTERM) == errno.EPERM
    kernel.host_status_of(kernel.tasks[3], NSsid="1003\t3")
    assert problem(kernel, 2, 3, SIGCONT) == errno.EPERM


@pytest.mark.parametrize("number", [SIGKILL, SIGSTOP])
def test_nobody_inside_kills_or_stops_the_first_process(kernel: TestKernel, number: int) -> None:
    assert problem(kernel, 2, 1, number) == 0
    assert kernel.fake.sent == []
    kernel.send_signal(kernel.init, number)
    assert targets(kernel) == [1]


@pytest.mark.parametrize(
    ("number", "fields", "dies"),
    [
        (SIGTERM, {}, True),
        (SIGKILL, {}, True),
        (SIGTERM, {"SigCgt": f"{1 << SIGTERM - 1:016x}"}, False),
        (SIGTERM, {"SigIgn": f"{1 << SIGTERM - 1:016x}"}, False),
        (SIGTERM, {"SigBlk": f"{1 << SIGTERM - 1:016x}"}, False),
        (SIGKILL, {"SigBlk": f"{1 << SIGKILL - 1:016x}"}, True),
        (SIGCHLD, {}, False),
    ],
)
def test_a_killable_first_process_dies_of_what_it_does_not_handle(
    monkeypatch: pytest.MonkeyPatch, number: int, fields: dict[str, str], dies: bool
) -> None:
    kernel = TestKernel(init_killable=True)
    kernel.host_status_of(kernel.init.leader, **fields)
    calls: list[tuple[object, ...]] = []

    def syscall(*arguments: object) -> int:
        calls.append(arguments)
        return 0

    monkeypatch.setattr(native, "syscall", syscall)
    kernel.send_signal(kernel.init, number)
    assert bool(calls) == dies
    assert kernel.init_killed_by == (number if dies else 0)
    assert bool(kernel.fake.sent) != dies


def test_a_hook_may_take_a_signal(kernel: TestKernel) -> None:
    kernel.signal_hooks.append(lambda process, task, number, info: number == SIGUSR1)
    assert problem(kernel, 2, 3, SIGUSR1) == 0
    assert kernel.fake.sent == []
    assert problem(kernel, 2, 3, SIGTERM) == 0
    assert targets(kernel) == [3]


def test_a_process_that_is_gone_is_no_error_for_a_group(kernel: TestKernel) -> None:
    kernel.fake.gone.add(1003)
    assert problem(kernel, 2, -1) == 0
    assert targets(kernel) == [4]


def test_every_sent_signal_is_counted_for_calls_on_their_way(kernel: TestKernel) -> None:
    before = kernel.processes[3].signals_sent
    assert problem(kernel, 2, 3) == 0
    assert kernel.processes[3].signals_sent == before + 1
