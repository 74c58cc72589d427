# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Deadlines of calls that may be made again by the host's kernel after a kick.

Such a call comes with its old time-out; task.restart_deadline says when it was to end. It may also be left over from a
call that a handler broke off for good, so it is believed only if it could be this call's.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

FOREVER = 1 << 62
"""ns; later than any clock gets."""

_LATE = 50_000_000  # ns between a kick and the call made again, at most; generous for a busy machine


def restartable(task: Task, timeout: int) -> int:
    """When a wait of timeout ns ends (CLOCK_MONOTONIC ns); whoever waits clears task.restart_deadline at its end."""
    now = task.kernel.now()
    fresh = min(now + timeout, FOREVER)
    left_over = task.restart_deadline
    if left_over is not None and now - _LATE < left_over <= fresh:
        return left_over
    task.restart_deadline = fresh
    return fresh
