# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Waiting: the one place where a system call blocks.

Owns WaitQueue (who waits for an object to change) and Block, the only awaitable there is. A handler that may block is
`async def`, tries without blocking, and on "not now" awaits wait_for(); the kernel's loop resumes it when one of the
queues is woken, its deadline passes, or the task is kicked (a signal, a kill). Rules:

- wake() never runs guest work at once: it puts the blocked call on the loop's ready list.
- After READY the condition may be false again (somebody was faster): loop and try again.
- Interrupted is raised in the handler at the await; side effects done before it must be reported as a short count.
"""

from __future__ import annotations

from sentry.abi.errors import Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from typing import Protocol

    class Cancellable(Protocol):
        """A timer as the kernel's loop makes it."""

        def cancel(self) -> None:
            """Forgets the callback."""


READY = 1
TIMED_OUT = 2


class WaitQueue:
    """Those who want to hear that an object changed. Cheap when empty."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: dict[object, Callable[[], None]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiters)

    def add(self, key: object, callback: Callable[[], None]) -> None:
        """Calls callback at every wake() until remove(key). Callbacks must not block and must not raise.

        Subclasses that wait for a host descriptor arm it here.
        """
        self._waiters[key] = callback

    def remove(self, key: object) -> None:
        """Forgets key; harmless if it is not there."""
        self._waiters.pop(key, None)

    def wake(self) -> None:
        """Tells everybody who waits now."""
        if self._waiters:
            for callback in list(self._waiters.values()):
                callback()


class Block:
    """One wait of one blocked call. Yielded to the kernel's loop, which resumes the call with READY or TIMED_OUT."""

    __slots__ = ("deadline", "interruptible", "no_hand", "queues", "timer")

    def __init__(
        self, queues: Iterable[WaitQueue], deadline: int | None, interruptible: bool = True, no_hand: bool = False
    ) -> None:
        self.queues = tuple(queues)
        self.deadline = deadline
        self.interruptible = interruptible
        self.no_hand = no_hand
        self.timer: Cancellable | None = None

    def __await__(self) -> Generator[Block, int, int]:
        return (yield self)


def wait_for(
    *queues: WaitQueue, deadline: int | None = None, interruptible: bool = True, no_hand: bool = False
) -> Block:
    """An awaitable: READY when one of the queues is woken, TIMED_OUT at deadline (CLOCK_MONOTONIC, ns).

    Raises: Interrupted(no_hand) at the await when the task is kicked: the call ends with -ERESTARTSYS, or with
    -ERESTARTNOHAND where Linux never restarts after a handler (poll, select, epoll_wait, pause).
    """
    return Block(queues, deadline, interruptible, no_hand)


__all__ = ["READY", "TIMED_OUT", "Block", "Interrupted", "WaitQueue", "wait_for"]
