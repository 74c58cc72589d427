# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""/proc/net: one interface, lo, and the tables' headers.

Sockets are listed where the network stack offers a lister: register(name, lister) adds the lines of one file. Source:
proc(5), net/core/net-procfs.c, net/ipv4/{tcp_ipv4,udp,raw,fib_trie}.c, net/unix/af_unix.c.
"""

from __future__ import annotations

from sentry.fs.synthetic import SyntheticDirectory, SyntheticFile, SyntheticFilesystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from sentry.kernel.task import Task

Lister: TypeAlias = "Callable[[Task], bytes]"

_listers: dict[str, Lister] = {}

_ADDRESSES = b"local_address rem_address  "
_ADDRESSES6 = b"local_address                         remote_address                       "
_COLUMNS = b" st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
_INET = b"  sl  " + _ADDRESSES + _COLUMNS + b" " * 53 + b"\n"
_INET6 = b"  sl  " + _ADDRESSES6 + _COLUMNS + b"\n"
_DATAGRAM = b"   sl  " + _ADDRESSES + _COLUMNS + b" ref pointer drops            \n"
_DATAGRAM6 = b"  sl  " + _ADDRESSES6 + _COLUMNS + b" ref pointer drops\n"
_ROUTE = b"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
_NO_TRAFFIC = b"       0       0    0    0    0     0          0         0"
_LO = b"    lo:" + _NO_TRAFFIC + b" " + _NO_TRAFFIC + b"\n"

_HEADERS: dict[str, bytes] = {
    "arp": b"IP address       HW type     Flags       HW address            Mask     Device\n",
    "dev": b"Inter-|   Receive                                                |  Transmit\n"
    b" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier"
    b" compressed\n" + _LO,
    "dev_mcast": b"",
    "if_inet6": b"00000000000000000000000000000001 01 80 10 80       lo\n",
    "igmp": b"Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n",
    "ipv6_route": b"00000000000000000000000000000001 80 "
    + b"0" * 32
    + b" 00 "
    + b"0" * 32
    + b" 00000000 00000002 00000000 80200001       lo\n",
    "netlink": b"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n",
    "packet": b"sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n",
    "psched": b"000003e8 00000040 000f4240 3b9aca00\n",
    "raw": _DATAGRAM,
    "raw6": _DATAGRAM6,
    "route": _ROUTE.ljust(127) + b"\n",
    "snmp": b"Ip: Forwarding DefaultTTL\nIp: 2 64\n",
    "sockstat": b"sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\nRAW: inuse 0\n"
    b"FRAG: inuse 0 memory 0\n",
    "tcp": _INET,
    "tcp6": _INET6,
    "udp": _DATAGRAM,
    "udp6": _DATAGRAM6,
    "unix": b"Num       RefCount Protocol Flags    Type St Inode Path\n",
}


def register(name: str, lister: Lister) -> None:
    """Adds lines to one of the files: lister(task) is called at each read."""
    _listers[name] = lister


def _renderer(name: str, header: bytes) -> Callable[[Task], bytes]:
    def render(task: Task) -> bytes:
        lister = _listers.get(name)
        return header + lister(task) if lister is not None else header

    return render


def build(filesystem: SyntheticFilesystem) -> SyntheticDirectory:
    """The directory."""
    directory = SyntheticDirectory(filesystem)
    for name, header in _HEADERS.items():
        directory.add(name.encode(), SyntheticFile(filesystem, _renderer(name, header)))
    return directory
