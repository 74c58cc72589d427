# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Calls of threads that the kernel does not know: new children that name themselves, and impostors."""

from __future__ import annotations

from sentry.core import native
from sentry.kernel import clone
from sentry.platform.stub import abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel

_EXIT, _EXIT_GROUP = 60, 231


def handle(kernel: Kernel, call: tuple[int, ...]) -> tuple[int, int, int]:
    """As Kernel._call. Whoever is not a child of a clone that was asked for is killed."""
    identity, host_tid, _, number, _, _, first, second, *_ = call
    if number == abi.CHILD and clone.name_child(kernel, first, second, host_tid, identity):
        return 0, 0, 0
    if number == abi.LOAD:
        # execve from a thread whose leader is gone: the new image has the leader's number.
        for process in kernel.processes.values():
            if process.host_pid == host_tid and process.exec_pending is not None:
                task = process.exec_pending.task
                task.host_tid = host_tid
                kernel.by_host[host_tid] = task
                return kernel._call(call)
    if number in (_EXIT, _EXIT_GROUP):
        return identity, 0, native.CONTINUE
    kernel.log(f"killed: host thread {host_tid} made call {number} but is no task")
    clone.refuse(host_tid)
    return 0, 0, 0
