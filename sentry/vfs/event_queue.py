# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A wait queue whose wake-ups say what happened (the "key" of Linux's wait queues).

Only edge-triggered epoll items need to know: they must not report "writable" again because data came in.
"""

from __future__ import annotations

from sentry.kernel.blocking import WaitQueue

ANYTHING = 0xFFFFFFFF


class EventQueue(WaitQueue):
    """events: POLL* bits that the wake-up under way is about."""

    __slots__ = ("events",)

    def __init__(self) -> None:
        super().__init__()
        self.events = ANYTHING

    def wake_for(self, events: int) -> None:
        """wake(), for nothing but these events."""
        self.events = events
        self.wake()
        self.events = ANYTHING
