# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""sysfs, as far as programs look: processors, huge pages, the loopback interface; no devices.

Source: sysfs(5), Documentation/ABI/{stable,testing}/sysfs-*.
"""

from __future__ import annotations

from sentry.fs import host_facts
from sentry.fs.synthetic import SyntheticDirectory, SyntheticFile, SyntheticFilesystem, SyntheticLink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Task
    from sentry.vfs.attributes import DirectoryEntry
    from sentry.vfs.inode import Inode

SYSFS_MAGIC = 0x62656572
_FILE_SIZE = 4096  # what stat shows of every attribute

_EMPTY = (
    "block", "bus", "class/block", "class/tty", "class/mem", "dev/block", "dev/char", "devices/virtual", "firmware",
    "fs/cgroup", "fs/fuse/connections", "hypervisor", "module", "power", "kernel/security",
)  # fmt: skip

_LOOPBACK = {
    "addr_len": b"6", "address": b"00:00:00:00:00:00", "broadcast": b"00:00:00:00:00:00", "carrier": b"1",
    "dev_id": b"0x0", "dormant": b"0", "flags": b"0x9", "ifalias": b"", "ifindex": b"1", "iflink": b"1",
    "link_mode": b"0", "mtu": b"65536", "operstate": b"unknown", "tx_queue_len": b"1000", "type": b"772",
}  # fmt: skip
_STATISTICS = ("collisions", "multicast", "rx_bytes", "rx_dropped", "rx_errors", "rx_packets", "tx_bytes", "tx_dropped",
               "tx_errors", "tx_packets")  # fmt: skip


class SysFilesystem(SyntheticFilesystem):
    """A sysfs mount: a fixed tree, made when it is first looked at."""

    def __init__(self, dev: int, kernel: Kernel) -> None:
        super().__init__(dev, b"sysfs", SYSFS_MAGIC)
        self.cached = True
        self.root = _Root(self, kernel)


class _Root(SyntheticDirectory):
    """The root; fills itself at the first look, since a start of a sandbox need not pay for it."""

    __slots__ = ("_kernel",)

    def __init__(self, filesystem: SysFilesystem, kernel: Kernel) -> None:
        self._kernel: Kernel | None = kernel
        super().__init__(filesystem, None, 0o555)

    def _fill(self) -> None:
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            for path, content in _tree(kernel.host_facts).items():
                _put(self, path, content)

    def lookup(self, name: bytes) -> Inode:
        self._fill()
        return super().lookup(name)

    def entries(self, task: Task) -> list[DirectoryEntry]:
        self._fill()
        return super().entries(task)


def _tree(facts: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """Contents by path: bytes for a file, with a leading "-> " for a link, None for an empty directory."""
    tree: dict[str, bytes | None] = dict.fromkeys(_EMPTY)
    numbers = host_facts.cpus(facts)
    online = facts.get("cpu_online", b"").strip() or b"0"
    cpu = "devices/system/cpu/"
    tree[cpu + "online"] = online
    tree[cpu + "possible"] = facts.get("cpu_possible", b"").strip() or online
    tree[cpu + "present"] = facts.get("cpu_present", b"").strip() or online
    tree[cpu + "offline"] = tree[cpu + "isolated"] = b""
    tree[cpu + "kernel_max"] = b"8191"
    mask = sum(1 << number for number in numbers)
    for number in numbers:
        topology = f"{cpu}cpu{number}/topology/"
        own = b"%x" % (1 << number)
        values = {
            "core_id": b"%d" % number, "physical_package_id": b"0", "die_id": b"0", "cluster_id": b"0",
            "core_cpus": own, "core_cpus_list": b"%d" % number, "thread_siblings": own,
            "thread_siblings_list": b"%d" % number, "core_siblings": b"%x" % mask, "core_siblings_list": online,
            "package_cpus": b"%x" % mask, "package_cpus_list": online,
        }  # fmt: skip
        for name, value in values.items():
            tree[topology + name] = value
        if number:
            tree[f"{cpu}cpu{number}/online"] = b"1"
    node = "devices/system/node/"
    for name in ("online", "possible", "has_cpu", "has_normal_memory", "has_memory"):
        tree[node + name] = b"0"
    tree[node + "node0/cpulist"] = online
    tree[node + "node0/cpumap"] = b"%x" % mask
    tree[node + "node0/distance"] = b"10"
    pages, free = host_facts.memory_pages(facts)
    tree[node + "node0/meminfo"] = b"Node 0 MemTotal: %d kB\nNode 0 MemFree: %d kB" % (pages * 4, free * 4)
    huge = "kernel/mm/transparent_hugepage/"
    tree[huge + "enabled"] = facts.get("huge_pages", b"").strip() or b"always madvise [never]"
    tree[huge + "hpage_pmd_size"] = b"2097152"
    tree["kernel/mm/hugepages"] = None
    tree["kernel/profiling"] = b"0"
    for name, value in _LOOPBACK.items():
        tree["devices/virtual/net/lo/" + name] = value
    for name in _STATISTICS:
        tree["devices/virtual/net/lo/statistics/" + name] = b"0"
    tree["class/net/lo"] = b"-> ../../devices/virtual/net/lo"
    return tree


def _put(root: SyntheticDirectory, path: str, content: bytes | None) -> None:
    filesystem = root.filesystem
    assert isinstance(filesystem, SyntheticFilesystem)
    *parents, last = path.encode().split(b"/")
    if content is None:
        parents.append(last)
    directory = root
    for part in parents:
        child = directory.children.get(part)
        if not isinstance(child, SyntheticDirectory):
            child = SyntheticDirectory(filesystem, mode=0o755)
            directory.add(part, child)
        directory = child
    if content is None:
        return
    if content.startswith(b"-> "):
        directory.add(last, SyntheticLink(filesystem, content[3:]))
        return
    text = content + b"\n"
    directory.add(last, SyntheticFile(filesystem, lambda task: text, size=_FILE_SIZE))
