# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What the guest may know of the machine: read once, before the sentry is jailed, and kept as plain bytes.

Owns collect() and the shape of its answer. Must stay quick (well below a millisecond): it is part of every start.
cpuinfo is as long as there are processors, so only its first page is read; the rest is made from the first record.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FILES = {
    "cpuinfo": "/proc/cpuinfo",
    "meminfo": "/proc/meminfo",
    "cpu_online": "/sys/devices/system/cpu/online",
    "cpu_possible": "/sys/devices/system/cpu/possible",
    "cpu_present": "/sys/devices/system/cpu/present",
    "huge_pages": "/sys/kernel/mm/transparent_hugepage/enabled",
}
_LIMIT = 4096  # bytes read of each


def collect() -> dict[str, bytes]:
    """The facts by name; a file that cannot be read is an empty value.

    cpuinfo: the first processor's record. meminfo: the host's. cpu_online, cpu_possible, cpu_present: lists such as
    "0-3". cpu_allowed: those that the sandbox may run on. huge_pages: the THP mode line.
    """
    facts: dict[str, bytes] = {}
    for name, path in _FILES.items():
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            facts[name] = b""
            continue
        try:
            facts[name] = os.read(descriptor, _LIMIT)
        except OSError:
            facts[name] = b""
        finally:
            os.close(descriptor)
    facts["cpuinfo"] = facts["cpuinfo"].partition(b"\n\n")[0]
    facts["cpu_allowed"] = ",".join(map(str, sorted(os.sched_getaffinity(0)))).encode()
    return facts


def cpus(facts: Mapping[str, bytes], name: str = "cpu_online") -> list[int]:
    """The processor numbers of one of the cpu_* facts, as sysfs writes them ("0-2,5"); [0] if it is not readable."""
    numbers: list[int] = []
    for part in facts.get(name, b"").strip().split(b","):
        first, _, last = part.partition(b"-")
        if first.isdigit():
            numbers.extend(range(int(first), (int(last) if last.isdigit() else int(first)) + 1))
    return numbers or [0]


def meminfo(facts: Mapping[str, bytes]) -> dict[bytes, int]:
    """The meminfo fact as KiB by name."""
    values: dict[bytes, int] = {}
    for line in facts.get("meminfo", b"").splitlines():
        name, _, rest = line.partition(b":")
        words = rest.split()
        if words and words[0].isdigit():
            values[name] = int(words[0])
    return values


def memory_pages(facts: Mapping[str, bytes]) -> tuple[int, int]:
    """(total, free) pages of the machine now: sysinfo(2) through sysconf, which needs no file; else as at the start."""
    try:
        total, free = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_AVPHYS_PAGES")
    except (OSError, ValueError):
        total = free = -1
    if total <= 0 or free < 0:
        known = meminfo(facts)
        total, free = known.get(b"MemTotal", 1 << 20) // 4, known.get(b"MemFree", 1 << 19) // 4
    return total, free
