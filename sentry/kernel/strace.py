# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""--strace: one line a call, as strace(1) writes it.

    [   12    13] python3 openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC, 0) = 3 <0.000012>

The line is made when the answer is known. What arguments mean comes from the table's own kinds, so a new call needs
nothing here; only buffers and vectors are listed by call. Memory is read after the call: a program that changes it
meanwhile lies to its own log, nothing more. Numbers are process, thread.
"""

from __future__ import annotations

import errno
import importlib
import os
from typing import TYPE_CHECKING, Any, Protocol

from sentry.abi.errors import ERESTARTNOINTR, LinuxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Task

BYTES_SHOWN = 32
PATH_SHOWN = 4096
_VECTORS_SHOWN = 4
_AT_FDCWD = -100
_MAX_ERRNO = 4095
_RESTARTS = {ERESTARTNOINTR: "ERESTARTNOINTR"}

# Arguments that are buffers: (index, index of the length, None for the result). Shown as far as they were used.
_BUFFERS: dict[str, tuple[int, int | None]] = {
    "read": (1, None), "pread64": (1, None), "recvfrom": (1, None), "getrandom": (0, None), "readlink": (1, None),
    "readlinkat": (2, None), "getcwd": (0, None), "getxattr": (2, None), "write": (1, 2), "pwrite64": (1, 2),
    "sendto": (1, 2), "sethostname": (0, 1), "setxattr": (2, 3),
}  # fmt: skip
_VECTORS = frozenset(
    ("readv", "writev", "preadv", "pwritev", "preadv2", "pwritev2", "vmsplice", "process_vm_readv", "process_vm_writev")
)


class _Entry(Protocol):
    name: str

    @property
    def parameters(self) -> tuple[tuple[str, Any], ...]: ...

    def decode(self, registers: tuple[int, ...]) -> tuple[int, ...]: ...


def tracer(
    kernel: Kernel, table: Mapping[int, _Entry] | None = None, names: Mapping[str, Callable[[int], str]] | None = None
) -> Callable[[Task, tuple[int, ...], int | None, int], None]:
    """What Kernel.trace is set to. table, names: syscalls.table.TABLE and the functions that spell flags, by kind."""
    if table is None:
        # By name, since the table lies above the kernel; who asks for --strace has both.
        table = importlib.import_module("syscalls.table").TABLE
    if names is None:
        names = _NAMES
    rows: Mapping[int, _Entry] = table
    spellers: Mapping[str, Callable[[int], str]] = names

    def trace(task: Task, call: tuple[int, ...], value: int | None, duration: int) -> None:
        number = call[3]
        entry = rows.get(number)
        if entry is None:
            text = f"syscall_{number:#x}({', '.join(f'{register:#x}' for register in call[6:12])})"
        else:
            text = f"{entry.name}({', '.join(_arguments(task, entry, call[6:12], value, spellers))})"
        comm = task.name.decode("utf-8", "backslashreplace")
        seconds, rest = divmod(duration, 1_000_000_000)
        kernel.log(
            f"[{task.process.pid:5} {task.tid:5}] {comm} {text} = {_result(value)} <{seconds}.{rest // 1000:06}>"
        )

    return trace


def _spellers() -> Mapping[str, Callable[[int], str]]:
    try:
        module = importlib.import_module("syscalls.flag_names")
    except ImportError:
        return {}
    found: Mapping[str, Callable[[int], str]] = getattr(module, "SPELLERS", {})
    return found


_NAMES = _spellers()
"""Found when this module is imported: later, behind the sentry's walls, nothing can be."""


def _result(value: int | None) -> str:
    if value is None:
        return "? (answered by the host)"
    if -_MAX_ERRNO <= value < 0:
        name = _RESTARTS.get(-value)
        if name is not None:
            return f"? {name}"
        return f"-1 {errno.errorcode.get(-value, -value)} ({os.strerror(-value)})"
    return f"{value:#x}" if value > 0xFFFFFFFF else str(value)


def _arguments(
    task: Task, entry: _Entry, registers: tuple[int, ...], value: int | None, names: Mapping[str, Callable[[int], str]]
) -> list[str]:
    values = entry.decode(registers)
    buffer, length = _BUFFERS.get(entry.name, (-1, None))
    shown = []
    for index, ((_, kind), argument) in enumerate(zip(entry.parameters, values, strict=True)):
        if index == buffer:
            size = values[length] if length is not None else value
            shown.append(_bytes(task, argument, size if size is not None and size > 0 else 0))
        elif index == 1 and entry.name in _VECTORS:
            shown.append(_vector(task, argument, values[2], value if "read" in entry.name else None))
        else:
            shown.append(_argument(task, kind.show, argument, names))
    return shown


def _argument(task: Task, show: str, value: int, names: Mapping[str, Callable[[int], str]]) -> str:
    if show == "path":
        return _path(task, value)
    if show == "fd":
        return "AT_FDCWD" if value == _AT_FDCWD else str(value)
    if show == "pointer":
        return f"{value:#x}" if value else "NULL"
    if show == "hex":
        return f"{value:#x}"
    if show == "octal":
        return f"0{value:o}" if value else "0"
    if show == "id":
        return "-1" if value == 0xFFFFFFFF else str(value)
    speller = names.get(show)
    return speller(value) if speller is not None else str(value) if show in ("int", "uint") else f"{value:#x}"


def _path(task: Task, address: int) -> str:
    if not address:
        return "NULL"
    try:
        return _quote(task.memory.string(address, PATH_SHOWN))
    except LinuxError:
        return f"{address:#x}"


def _bytes(task: Task, address: int, size: int) -> str:
    if not size:
        return f"{address:#x}" if address else "NULL"
    try:
        data = task.memory.read_some(address, min(size, BYTES_SHOWN))
    except LinuxError:
        return f"{address:#x}"
    return _quote(data) + ("..." if size > len(data) else "")


def _vector(task: Task, address: int, count: int, got: int | None) -> str:
    """got: how many bytes a read put there; None: all of the vector is data."""
    try:
        pairs = task.memory.vector(address, min(count, _VECTORS_SHOWN))
    except LinuxError:
        return f"{address:#x}"
    left = got if got is not None else 1 << 62
    shown = []
    for base, length in pairs:
        used = max(min(length, left), 0)
        left -= used
        shown.append(f"{{iov_base={_bytes(task, base, used)}, iov_len={length}}}")
    return f"[{', '.join(shown)}{', ...' if count > len(pairs) else ''}]"


_ESCAPES = {0x0A: "\\n", 0x09: "\\t", 0x0D: "\\r", 0x22: '\\"', 0x5C: "\\\\", 0: "\\0"}


def _quote(data: bytes) -> str:
    return '"' + "".join(_ESCAPES.get(c) or (chr(c) if 0x20 <= c < 0x7F else f"\\{c:o}") for c in data) + '"'
