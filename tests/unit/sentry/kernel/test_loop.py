# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The kernel's loop: answers, blocked calls, timers, kicks, and wake-ups that come too late."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from sentry.abi.errors import ERESTARTNOINTR, Interrupted, LinuxError
from sentry.core import native
from sentry.kernel import clone, strangers
from sentry.kernel.answers import DEFERRED, PROCEED
from sentry.kernel.blocking import READY, TIMED_OUT, WaitQueue, wait_for
from sentry.platform.stub import abi
from tests.unit.kernels import TestKernel, call, happens

SIGSYS = 31


@pytest.fixture
def kernel() -> TestKernel:
    return TestKernel()


class Waiter:
    """A call that waits, and remembers with what it was resumed."""

    def __init__(self, kernel: TestKernel, number: int = 5, **options: Any) -> None:
        self.queue = WaitQueue()
        self.outcomes: list[object] = []
        self.options = options
        kernel.calls[number] = self.handler

    async def handler(self, task: Any, *_registers: int) -> int:
        try:
            outcome = await wait_for(self.queue, **self.options)
        except Interrupted as error:
            self.outcomes.append(error)
            raise
        self.outcomes.append(outcome)
        return 42


def raising(error: BaseException) -> Any:
    def handler(*_arguments: object) -> int:
        raise error

    return handler


@pytest.mark.parametrize(
    ("handler", "reply"),
    [
        (lambda *_: 5, (77, 5, 0)),
        (raising(LinuxError(errno.EPERM)), (77, -errno.EPERM, 0)),
        (lambda *_: PROCEED, (77, 0, native.CONTINUE)),
    ],
)
def test_a_call_is_answered_in_the_next_step(kernel: TestKernel, handler: Any, reply: tuple[int, int, int]) -> None:
    kernel.calls[5] = handler
    kernel.serve(call(kernel.init.leader, 5))
    assert kernel.fake.replies == [reply]


def test_a_deferred_call_is_answered_by_somebody_later(kernel: TestKernel) -> None:
    task = kernel.init.leader
    kernel.calls[5] = lambda *_: DEFERRED
    kernel.serve(call(task, 5), happens(lambda: kernel.answer(task, 9)))
    assert kernel.fake.replies == []
    assert kernel.fake.answers == [(77, 9)]


def test_an_unknown_call_is_ENOSYS_and_counted(kernel: TestKernel) -> None:
    kernel.serve(call(kernel.init.leader, 999), call(kernel.init.leader, 999))
    assert kernel.fake.replies == [(77, -errno.ENOSYS, 0)] * 2
    assert kernel.unknown_calls == {999: 2}


def test_any_other_exception_ends_the_loop(kernel: TestKernel) -> None:
    kernel.calls[5] = raising(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        kernel.serve(call(kernel.init.leader, 5))


def test_registers_arrive_as_they_are(kernel: TestKernel) -> None:
    seen: list[object] = []

    def handler(*arguments: object) -> int:
        seen.extend(arguments)
        return 0

    kernel.calls[5] = handler
    kernel.serve(call(kernel.init.leader, 5, 1, 2, 3, 4, 5, (1 << 64) - 1))
    assert seen == [kernel.init.leader, 1, 2, 3, 4, 5, (1 << 64) - 1]


def test_a_woken_call_is_answered_once(kernel: TestKernel) -> None:
    waiter = Waiter(kernel)
    kernel.serve(
        call(kernel.init.leader, 5),
        happens(waiter.queue.wake, lambda: waiter.queue.wake()),
        happens(waiter.queue.wake),
    )
    assert waiter.outcomes == [READY]
    assert kernel.fake.answers == [(77, 42)]
    assert not waiter.queue


def test_a_call_that_need_not_wait_is_answered_like_any(kernel: TestKernel) -> None:
    async def handler(*_arguments: int) -> int:
        return 3

    kernel.calls[5] = handler
    kernel.serve(call(kernel.init.leader, 5))
    assert kernel.fake.replies == [(77, 3, 0)]
    assert kernel.init.leader.coroutine is None


def test_a_deadline_ends_a_wait(kernel: TestKernel) -> None:
    waiter = Waiter(kernel, deadline=kernel.now())
    kernel.serve(call(kernel.init.leader, 5), happens(lambda: None))
    assert waiter.outcomes == [TIMED_OUT]
    assert kernel.fake.answers == [(77, 42)]


def test_the_deadline_of_a_call_that_was_woken_is_forgotten(kernel: TestKernel) -> None:
    waiter = Waiter(kernel, deadline=kernel.now() + 1_000_000)
    kernel.serve(call(kernel.init.leader, 5), happens(waiter.queue.wake), *[happens(lambda: None)] * 3)
    assert waiter.outcomes == [READY]


def test_the_loop_sleeps_until_the_next_timer(kernel: TestKernel) -> None:
    kernel.serve()
    assert kernel.fake.timeouts == [-1]
    kernel.call_at(kernel.now() + 10_000_000_000, lambda: None)
    kernel.serve()
    assert 9_000_000_000 < kernel.fake.timeouts[-1] <= 10_000_000_000


def test_timers_run_in_order_and_a_cancelled_one_does_not(kernel: TestKernel) -> None:
    ran: list[str] = []
    now = kernel.now()
    kernel.call_at(now - 1, lambda: ran.append("second"))
    kernel.call_at(now - 2, lambda: ran.append("first"))
    kernel.call_at(now - 3, lambda: ran.append("never")).cancel()
    kernel.call_at(now + 10**12, lambda: ran.append("not yet"))
    kernel.serve(happens(lambda: None))
    assert ran == ["first", "second"]


@pytest.mark.parametrize("no_hand", [False, True])
def test_a_kick_interrupts_through_the_stub(kernel: TestKernel, no_hand: bool) -> None:
    task = kernel.init.leader
    waiter = Waiter(kernel, no_hand=no_hand)
    kernel.serve(call(task, 5), happens(lambda: kernel.kick(task)))
    assert isinstance(waiter.outcomes[0], Interrupted)
    assert kernel.fake.answers == [(77, -ERESTARTNOINTR)]
    ((tgid, tid, number, info),) = kernel.fake.sent
    assert (tgid, tid, number) == (task.process.host_pid, task.host_tid, SIGSYS)
    assert info is not None
    assert len(info) == 128
    assert int.from_bytes(info[4:8], "little") == abi.KICK
    assert info[24] & 1 == no_hand


def test_a_wake_up_after_a_kick_is_stale(kernel: TestKernel) -> None:
    task = kernel.init.leader
    waiter = Waiter(kernel)
    kernel.serve(call(task, 5), happens(waiter.queue.wake, lambda: kernel.kick(task), lambda: waiter.queue.wake()))
    assert len(waiter.outcomes) == 1
    assert kernel.fake.answers == [(77, -ERESTARTNOINTR)]


def test_a_wake_up_of_an_earlier_wait_does_not_end_a_later_one(kernel: TestKernel) -> None:
    first, second = WaitQueue(), WaitQueue()
    reached: list[int] = []

    async def handler(*_arguments: int) -> int:
        await wait_for(first)
        reached.append(1)
        first.wake()
        await wait_for(second)
        reached.append(2)
        return 0

    kernel.calls[5] = handler
    kernel.serve(call(kernel.init.leader, 5), happens(first.wake, lambda: first.wake()), happens(first.wake))
    assert reached == [1]
    assert kernel.fake.answers == []


def test_a_wait_that_must_not_be_interrupted_is_not(kernel: TestKernel) -> None:
    task = kernel.init.leader
    waiter = Waiter(kernel, interruptible=False)
    kernel.serve(call(task, 5), happens(lambda: kernel.kick(task)), happens(waiter.queue.wake))
    assert waiter.outcomes == [READY]
    assert kernel.fake.sent == []


def test_a_kick_of_a_task_that_does_not_wait_is_harmless(kernel: TestKernel) -> None:
    kernel.kick(kernel.init.leader)
    assert kernel.fake.sent == []


def test_a_signal_that_came_before_the_call_blocked_interrupts_it(kernel: TestKernel) -> None:
    task = kernel.init.leader
    waiter = Waiter(kernel)
    kernel.kick_process(kernel.init)
    kernel.serve(call(task, 5))
    assert isinstance(waiter.outcomes[0], Interrupted)
    waiter.outcomes.clear()
    kernel.serve(call(task, 5), happens(waiter.queue.wake))
    assert waiter.outcomes == [READY]


def test_an_interrupted_call_may_still_report_what_it_did(kernel: TestKernel) -> None:
    task, queue = kernel.init.leader, WaitQueue()

    async def handler(*_arguments: int) -> int:
        try:
            await wait_for(queue)
        except Interrupted:
            return 7
        return 0

    kernel.calls[5] = handler
    kernel.serve(call(task, 5), happens(lambda: kernel.kick(task)))
    assert kernel.fake.answers == [(77, 7)]
    assert kernel.fake.sent == []


def test_a_call_of_a_task_that_ended_is_closed_without_an_answer(kernel: TestKernel) -> None:
    closed: list[bool] = []
    queue = WaitQueue()

    async def handler(*_arguments: int) -> int:
        try:
            return await wait_for(queue)
        finally:
            closed.append(True)

    kernel.calls[5] = handler
    kernel.serve(
        call(kernel.init.leader, 5), happens(lambda: kernel.forget_task(kernel.init.leader)), happens(queue.wake)
    )
    assert closed == [True]
    assert kernel.fake.answers == []
    assert not queue


def test_a_stranger_is_killed(kernel: TestKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(clone, "refuse", killed.append)
    kernel.serve(call(4242, 5), call(4243, abi.CHILD, 12345, 9), call(4244, abi.LOAD))
    assert killed == [4242, 4243, 4244]
    assert kernel.fake.replies == []


def test_a_stranger_may_exit(kernel: TestKernel) -> None:
    for number in (60, 231):
        words = call(4242, number)()
        assert words is not None
        assert strangers.handle(kernel, words) == (77, 0, native.CONTINUE)


def test_a_wait_queue_forgets_and_calls_everybody() -> None:
    queue = WaitQueue()
    heard: list[str] = []
    queue.add("a", lambda: heard.append("a"))

    def second() -> None:
        heard.append("b")
        queue.remove("a")

    queue.add("b", second)
    queue.add("c", lambda: heard.append("c"))
    queue.remove("c")
    queue.remove("never there")
    queue.wake()
    queue.wake()
    assert heard == ["a", "b", "b"]
    assert queue
    queue.remove("b")
    assert not queue
