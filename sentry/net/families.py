# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Which sockets there are: from the arguments of socket(2) to a class.

Source: net/socket.c (__sock_create) and the create function of each family; compared with native runs.
"""

from __future__ import annotations

import errno

from sentry.abi import socket as abi
from sentry.abi.errors import LinuxError
from sentry.kernel.credentials import CAP_NET_RAW
from sentry.net.unix import UnixConnected, UnixDatagram, make_pair, ucred

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.net.socket import Socket


def _check(family: int, kind: int) -> None:
    if not 0 <= family < abi.AF_MAX:
        raise LinuxError(errno.EAFNOSUPPORT)
    if not 0 <= kind < abi.SOCK_MAX:
        raise LinuxError(errno.EINVAL)


def create(task: Task, family: int, kind: int, protocol: int, flags: int) -> Socket:
    """A new socket. flags: O_NONBLOCK.

    Raises: EAFNOSUPPORT, EINVAL, ESOCKTNOSUPPORT, EPROTONOSUPPORT, EPERM, EACCES.
    """
    _check(family, kind)
    if family == abi.AF_UNIX:
        kind = _unix_kind(kind, protocol)
        if kind == abi.SOCK_DGRAM:
            return UnixDatagram(task.credentials, ucred(task), flags)
        return UnixConnected(kind, task.credentials, ucred(task), flags)
    if family in (abi.AF_INET, abi.AF_INET6):
        return _internet(task, family, kind, protocol, flags)
    if family == abi.AF_NETLINK:
        from sentry.net import netlink

        if kind not in (abi.SOCK_RAW, abi.SOCK_DGRAM):
            raise LinuxError(errno.ESOCKTNOSUPPORT)
        if protocol not in (netlink.NETLINK_ROUTE, netlink.NETLINK_KOBJECT_UEVENT):
            raise LinuxError(errno.EPROTONOSUPPORT)
        return netlink.NetlinkSocket(kind, protocol, task.credentials, flags)
    if family == abi.AF_PACKET and not task.credentials.has(CAP_NET_RAW):
        raise LinuxError(errno.EPERM)
    raise LinuxError(errno.EAFNOSUPPORT)


def _unix_kind(kind: int, protocol: int) -> int:
    if protocol not in (0, abi.AF_UNIX):
        raise LinuxError(errno.EPROTONOSUPPORT)
    if kind == abi.SOCK_RAW:
        return abi.SOCK_DGRAM  # a kindness of Linux to programs of the BSDs
    if kind not in (abi.SOCK_STREAM, abi.SOCK_DGRAM, abi.SOCK_SEQPACKET):
        raise LinuxError(errno.ESOCKTNOSUPPORT)
    return kind


def _internet(task: Task, family: int, kind: int, protocol: int, flags: int) -> Socket:
    from sentry.net.loopback import TcpSocket, UdpSocket

    if not 0 <= protocol < 263:
        raise LinuxError(errno.EINVAL)
    if kind == abi.SOCK_STREAM and protocol in (0, abi.IPPROTO_TCP):
        return TcpSocket(family, task.credentials, flags)
    if kind == abi.SOCK_DGRAM:
        if protocol in (0, abi.IPPROTO_UDP):
            return UdpSocket(family, task.credentials, flags)
        if protocol in (abi.IPPROTO_ICMP, abi.IPPROTO_ICMPV6):
            raise LinuxError(errno.EACCES)  # net.ipv4.ping_group_range is empty
    elif kind == abi.SOCK_RAW:
        if protocol and not task.credentials.has(CAP_NET_RAW):
            raise LinuxError(errno.EPERM)
    elif kind != abi.SOCK_STREAM:
        raise LinuxError(errno.ESOCKTNOSUPPORT)
    raise LinuxError(errno.EPROTONOSUPPORT)


def create_pair(task: Task, family: int, kind: int, protocol: int, flags: int) -> tuple[Socket, Socket]:
    """socketpair(2). Raises: as create, and EOPNOTSUPP for families without pairs."""
    _check(family, kind)
    if family != abi.AF_UNIX:
        create(task, family, kind, protocol, 0).drop()
        raise LinuxError(errno.EOPNOTSUPP)
    return make_pair(task, _unix_kind(kind, protocol), flags)
