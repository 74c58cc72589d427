# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What a thread asked for of the scheduler: kept and shown, not applied, since the host's scheduler is not the guest's.

Owns Scheduling, kept in Task.extra once it differs from the default. Whoever makes a thread calls inherit().
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, SCHED_DEADLINE = 0, 1, 2, 3, 5, 6
_KEY = "scheduling"


class Scheduling:
    """nice: -20..19. policy: SCHED_*. priority: 1..99 for real-time policies, else 0. affinity: a mask of processors,
    0 for all. io_priority: as ioprio_set(2). reset_on_fork: children begin anew."""

    __slots__ = ("affinity", "io_priority", "nice", "policy", "priority", "reset_on_fork")

    def __init__(self) -> None:
        self.nice = 0
        self.policy = SCHED_OTHER
        self.priority = 0
        self.affinity = 0
        self.io_priority = 0
        self.reset_on_fork = False


DEFAULT = Scheduling()
"""What a thread has that never asked; not to be changed."""


def scheduling_of(task: Task) -> Scheduling:
    """What the thread asked for; for reading."""
    found = task.extra.get(_KEY)
    return found if isinstance(found, Scheduling) else DEFAULT


def change_scheduling(task: Task) -> Scheduling:
    """The thread's own, to be changed."""
    found = task.extra.get(_KEY)
    if not isinstance(found, Scheduling):
        found = task.extra[_KEY] = Scheduling()
    return found


def inherit(parent: Task, child: Task) -> None:
    """A new thread or process starts with what its parent has."""
    ours = parent.extra.get(_KEY)
    if not isinstance(ours, Scheduling):
        return
    theirs = change_scheduling(child)
    theirs.affinity = ours.affinity
    theirs.io_priority = ours.io_priority
    if not ours.reset_on_fork:
        theirs.nice, theirs.policy, theirs.priority = ours.nice, ours.policy, ours.priority
    elif ours.policy in (SCHED_OTHER, SCHED_BATCH, SCHED_IDLE):
        theirs.nice, theirs.policy = max(ours.nice, 0), ours.policy
