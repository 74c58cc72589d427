# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""clone in three messages, in every order, with honest and with lying children; and the ends of threads."""

from __future__ import annotations

import errno

import pytest

from sentry.abi import clone as clone_flags
from sentry.abi.errors import LinuxError
from sentry.kernel import clone
from sentry.kernel import exit as exits
from sentry.kernel.answers import DEFERRED, PROCEED
from sentry.kernel.task import Task
from tests.unit.kernels import TestKernel

THREAD = (
    clone_flags.CLONE_VM
    | clone_flags.CLONE_SIGHAND
    | clone_flags.CLONE_THREAD
    | clone_flags.CLONE_FILES
    | clone_flags.CLONE_FS
)
SIGCHLD = 17


@pytest.fixture
def kernel() -> TestKernel:
    return TestKernel()


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    killed: list[int] = []
    monkeypatch.setattr(clone, "refuse", killed.append)
    return killed


def born(kernel: TestKernel, cookie: int, tid: int, host_tid: int | None = None, call: int = 88) -> bool:
    return clone.name_child(kernel, cookie, tid, host_tid or 1000 + tid, call)


def refused(task: Task, flags: int) -> int:
    try:
        clone.ask(task, flags)
    except LinuxError as error:
        return error.errno
    return 0


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (SIGCHLD, 0),
        (0, 0),
        (THREAD, 0),
        (clone_flags.CLONE_THREAD, errno.EINVAL),
        (clone_flags.CLONE_THREAD | clone_flags.CLONE_SIGHAND, errno.EINVAL),
        (clone_flags.CLONE_SIGHAND, errno.EINVAL),
        (0x20000, errno.EPERM),
        (0x10000000 | SIGCHLD, errno.EPERM),
        (0x40000000, errno.EPERM),
        (0x20000 | clone_flags.CLONE_FS, errno.EINVAL),
        (0x2000, errno.EINVAL),
        (clone_flags.CLONE_PIDFD | 0x100000, errno.EINVAL),
        (clone_flags.CLONE_PIDFD, 0),
    ],
)
def test_flags(kernel: TestKernel, flags: int, expected: int) -> None:
    assert refused(kernel.init.leader, flags) == expected


def test_a_child_process_inherits_copies(kernel: TestKernel, killed: list[int]) -> None:
    parent = kernel.init.leader
    cookie = clone.ask(parent, SIGCHLD)
    assert born(kernel, cookie, 2)
    child = kernel.tasks[2]
    assert kernel.processes[2] is child.process
    assert child.process.parent is kernel.init
    assert child.process in kernel.init.children
    assert child.files is not parent.files
    assert child.fs is not parent.fs
    assert child.credentials is parent.credentials
    assert kernel.fake.answers == [(88, 0)]
    assert clone.done(parent, cookie, 2) == 0
    assert not kernel.pending_clones
    assert not killed


def test_a_thread_shares(kernel: TestKernel, killed: list[int]) -> None:
    parent = kernel.init.leader
    cookie = clone.ask(parent, THREAD)
    assert born(kernel, cookie, 2)
    child = kernel.tasks[2]
    assert child.process is kernel.init
    assert child.files is parent.files
    assert parent.files.users == 2
    assert child.fs is parent.fs


def test_a_parent_that_is_first_waits_for_the_name(kernel: TestKernel, killed: list[int]) -> None:
    parent = kernel.init.leader
    cookie = clone.ask(parent, SIGCHLD)
    parent.call = 99
    assert clone.done(parent, cookie, 2) is DEFERRED
    assert born(kernel, cookie, 2)
    assert kernel.fake.answers == [(88, 0), (99, 0)]
    assert not kernel.pending_clones


def test_a_clone_that_the_host_refused_gives_back_what_it_took(kernel: TestKernel) -> None:
    parent = kernel.init.leader
    cookie = clone.ask(parent, THREAD)
    assert parent.files.users == 2
    assert clone.done(parent, cookie, -errno.EAGAIN) == 0
    assert parent.files.users == 1
    assert not kernel.pending_clones


@pytest.mark.parametrize(
    ("fields", "lie"),
    [
        ({"NSpid": "1002\t3"}, True),
        ({"Tgid": "1001"}, True),
        ({"NStgid": "1002\t9"}, True),
        ({"PPid": "1009"}, True),
        ({}, False),
    ],
)
def test_a_child_that_lies_is_killed(kernel: TestKernel, killed: list[int], fields: dict[str, str], lie: bool) -> None:
    parent = kernel.init.leader
    cookie = clone.ask(parent, SIGCHLD)
    probe = kernel.process(2, kernel.init)
    kernel.host_status_of(probe.leader, **fields)
    kernel.forget_task(probe.leader)
    del kernel.processes[2]
    born(kernel, cookie, 2)
    assert killed == ([1002] if lie else [])
    assert (2 in kernel.tasks) != lie


def test_a_cookie_names_one_child(kernel: TestKernel, killed: list[int]) -> None:
    cookie = clone.ask(kernel.init.leader, SIGCHLD)
    assert not born(kernel, cookie + 1, 2)
    assert born(kernel, cookie, 2)
    assert not born(kernel, cookie, 3)


def test_a_number_that_is_taken_is_refused(kernel: TestKernel, killed: list[int]) -> None:
    kernel.process(5, kernel.init)
    cookie = clone.ask(kernel.init.leader, SIGCHLD)
    for tid in (0, 1, 5):
        assert not born(kernel, cookie, tid, host_tid=1066)
    kernel.forget_task(kernel.tasks[5])  # a leader that ended before its threads
    assert not born(kernel, cookie, 5, host_tid=1066)


def test_only_the_parent_says_that_it_is_done(kernel: TestKernel) -> None:
    cookie = clone.ask(kernel.init.leader, SIGCHLD)
    other = kernel.process(5, kernel.init).leader
    with pytest.raises(LinuxError):
        clone.done(other, cookie, 2)
    with pytest.raises(LinuxError):
        clone.done(kernel.init.leader, cookie + 1, 2)


def test_clones_that_are_asked_for_and_not_made_do_not_pile_up(kernel: TestKernel) -> None:
    parent = kernel.init.leader
    for _ in range(100):
        clone.ask(parent, THREAD)
    assert len(kernel.pending_clones) == 1
    assert parent.files.users == 2


def test_the_clone_of_a_parent_that_died_is_forgotten(kernel: TestKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    process = kernel.process(5, kernel.init)
    clone.ask(process.leader, SIGCHLD)
    exits.process_gone(kernel, process)
    assert len(kernel.pending_clones) == 1
    later = kernel.now() + 10_000_000_000
    monkeypatch.setattr("sentry.kernel.kernel._monotonic", lambda: later)
    kernel._run_timers()
    assert not kernel.pending_clones


def test_the_limit_of_tasks_is_EAGAIN() -> None:
    kernel = TestKernel(process_limit=2)
    assert refused(kernel.init.leader, SIGCHLD) == 0
    kernel.process(2, kernel.init)
    assert refused(kernel.init.leader, SIGCHLD) == errno.EAGAIN


def test_a_thread_that_exits_leaves_the_others(kernel: TestKernel) -> None:
    process = kernel.process(5, kernel.init)
    second = kernel.thread(process, 6)
    assert exits.exit_thread(second, 0) is PROCEED
    assert list(process.threads) == [5]
    assert 1006 not in kernel.by_host
    assert not process.exiting
    assert exits.exit_thread(process.leader, 0) is PROCEED
    assert process.exiting


def test_exit_group_gives_back_once_and_the_pidfd_ends_it(kernel: TestKernel) -> None:
    process = kernel.process(5, kernel.init)
    child = kernel.process(6, process)
    heard: list[object] = []
    kernel.exit_hooks.append(heard.append)
    assert exits.exit_group(process.leader, 3) is PROCEED
    exits.exit_group(process.leader, 3)
    assert heard == [process]
    exits.process_gone(kernel, process)
    assert heard == [process]
    assert 5 not in kernel.processes
    assert 5 not in kernel.tasks
    assert kernel.zombies[5] == 1005
    assert process.exit_status == 3 << 8
    assert child.parent is kernel.init
    assert child in kernel.init.children


def test_the_end_of_the_first_process_is_the_end_of_the_sandbox(kernel: TestKernel) -> None:
    ended: list[int] = []
    kernel.on_exit = ended.append
    exits.process_gone(kernel, kernel.init)
    assert ended == [9]
