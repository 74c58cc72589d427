# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The cgroup2 file system as a container without delegation sees it: one group, nothing to set.

Programs look here for their limits (memory.max, cpu.max) and take "max" for none. Source: cgroups(7),
Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

from sentry.fs.synthetic import Render, SyntheticDirectory, SyntheticFile, SyntheticFilesystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Task

CGROUP2_SUPER_MAGIC = 0x63677270


class CgroupFilesystem(SyntheticFilesystem):
    """A cgroup2 mount."""

    def __init__(self, dev: int, kernel: Kernel) -> None:
        super().__init__(dev, b"cgroup2", CGROUP2_SUPER_MAGIC)
        self.source = b"cgroup"

        def processes(task: Task) -> bytes:
            return b"".join(b"%d\n" % pid for pid in sorted(kernel.processes))

        def threads(task: Task) -> bytes:
            return b"".join(b"%d\n" % tid for tid in sorted(kernel.tasks))

        def pids_now(task: Task) -> bytes:
            return b"%d\n" % len(kernel.tasks)

        def pids_most(task: Task) -> bytes:
            return b"%d\n" % kernel.config.process_limit if kernel.config.process_limit else b"max\n"

        files: dict[bytes, Render | bytes] = {
            b"cgroup.controllers": b"cpu memory pids\n",
            b"cgroup.events": b"populated 1\nfrozen 0\n",
            b"cgroup.max.depth": b"max\n",
            b"cgroup.max.descendants": b"max\n",
            b"cgroup.procs": processes,
            b"cgroup.stat": b"nr_descendants 0\nnr_dying_descendants 0\n",
            b"cgroup.subtree_control": b"\n",
            b"cgroup.threads": threads,
            b"cgroup.type": b"domain\n",
            b"cpu.max": b"max 100000\n",
            b"cpu.weight": b"100\n",
            b"memory.high": b"max\n",
            b"memory.low": b"0\n",
            b"memory.max": b"max\n",
            b"memory.min": b"0\n",
            b"memory.swap.max": b"max\n",
            b"pids.current": pids_now,
            b"pids.max": pids_most,
        }
        children = {
            name: SyntheticFile(self, content if not isinstance(content, bytes) else _fixed(content))
            for name, content in files.items()
        }
        self.root = SyntheticDirectory(self, dict(children))


def _fixed(content: bytes) -> Render:
    return lambda task: content
