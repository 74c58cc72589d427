# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""NUMA policies on a machine that has one memory node: every policy that is possible means the same.

Source: man-pages set_mempolicy(2), get_mempolicy(2), mbind(2); mm/mempolicy.c.
"""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.kernel.task import Task
from syscalls.table import PARTIAL, Address, Flags, Int, Size, ULong, syscall

_NOTE = "one memory node: checked, then without effect"
_MPOL_DEFAULT, _MPOL_MAX = 0, 7
_MODE_FLAGS = 0xE000  # MPOL_F_STATIC_NODES, RELATIVE_NODES, NUMA_BALANCING
_F_NODE, _F_ADDR, _F_MEMS_ALLOWED = 1, 2, 4
_MAX_NODE_BITS = 4096 * 8


def _check(task: Task, mode: int, nodes: int, max_node: int) -> None:
    if not 0 <= mode & ~_MODE_FLAGS < _MPOL_MAX:
        raise LinuxError(errno.EINVAL)
    if not nodes or max_node <= 1:
        return
    if max_node > _MAX_NODE_BITS:
        raise LinuxError(errno.EINVAL)
    mask = int.from_bytes(task.memory.read(nodes, (max_node - 1 + 63) // 64 * 8), "little")
    mask &= (1 << max_node - 1) - 1
    if mask & ~1 or (mode == _MPOL_DEFAULT and mask):
        raise LinuxError(errno.EINVAL)


@syscall(238, support=PARTIAL, note=_NOTE)
def set_mempolicy(task: Task, mode: Int, nodes: Address, max_node: ULong) -> int:
    """set_mempolicy(2). Raises: EINVAL (a node there is not), EFAULT."""
    _check(task, mode, nodes, max_node)
    return 0


@syscall(237, support=PARTIAL, note=_NOTE)
def mbind(task: Task, start: Address, size: Size, mode: Int, nodes: Address, max_node: ULong, flags: Flags) -> int:
    """mbind(2). Raises: EINVAL, EFAULT."""
    if start & 0xFFF:
        raise LinuxError(errno.EINVAL)
    _check(task, mode, nodes, max_node)
    return 0


@syscall(239)
def get_mempolicy(task: Task, mode: Address, nodes: Address, max_node: ULong, address: Address, flags: ULong) -> int:
    """get_mempolicy(2): MPOL_DEFAULT, or node 0. Raises: EINVAL, EFAULT."""
    if flags & ~(_F_NODE | _F_ADDR | _F_MEMS_ALLOWED) or (nodes and max_node < 1):
        raise LinuxError(errno.EINVAL)
    if flags & _F_MEMS_ALLOWED and flags & (_F_NODE | _F_ADDR):
        raise LinuxError(errno.EINVAL)
    if not flags & _F_ADDR and address:
        raise LinuxError(errno.EINVAL)
    if mode:
        task.memory.write(mode, bytes(4))
    if nodes:
        size = (min(max_node, 1024) + 63) // 64 * 8
        task.memory.write(nodes, int(bool(flags & _F_MEMS_ALLOWED)).to_bytes(size, "little"))
    return 0


@syscall(256, support=PARTIAL, note=_NOTE)
def migrate_pages(task: Task, pid: Int, max_node: ULong, old: Address, new: Address) -> int:
    """migrate_pages(2): pages that could not be moved. Raises: EINVAL, EFAULT."""
    _check(task, 1, old, max_node)
    _check(task, 1, new, max_node)
    return 0


@syscall(450, support=PARTIAL, note=_NOTE)
def set_mempolicy_home_node(task: Task, start: Address, size: Size, node: ULong, flags: ULong) -> int:
    """set_mempolicy_home_node(2). Raises: EINVAL."""
    if start & 0xFFF or flags or node:
        raise LinuxError(errno.EINVAL)
    return 0
