# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The native core, typed: the one place that touches cffi.

Results are the kernel's own: a negative number is a negated errno. Nothing here raises OSError.
"""

from __future__ import annotations

from sentry.core import _core  # type: ignore[attr-defined] # a compiled extension without stubs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ffi: Any = _core.ffi
_lib: Any = _core.lib
_from_buffer = ffi.from_buffer

RECEIVED = 1 << 32
CONTINUE = 1

# The hot functions are used as they are: an extra Python frame costs more than the call.
answer = _lib.pysc_answer  # (listener, id, value, flags) -> 0 or -errno
install = _lib.pysc_install  # (listener, id, fd, flags) -> number in the task or -errno
still_there = _lib.pysc_still_there  # (listener, id) -> 0 or -ENOENT
copy_out = _lib.pysc_copy_out  # (tid, address, size, fd, offset) -> bytes or -errno
copy_in = _lib.pysc_copy_in  # (tid, address, size, fd, offset) -> bytes or -errno
step = _lib.pysc_step  # (epoll, listener, reply, value, flags, timeout_ns, call, ready, capacity)
raw_read_memory = _lib.pysc_read_memory  # (tid, address, buffer, size) -> bytes or -errno
raw_write_memory = _lib.pysc_write_memory
raw_read_string = _lib.pysc_read_string

_MASK = (1 << 64) - 1


def syscall(number: int, *arguments: int | bytes | bytearray | memoryview) -> int:
    """A raw system call for what the standard library lacks: the result or -errno.

    arguments: at most six; integers (negative ones are sign-extended), or buffers whose address is passed (bytes are
    NUL-terminated by Python, so a bytes object is a C string; the kernel may write into a bytearray or memoryview).
    """
    kept = []
    words = [0] * 6
    for index, argument in enumerate(arguments):
        if isinstance(argument, int):
            words[index] = argument & _MASK
        elif isinstance(argument, bytes):
            pointer = ffi.new("char[]", argument)
            kept.append(pointer)
            words[index] = int(ffi.cast("uintptr_t", pointer))
        else:
            pointer = _from_buffer(argument)
            kept.append(pointer)
            words[index] = int(ffi.cast("uintptr_t", pointer))
    return int(_lib.pysc_syscall(number, *words))


def new_notification() -> tuple[Any, memoryview]:
    """A pysc_notification for step(), and the same 80 bytes as a buffer to unpack."""
    call = ffi.new("pysc_notification *")
    return call, memoryview(ffi.buffer(call))


def new_ready(capacity: int) -> tuple[Any, memoryview]:
    """An array of pysc_ready for step(), and the same bytes (16 each) as a buffer to unpack."""
    ready = ffi.new("pysc_ready[]", capacity)
    return ready, memoryview(ffi.buffer(ready))


def new_buffer(size: int) -> tuple[Any, memoryview]:
    """Memory for raw_read_memory(), and its view."""
    buffer = ffi.new("uint8_t[]", size)
    return buffer, memoryview(ffi.buffer(buffer))


def pointer_to(data: bytes | bytearray | memoryview) -> Any:
    """The address of a buffer, for raw_write_memory(); valid as long as the result lives."""
    return _from_buffer("uint8_t[]", data)


def start_task(
    *,
    clone_flags: int,
    jump_filter: bytes,
    call_filter: bytes,
    listener_flags: int,
    loader_fd: int,
    loader_argument: int,
    arguments: list[bytes],
    environment: list[bytes],
    stack_limit: tuple[int, int],
    gate: int = 0,
) -> tuple[int, int]:
    """Makes the first task (src/start.rs): (pid or -errno, listener). Filters are arrays of struct sock_filter.

    gate: a socket where the task says that it can be traced, and waits for that (a byte each); no listener then.
    """
    strings = [ffi.new("char[]", text) for text in arguments + environment]
    argument_array = ffi.new("char *[]", [*strings[: len(arguments)], ffi.NULL])
    environment_array = ffi.new("char *[]", [*strings[len(arguments) :], ffi.NULL])
    filters = [ffi.new("uint8_t[]", jump_filter), ffi.new("uint8_t[]", call_filter)]
    start = ffi.new(
        "pysc_start *",
        {
            "clone_flags": clone_flags,
            "jump_filter": filters[0],
            "jump_filter_length": len(jump_filter) // 8,
            "call_filter": filters[1],
            "call_filter_length": len(call_filter) // 8,
            "listener_flags": listener_flags,
            "loader_fd": loader_fd,
            "listener": -1,
            "arguments": argument_array,
            "environment": environment_array,
            "loader_argument": loader_argument,
            "stack_limit": stack_limit[0],
            "stack_limit_hard": stack_limit[1],
            "gate": gate,
        },
    )
    pid = int(_lib.pysc_start_task(start))
    return pid, int(start.listener)
