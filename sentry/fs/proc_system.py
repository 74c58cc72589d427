# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The texts of /proc about the whole machine.

Processors and the size of memory are the host's (sentry/fs/host_facts.py); everything that counts events counts the
sandbox's own, or nothing. Source: proc(5), fs/proc/*.c.
"""

from __future__ import annotations

import time

from sentry.abi import system as abi
from sentry.fs import host_facts
from sentry.fs.proc_text import host_stat
from sentry.kernel import shared_memory as shared_memory_segments
from sentry.kernel import sysv_ipc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

FILESYSTEMS = (
    b"nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevtmpfs\nnodev\tsockfs\nnodev\tpipefs\n"
    b"nodev\tramfs\nnodev\tdevpts\nnodev\toverlay\n"
)
DEVICES = (
    b"Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n128 ptm\n136 pts\n\nBlock devices:\n"
)


def cpuinfo(task: Task) -> bytes:
    """cpuinfo: the first processor's record, once for each."""
    facts = task.kernel.host_facts
    lines = [line.partition(b":") for line in facts.get("cpuinfo", b"").splitlines()]
    if not lines:
        lines = [(b"processor\t", b":", b" 0"), (b"vendor_id\t", b":", b" unknown")]
    records = []
    for number in host_facts.cpus(facts):
        own = {b"processor": b" %d" % number, b"apicid": b" %d" % number, b"initial apicid": b" %d" % number}
        record = [name + colon + (own.get(name.strip(), value) if colon else value) for name, colon, value in lines]
        records.append(b"\n".join(record) + b"\n\n")
    return b"".join(records)


def meminfo(task: Task) -> bytes:
    """meminfo: the machine's memory; KiB."""
    facts = task.kernel.host_facts
    total, free = (pages * (abi.PAGE_SIZE // 1024) for pages in host_facts.memory_pages(facts))
    known = host_facts.meminfo(facts)
    # The sentry sees only free memory after it is jailed: the caches' size is taken as it was at the start.
    reclaimable = min(max(known.get(b"MemAvailable", 0) - known.get(b"MemFree", 0), 0), total - free)
    cached = min(known.get(b"Cached", 0), reclaimable)
    values = (
        ("MemTotal", total), ("MemFree", free), ("MemAvailable", free + reclaimable), ("Buffers", 0),
        ("Cached", cached), ("SwapCached", 0), ("Active", 0), ("Inactive", cached), ("Active(anon)", 0),
        ("Inactive(anon)", 0), ("Active(file)", 0), ("Inactive(file)", cached), ("Unevictable", 0), ("Mlocked", 0),
        ("SwapTotal", 0), ("SwapFree", 0), ("Dirty", 0), ("Writeback", 0),
        ("AnonPages", max(total - free - reclaimable, 0)), ("Mapped", 0), ("Shmem", 0), ("KReclaimable", 0),
        ("Slab", 0), ("SReclaimable", 0), ("SUnreclaim", 0), ("KernelStack", 0), ("PageTables", 0),
        ("NFS_Unstable", 0), ("Bounce", 0), ("WritebackTmp", 0), ("CommitLimit", total // 2),
        ("Committed_AS", max(total - free - reclaimable, 0)), ("VmallocTotal", 34359738367), ("VmallocUsed", 0),
        ("VmallocChunk", 0), ("Percpu", 0), ("AnonHugePages", 0), ("ShmemHugePages", 0),
    )  # fmt: skip
    text = "".join(f"{name + ':':<15} {value:>8} kB\n" for name, value in values)
    text += "".join(f"{'HugePages_' + name + ':':<15} {0:>8}\n" for name in ("Total", "Free", "Rsvd", "Surp"))
    return (text + f"{'Hugepagesize:':<15} {2048:>8} kB\n").encode()


_most = [0, 0]  # user and system ticks shown so far: the sum over live processes may shrink, the counters must not


def stat(task: Task) -> bytes:
    """stat: the CPU time of the sandbox's live processes; the rest of the time was idle."""
    kernel = task.kernel
    user = system = 0
    for process in list(kernel.processes.values()):
        fields = host_stat(kernel, process)
        user += int(fields[11])
        system += int(fields[12])
    _most[:] = user, system = max(user, _most[0]), max(system, _most[1])
    numbers = host_facts.cpus(kernel.host_facts)
    uptime = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    ticks = uptime // (1_000_000_000 // abi.CLOCK_TICKS)
    count = len(numbers)
    lines = [b"cpu  %d 0 %d %d 0 0 0 0 0 0" % (user, system, max(ticks * count - user - system, 0))]
    for number in numbers:
        share_user, share_system = user // count, system // count
        lines.append(
            b"cpu%d %d 0 %d %d 0 0 0 0 0 0" % (number, share_user, share_system, ticks - share_user - share_system)
        )
    lines += [
        b"intr 0",
        b"ctxt 0",
        b"btime %d" % ((time.time_ns() - uptime) // 1_000_000_000),
        b"processes %d" % max(kernel.tasks, default=1),
        b"procs_running 1",
        b"procs_blocked 0",
        b"softirq 0 0 0 0 0 0 0 0 0 0 0",
    ]
    return b"\n".join(lines) + b"\n"


def uptime(task: Task) -> bytes:
    """uptime: seconds since the machine's start (as CLOCK_BOOTTIME, which the guest reads itself), and of idling."""
    seconds = time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e9
    return b"%.2f %.2f\n" % (seconds, seconds * len(host_facts.cpus(task.kernel.host_facts)))


def loadavg(task: Task) -> bytes:
    """loadavg: loads are not known; running and all tasks, and the newest pid."""
    tasks = task.kernel.tasks
    return b"0.00 0.00 0.00 1/%d %d\n" % (len(tasks), max(tasks, default=1))


def interrupts(task: Task) -> bytes:
    """interrupts: the header only."""
    return b"".join(b"       CPU%-2d" % number for number in host_facts.cpus(task.kernel.host_facts)) + b"\n"


def vmstat(task: Task) -> bytes:
    """vmstat: the few counters that tools insist on."""
    _, free = host_facts.memory_pages(task.kernel.host_facts)
    names = (
        b"nr_dirty", b"nr_writeback", b"nr_mapped", b"nr_slab_reclaimable", b"pgpgin", b"pgpgout", b"pswpin",
        b"pswpout", b"pgfault", b"pgmajfault", b"oom_kill",
    )  # fmt: skip
    return b"nr_free_pages %d\n" % free + b"".join(name + b" 0\n" for name in names)


def semaphores(task: Task) -> bytes:
    """sysvipc/sem."""
    header = b"       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"
    return header + b"".join(
        b"%10d %10d  %4o %10d %5d %5d %5d %5d %10d %10d\n"
        % (
            s.key, s.id, s.mode, len(s.values), s.uid, s.gid, s.creator_uid, s.creator_gid, s.operated, s.changed,
        )
        for s in sysv_ipc.semaphores.all()
    )  # fmt: skip


def messages(task: Task) -> bytes:
    """sysvipc/msg."""
    header = (
        b"       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
        b"      stime      rtime      ctime\n"
    )
    return header + b"".join(
        b"%10d %10d  %4o  %10d %10d %5d %5d %5d %5d %5d %5d %10d %10d %10d\n"
        % (
            q.key, q.id, q.mode, q.size, len(q.messages), q.last_sender, q.last_receiver, q.uid, q.gid, q.creator_uid,
            q.creator_gid, q.sent, q.received, q.changed,
        )
        for q in sysv_ipc.queues.all()
    )  # fmt: skip


def shared_memory(task: Task) -> bytes:
    """sysvipc/shm."""
    return (
        b"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime"
        b"      dtime      ctime                   rss                  swap\n"
    ) + b"".join(
        b"%10d %10d  %4o %21d %5d %5d  %5d %5d %5d %5d %5d %10d %10d %10d %21d %21d\n"
        % (
            s.key, s.id, s.mode, s.size, s.creator, s.last, s.attached, s.uid, s.gid, s.creator_uid, s.creator_gid,
            s.attach_time, s.detach_time, s.changed, s.file.content.blocks * 512, 0,
        )
        for s in shared_memory_segments.segments.all()
    )  # fmt: skip
