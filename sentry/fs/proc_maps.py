# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A process's memory map as the guest may see it.

The mappings are the host's, so is the text; but the stub must not show, and files must have the guest's names: what the
host calls a mapped file is the name of a memfd or a path of the host. Source: fs/proc/task_mmu.c for the layout.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Process

STUB_START = 0x2000_0000_0000
STUB_END = 0x2000_1000_0000  # the stub's own mappings lie below it; so does the heap, which the host puts behind them
_NAME_COLUMN = 73
_UNKNOWN = b""


def translate(kernel: Kernel, line: bytes) -> bytes | None:
    """One line of maps (without its newline) for the guest; None: not for the guest to see."""
    fields = line.split(None, 5)
    if len(fields) < 5:
        return None
    area, permissions, offset, device, inode = fields[:5]
    name = fields[5] if len(fields) > 5 else b""
    if name in (b"[heap]", b"[stack]", b"[vdso]", b"[vvar]", b"[vvar_vclock]", b"[vsyscall]"):
        return line
    start, _, end = area.partition(b"-")
    if int(start, 16) < STUB_END and int(end, 16) > STUB_START:
        return None
    if inode == b"0" and not name.startswith(b"/"):
        return line if not name else line[: line.index(name)].rstrip() + b" "
    major, _, minor = device.partition(b":")
    known = kernel.mapped_files.get((os.makedev(int(major, 16), int(minor, 16)), int(inode)))
    # A mapping nobody registered: anonymous shared memory (/dev/zero on the host), or a name that is not the guest's.
    unknown = b"/dev/zero (deleted)" if b"s" in permissions else _UNKNOWN
    guest_name, dev, number = known if known is not None else (unknown, 1, int(inode))
    if not guest_name:
        return b"%s %s 00000000 00:00 0 " % (area, permissions)
    head = b"%s %s %s %02x:%02x %d " % (area, permissions, offset, os.major(dev), os.minor(dev), number)
    return head.ljust(_NAME_COLUMN) + guest_name.replace(b"\n", b"\\012")


def render(kernel: Kernel, process: Process) -> bytes:
    """/proc/PID/maps."""
    return _filter(kernel, process, "maps")


def render_smaps(kernel: Kernel, process: Process) -> bytes:
    """/proc/PID/smaps: the lines about each mapping are the host's."""
    return _filter(kernel, process, "smaps")


def render_rollup(kernel: Kernel, process: Process) -> bytes:
    """/proc/PID/smaps_rollup: sums only, which tell nothing of the host."""
    return kernel.read_host_proc(process.leader.host_tid, "smaps_rollup")


def _filter(kernel: Kernel, process: Process, name: str) -> bytes:
    if not process.threads:
        return b""
    lines: list[bytes] = []
    shown = False
    for line in kernel.read_host_proc(process.leader.host_tid, name).split(b"\n"):
        # A mapping's line begins with a hexadecimal address, the lines about it with a word in capitals and a colon.
        if line and b"-" in line.split(b" ", 1)[0]:
            translated = translate(kernel, line)
            shown = translated is not None
            if translated is not None:
                lines.append(translated)
        elif line and shown:
            lines.append(line)
    return b"\n".join(lines) + b"\n" if lines else b""
