# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The limits that the host has to enforce, since what they limit is delegated to it: memory and processor time.

The guest's hard limits are ours; the host gets them for processor time only, whose hard limit kills.
Source: setrlimit(2).
"""

from __future__ import annotations

from sentry.core import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Process

_PRLIMIT64 = 302
_CPU, _DATA, _STACK, _CORE, _MEMLOCK, _AS = 0, 2, 3, 4, 8, 9
ENFORCED_BY_HOST = frozenset({_CPU, _DATA, _STACK, _CORE, _MEMLOCK, _AS})


def apply(process: Process, resource: int, soft: int, hard: int) -> None:
    """Hands a limit of the process on to the host; what the host does not allow stays as it was."""
    if resource not in ENFORCED_BY_HOST:
        return
    now = bytearray(16)
    if native.syscall(_PRLIMIT64, process.host_pid, resource, 0, now) < 0:
        return
    host_hard = int.from_bytes(now[8:], "little")
    new_hard = min(hard, host_hard) if resource == _CPU else host_hard
    pair = min(soft, new_hard).to_bytes(8, "little") + new_hard.to_bytes(8, "little")
    native.syscall(_PRLIMIT64, process.host_pid, resource, pair, 0)
