# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""/proc/sys: sysctl values.

Most are facts about this kernel; the host and domain name are live. The bundle's own settings (kernel.config.sysctl)
replace the text of known names and add unknown ones, so that programs read what their administrator asked for.
Source: proc(5), Documentation/admin-guide/sysctl.
"""

from __future__ import annotations

import errno
import os

from sentry.abi import system as abi
from sentry.abi.errors import LinuxError
from sentry.abi.limits import NR_OPEN
from sentry.fs.synthetic import Render, SyntheticDirectory, SyntheticFile, SyntheticFilesystem
from sentry.kernel.credentials import CAP_LAST, CAP_SYS_ADMIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Task

PID_MAX = 4194304
THREADS_MAX = 127456

_CONSTANTS: dict[str, bytes] = {
    "fs/aio-max-nr": b"0",
    "fs/epoll/max_user_watches": b"1048576",
    "fs/file-max": b"9223372036854775807",
    "fs/inotify/max_queued_events": b"16384",
    "fs/inotify/max_user_instances": b"128",
    "fs/inotify/max_user_watches": b"1048576",
    "fs/mount-max": b"10000",
    "fs/mqueue/msg_default": b"10",
    "fs/mqueue/msg_max": b"10",
    "fs/mqueue/msgsize_default": b"8192",
    "fs/mqueue/msgsize_max": b"8192",
    "fs/mqueue/queues_max": b"256",
    "fs/nr_open": b"%d" % NR_OPEN,
    "fs/overflowgid": b"65534",
    "fs/overflowuid": b"65534",
    "fs/pipe-max-size": b"1048576",
    "fs/pipe-user-pages-hard": b"0",
    "fs/pipe-user-pages-soft": b"16384",
    "fs/protected_fifos": b"0",
    "fs/protected_hardlinks": b"1",
    "fs/protected_regular": b"0",
    "fs/protected_symlinks": b"0",
    "fs/suid_dumpable": b"0",
    "kernel/cap_last_cap": b"%d" % CAP_LAST,
    "kernel/core_pattern": b"core",
    "kernel/core_uses_pid": b"0",
    "kernel/dmesg_restrict": b"1",
    "kernel/io_uring_disabled": b"2",
    "kernel/kptr_restrict": b"1",
    "kernel/msgmax": b"8192",
    "kernel/msgmnb": b"16384",
    "kernel/msgmni": b"32000",
    "kernel/ngroups_max": b"65536",
    "kernel/osrelease": abi.RELEASE,
    "kernel/ostype": abi.SYSNAME,
    "kernel/overflowgid": b"65534",
    "kernel/overflowuid": b"65534",
    "kernel/panic": b"0",
    "kernel/perf_event_paranoid": b"4",
    "kernel/pid_max": b"%d" % PID_MAX,
    "kernel/printk": b"4\t4\t1\t7",
    "kernel/pty/max": b"4096",
    "kernel/random/entropy_avail": b"256",
    "kernel/random/poolsize": b"256",
    "kernel/random/urandom_min_reseed_secs": b"60",
    "kernel/random/write_wakeup_threshold": b"256",
    "kernel/randomize_va_space": b"2",
    "kernel/sched_autogroup_enabled": b"0",
    "kernel/sem": b"32000\t1024000000\t500\t32000",
    "kernel/shmall": b"18446744073692774399",
    "kernel/shmmax": b"18446744073692774399",
    "kernel/shmmni": b"4096",
    "kernel/tainted": b"0",
    "kernel/threads-max": b"%d" % THREADS_MAX,
    "kernel/unprivileged_bpf_disabled": b"2",
    "kernel/version": abi.VERSION,
    "net/core/optmem_max": b"131072",
    "net/core/rmem_default": b"212992",
    "net/core/rmem_max": b"212992",
    "net/core/somaxconn": b"4096",
    "net/core/wmem_default": b"212992",
    "net/core/wmem_max": b"212992",
    "net/ipv4/ip_forward": b"0",
    "net/ipv4/ip_local_port_range": b"32768\t60999",
    "net/ipv4/ip_local_reserved_ports": b"",
    "net/ipv4/ip_unprivileged_port_start": b"1024",
    "net/ipv4/ping_group_range": b"1\t0",
    "net/ipv4/tcp_congestion_control": b"reno",
    "net/ipv4/tcp_fin_timeout": b"60",
    "net/ipv4/tcp_keepalive_intvl": b"75",
    "net/ipv4/tcp_keepalive_probes": b"9",
    "net/ipv4/tcp_keepalive_time": b"7200",
    "net/ipv4/tcp_max_syn_backlog": b"1024",
    "net/ipv4/tcp_rmem": b"4096\t131072\t6291456",
    "net/ipv4/tcp_sack": b"1",
    "net/ipv4/tcp_syncookies": b"1",
    "net/ipv4/tcp_timestamps": b"1",
    "net/ipv4/tcp_window_scaling": b"1",
    "net/ipv4/tcp_wmem": b"4096\t16384\t4194304",
    "net/ipv6/conf/all/disable_ipv6": b"0",
    "net/ipv6/conf/default/disable_ipv6": b"0",
    "net/ipv6/conf/lo/disable_ipv6": b"0",
    "net/unix/max_dgram_qlen": b"512",
    "vm/drop_caches": b"0",
    "vm/legacy_va_layout": b"0",
    "vm/max_map_count": b"65530",
    "vm/mmap_min_addr": b"65536",
    "vm/nr_hugepages": b"0",
    "vm/overcommit_kbytes": b"0",
    "vm/overcommit_memory": b"0",
    "vm/overcommit_ratio": b"50",
    "vm/panic_on_oom": b"0",
    "vm/swappiness": b"60",
    "vm/vfs_cache_pressure": b"100",
}


def uuid() -> bytes:
    """A random UUID (version 4) as text."""
    number = bytearray(os.urandom(16))
    number[6] = number[6] & 0x0F | 0x40
    number[8] = number[8] & 0x3F | 0x80
    text = number.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])).encode()


def _name_of_the_host(filesystem: SyntheticFilesystem, kernel: Kernel, attribute: str) -> SyntheticFile:
    def render(task: Task) -> bytes:
        value: bytes = getattr(kernel, attribute)
        return (value or b"(none)") + b"\n"

    def store(task: Task, data: bytes) -> None:
        if not task.credentials.has(CAP_SYS_ADMIN):
            raise LinuxError(errno.EPERM)
        setattr(kernel, attribute, data.split(b"\n", 1)[0].split(b"\0", 1)[0][: abi.HOST_NAME_MAX])

    return SyntheticFile(filesystem, render, 0o644, write=store)


def build(filesystem: SyntheticFilesystem, kernel: Kernel) -> SyntheticDirectory:
    """The directory."""
    top = SyntheticDirectory(filesystem)
    boot_id = uuid()
    files: dict[str, SyntheticFile] = {
        "kernel/hostname": _name_of_the_host(filesystem, kernel, "hostname"),
        "kernel/domainname": _name_of_the_host(filesystem, kernel, "domainname"),
        "kernel/random/boot_id": SyntheticFile(filesystem, lambda task: boot_id + b"\n"),
        "kernel/random/uuid": SyntheticFile(filesystem, lambda task: uuid() + b"\n"),
        "fs/file-nr": SyntheticFile(filesystem, lambda task: b"%d\t0\t9223372036854775807\n" % len(task.files)),
        "kernel/ns_last_pid": SyntheticFile(filesystem, lambda task: b"%d\n" % max(kernel.tasks, default=1), 0o644),
    }
    values = dict(_CONSTANTS)
    for name, value in kernel.config.sysctl.items():
        # sysctl(8): dots separate, and a slash stands for a dot in a name.
        path = name.translate(str.maketrans("./", "/."))
        parts = path.split("/")
        if path not in files and all(part not in ("", ".", "..") for part in parts):
            values[path] = value.encode("utf-8", "surrogateescape")
    for path, text in values.items():
        files[path] = SyntheticFile(filesystem, _renderer(text + b"\n"))
    for path in sorted(files):
        *parents, last = path.encode("utf-8", "surrogateescape").split(b"/")
        directory = top
        for part in parents:
            child = directory.children.get(part)
            if not isinstance(child, SyntheticDirectory):
                child = SyntheticDirectory(filesystem)
                directory.add(part, child)
            directory = child
        directory.add(last, files[path])
    return top


def _renderer(text: bytes) -> Render:
    return lambda task: text
