# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""How much memory a sandbox holds: the sum over all its processes.

A sandbox's processes are found as descendants of this process, which makes itself their subreaper first: whoever
detaches, changes session or loses its parent still comes back to it (PR_SET_CHILD_SUBREAPER, prctl(2)). Names,
process groups and cgroups are not looked at, as each runtime treats those differently.

Two sums are taken (proc_pid_smaps(5)):

- *pss*: the kernel's proportional set size. A page shared with a stranger, such as this harness's own Python, is
  counted in part only.
- *alone*: an estimate of what it would be if nothing else ran: what is shared of a mapped file is counted once, in
  full, whoever else maps it.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import dataclasses
import os
import pathlib
import re
from collections.abc import Container, Iterable

PR_SET_CHILD_SUBREAPER = 36  # include/uapi/linux/prctl.h

MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (\S+) ([0-9a-f]+) (\S+) (\d+)\s*(.*)$")


@dataclasses.dataclass(frozen=True)
class Footprint:
    """Memory of a set of processes, in KiB, and how many processes they were."""

    pss: int
    alone: int
    processes: int


def become_subreaper() -> None:
    """Makes orphaned descendants of this process its children.

    Raises: OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def reap_orphans(spare: Container[int] = ()) -> None:
    """Reaps the children of this process that have ended, those in ``spare`` (someone else's to wait for) excepted."""
    for pid in pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        if int(pid) not in spare:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(int(pid), os.WNOHANG)


def descendants(root: int) -> list[int]:
    """The pids below ``root``, itself excluded, in this process's pid namespace."""
    children: dict[int, list[int]] = collections.defaultdict(list)
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # the command's name may hold anything, so read what follows its last parenthesis
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                children[int(fields[1])].append(int(entry.name))
    found: list[int] = []
    queue = [root]
    while queue:
        below = children[queue.pop()]
        found += below
        queue += below
    return found


def footprint(pids: Iterable[int]) -> Footprint:
    """Sums the memory of ``pids``; processes that have gone meanwhile, or are no one's memory, count as nothing.

    Raises: PermissionError (another user's processes).
    """
    pss = private = anonymous_shared = count = 0
    file_shared: dict[tuple[str, str, str], int] = collections.defaultdict(int)
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        count += bool(text)
        key: tuple[str, str, str] | None = None
        here = 0
        own: dict[tuple[str, str, str], int] = collections.defaultdict(int)
        for line in text.splitlines():
            mapping = MAPPING.match(line)
            if mapping:
                _, offset, device, inode, _ = mapping.groups()
                key = (device, inode, offset) if inode != "0" else None
                continue
            name, _, rest = line.partition(":")
            if name == "Pss":
                here = int(rest.split()[0])
                pss += here
                if key is None:
                    anonymous_shared += here  # anonymous pages are shared inside the sandbox only: pss is exact
            elif key is not None and name in ("Private_Clean", "Private_Dirty"):
                private += int(rest.split()[0])
            elif key is not None and name in ("Shared_Clean", "Shared_Dirty"):
                own[key] += int(rest.split()[0])
        for where, size in own.items():
            file_shared[where] = max(file_shared[where], size)
    return Footprint(pss, private + anonymous_shared + sum(file_shared.values()), count)
