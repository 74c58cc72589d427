# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The processes that a test's pysc leaves or has: children of ours, since the test process adopts what is orphaned.

Other sandboxes may run on the machine, so nothing here looks at processes by name.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def children(pid: int) -> list[int]:
    """The processes whose parent this is, by all its threads."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in listing.read_text().split()]
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    """Children, their children and so on, parents first."""
    found = children(pid)
    for child in found:
        found += children(child)
    return found


def resident(pid: int) -> int:
    """Proportional set size, in bytes; 0 if the process is gone or may not be looked at."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Ask again until it holds; False when the time is up."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def mounts() -> set[str]:
    """The mount table of the host, as the test process sees it."""
    return set(Path("/proc/self/mountinfo").read_text().splitlines())


@contextmanager
def nothing_left_behind(*words: str, seconds: float = 2) -> Iterator[None]:
    """After the block: no process of ours, no mount, cgroup or temporary file that names one of the words or pysc."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before_children, before_mounts = set(children(os.getpid())), mounts()
    before_groups = groups(words)
    try:
        yield
        assert until(lambda: not alive(before_children), seconds), f"processes left: {describe(before_children)}"
        names = ("pysc", *words)
        left = [line for line in mounts() - before_mounts if any(name in line for name in names)]
        assert not left, f"mounts left: {left}"
        assert groups(words) <= before_groups, f"cgroups left: {groups(words) - before_groups}"
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def alive(known: set[int]) -> list[int]:
    """Children of ours that were not there before and have not ended; those that have are reaped."""
    found = []
    for pid in set(children(os.getpid())) - known:
        try:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                found.append(pid)
        except ChildProcessError:
            continue
    return found


def describe(known: set[int]) -> list[str]:
    """What they are, for a message."""
    words = []
    for pid in alive(known):
        try:
            words.append(f"{pid} {Path(f'/proc/{pid}/cmdline').read_bytes()!r}")
        except OSError:
            continue
    return words


def groups(names: tuple[str, ...]) -> set[str]:
    """The cgroups that carry one of the names."""
    root = Path("/sys/fs/cgroup")
    return {str(path) for name in names if name for path in root.glob(f"**/*{name}*") if path.is_dir()}
