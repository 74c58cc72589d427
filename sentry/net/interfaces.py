# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The network devices that a program sees: today the loopback device alone; and the ioctls about them.

Source: netdevice(7), net/core/dev_ioctl.c, net/ipv4/devinet.c.
"""

from __future__ import annotations

import errno
import struct

from sentry.abi import socket as abi
from sentry.abi.errors import LinuxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

LOOPBACK_INDEX = 1
LOOPBACK_NAME = b"lo"
LOOPBACK_MTU = 65536
TX_QUEUE_LENGTH = 1000
IFF_UP, IFF_LOOPBACK, IFF_RUNNING, IFF_LOWER_UP = 1, 8, 0x40, 0x10000
LOOPBACK_FLAGS = IFF_UP | IFF_LOOPBACK | IFF_RUNNING
ARPHRD_LOOPBACK = 772

_NAME_SIZE = 16
_REQUEST_SIZE = 40  # struct ifreq
_IFCONF = struct.Struct("<i4xQ")


def _inet(host: bytes) -> bytes:
    return struct.pack("<HH4s8x", abi.AF_INET, 0, host)


def interface_ioctl(task: Task, request: int, argument: int) -> int:
    """An ioctl 0x89xx on a socket. Raises: ENODEV (no such device), EPERM (would change one), ENOTTY, EFAULT."""
    memory = task.memory
    if request == abi.SIOCGIFCONF:
        return _list(task, argument)
    if request == abi.SIOCGIFNAME:
        (index,) = struct.unpack("<i", memory.read(argument + _NAME_SIZE, 4))
        if index != LOOPBACK_INDEX:
            raise LinuxError(errno.ENODEV)
        memory.write(argument, LOOPBACK_NAME.ljust(_NAME_SIZE, b"\0"))
        return 0
    answers = {
        abi.SIOCGIFFLAGS: struct.pack("<H", LOOPBACK_FLAGS),
        abi.SIOCGIFADDR: _inet(b"\x7f\0\0\1"),
        abi.SIOCGIFDSTADDR: _inet(b"\x7f\0\0\1"),
        abi.SIOCGIFBRDADDR: _inet(bytes(4)),
        abi.SIOCGIFNETMASK: _inet(b"\xff\0\0\0"),
        abi.SIOCGIFMETRIC: struct.pack("<i", 0),
        abi.SIOCGIFMTU: struct.pack("<i", LOOPBACK_MTU),
        abi.SIOCGIFHWADDR: struct.pack("<H14x", ARPHRD_LOOPBACK),
        abi.SIOCGIFINDEX: struct.pack("<i", LOOPBACK_INDEX),
        abi.SIOCGIFTXQLEN: struct.pack("<i", TX_QUEUE_LENGTH),
    }
    answer = answers.get(request)
    if answer is None:
        # SIOCSIF... and the like change devices; the rest of the range is for protocols that are not here.
        raise LinuxError(errno.EPERM if 0x8914 <= request <= 0x8946 else errno.ENOTTY)
    name = memory.read(argument, _NAME_SIZE).split(b"\0")[0]
    if name != LOOPBACK_NAME:
        raise LinuxError(errno.ENODEV)
    memory.write(argument + _NAME_SIZE, answer)
    return 0


def _list(task: Task, argument: int) -> int:
    size, buffer = task.memory.unpack(_IFCONF, argument)
    entry = (LOOPBACK_NAME.ljust(_NAME_SIZE, b"\0") + _inet(b"\x7f\0\0\1")).ljust(_REQUEST_SIZE, b"\0")
    if buffer:
        if size >= _REQUEST_SIZE:
            task.memory.write(buffer, entry)
            size = _REQUEST_SIZE
        else:
            size = 0
    else:
        size = _REQUEST_SIZE
    task.memory.write(argument, struct.pack("<i", size))
    return 0
