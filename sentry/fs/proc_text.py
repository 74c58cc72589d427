# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The texts of /proc/PID's files.

Who a process is (ids, credentials, names, descriptors) is the sentry's knowledge; what it costs (memory, CPU
time, signal masks, state) is read from the host's procfs and has its numbers replaced.
Source: proc(5); fs/proc/{array,base,fd}.c.
"""

from __future__ import annotations

import os
import struct

from sentry.abi.limits import DEFAULTS, NAMES, RLIM_INFINITY
from sentry.fs import tty
from sentry.kernel.posix_timers import existing_timers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Process, Task

_AUXILIARY = struct.Struct("<QQ")
_AT_UID, _AT_EUID, _AT_GID, _AT_EGID = 11, 12, 13, 14
_OF_THE_STUB = (3, 5, 7, 9)  # AT_PHDR, AT_PHNUM, AT_BASE, AT_ENTRY
_SIGSYS_BIT = 1 << 30  # the stub's own handler, which the guest must not see
_STATES = {
    b"R": b"R (running)", b"S": b"S (sleeping)", b"D": b"D (disk sleep)", b"T": b"T (stopped)",
    b"t": b"t (tracing stop)", b"Z": b"Z (zombie)", b"X": b"X (dead)", b"I": b"I (idle)",
}  # fmt: skip
# Lines of the host's status that are about the task's own memory and signals, in its order.
_MEMORY_LINES = (
    b"VmPeak", b"VmSize", b"VmLck", b"VmPin", b"VmHWM", b"VmRSS", b"RssAnon", b"RssFile", b"RssShmem", b"VmData",
    b"VmStk", b"VmExe", b"VmLib", b"VmPTE", b"VmSwap", b"HugetlbPages",
)  # fmt: skip
_SIGNAL_LINES = (b"SigQ", b"SigPnd", b"ShdPnd", b"SigBlk", b"SigIgn", b"SigCgt")
_CPU_LINES = (b"Cpus_allowed", b"Cpus_allowed_list", b"Mems_allowed", b"Mems_allowed_list")
_SWITCH_LINES = (b"voluntary_ctxt_switches", b"nonvoluntary_ctxt_switches")


# -- the host's side --
def host_stat(kernel: Kernel, process: Process, thread: Task | None = None) -> list[bytes]:
    """The fields of the host's stat from the state on (index 0), as far as it can be read; of a zombie too."""
    if thread is not None:
        text = kernel.read_host_proc(process.host_pid, f"task/{thread.host_tid}/stat")
    else:
        text = kernel.read_host_proc(process.host_pid, "stat")
    fields = text[text.rfind(b")") + 2 :].split() if text else []
    if len(fields) < 50:
        fields = [b"Z" if process.exit_status is not None else b"S"] + [b"0"] * 49
    return fields


def _host_status(kernel: Kernel, process: Process, thread: Task | None) -> dict[bytes, bytes]:
    name = "status" if thread is None else f"task/{thread.host_tid}/status"
    lines: dict[bytes, bytes] = {}
    for line in kernel.read_host_proc(process.host_pid, name).splitlines():
        key, _, value = line.partition(b":")
        lines[key] = value
    return lines


def _state(fields: list[bytes], process: Process, thread: Task | None, viewer: Task) -> bytes:
    if viewer is thread or (thread is None and viewer.process is process):
        return b"R"  # it waits for us while we write this
    if process.exit_status is not None:
        return b"Z"
    if fields[0] == b"t":
        # Only the sentry traces (platform ptrace): a stop of its own, or the one that a signal asked for.
        host_tid = process.host_pid if thread is None else thread.host_tid
        return b"T" if process.kernel.platform.stopped(host_tid) else b"S"
    # A task that waits for the sentry is in an uninterruptible sleep on the host; to the guest it just sleeps.
    return b"S" if fields[0] == b"D" else fields[0]


def _name(process: Process, thread: Task | None) -> bytes:
    if thread is not None:
        return thread.name
    return process.leader.name if process.threads else b"defunct"


# -- stat, statm, status --
def stat(kernel: Kernel, process: Process, thread: Task | None, viewer: Task, full: bool) -> bytes:
    """stat; full: the viewer may see addresses too."""
    fields = host_stat(kernel, process, thread)
    fields[0] = _state(fields, process, thread, viewer)
    fields[1] = b"%d" % (process.parent.pid if process.parent is not None else 0)
    if process.exit_status is None:
        group, session = kernel.process_group(process), kernel.session(process)
        fields[2], fields[3] = b"%d" % group, b"%d" % session
        terminal = tty.of_process(kernel, process)
        fields[4] = b"%d" % (terminal.device_number if terminal is not None else 0)
        fields[5] = b"%d" % (terminal.foreground if terminal is not None else -1)
    else:
        fields[2:6] = [b"0", b"0", b"0", b"-1"]
    fields[17] = b"%d" % len(process.threads)
    fields[22] = b"%d" % (process.limits.get(5) or DEFAULTS[5])[0]
    fields[31] = b"%d" % (int(fields[31]) & ~_SIGSYS_BIT & 0xFFFFFFFF)
    # Addresses of code and data would be the stub's; of what is true only the stack and the arguments remain.
    hidden = (23, 24, 26, 27, 32, 42, 43, 44)
    for index in hidden if full else (*hidden, 25, 45, 46, 47, 48):
        fields[index] = b"0"
    number = thread.tid if thread is not None else process.pid
    return b"%d (%s) %s\n" % (number, _name(process, thread), b" ".join(fields))


def statm(kernel: Kernel, process: Process, viewer: Task) -> bytes:
    """statm: pages."""
    return kernel.read_host_proc(process.host_pid, "statm") or b"0 0 0 0 0 0 0\n"


def status(kernel: Kernel, process: Process, thread: Task | None, viewer: Task) -> bytes:
    """status."""
    host = _host_status(kernel, process, thread)
    state = _state([host.get(b"State", b"\tZ").strip()[:1] or b"Z"], process, thread, viewer)
    task = thread if thread is not None else process.leader if process.threads else None
    number = thread.tid if thread is not None else process.pid
    out = [b"Name:\t" + _escape(_name(process, thread))]
    if task is not None:
        out.append(b"Umask:\t%04o" % task.fs.umask)
    out += [
        b"State:\t" + _STATES.get(state, state),
        b"Tgid:\t%d" % process.pid,
        b"Ngid:\t0",
        b"Pid:\t%d" % number,
        b"PPid:\t%d" % (process.parent.pid if process.parent is not None else 0),
        b"TracerPid:\t0",
    ]
    if task is not None:
        c = task.credentials
        out += [
            b"Uid:\t%d\t%d\t%d\t%d" % (c.uid, c.euid, c.suid, c.fsuid),
            b"Gid:\t%d\t%d\t%d\t%d" % (c.gid, c.egid, c.sgid, c.fsgid),
            b"FDSize:\t%d" % max(64, 1 << max(task.files.highest, 0).bit_length()),
            b"Groups:\t" + b"".join(b"%d " % group for group in c.groups),
        ]
    group = session = 0
    if process.exit_status is None:
        group, session = kernel.process_group(process), kernel.session(process)
    out += [
        b"NStgid:\t%d" % process.pid, b"NSpid:\t%d" % number, b"NSpgid:\t%d" % group, b"NSsid:\t%d" % session,
        b"Kthread:\t0",
    ]  # fmt: skip
    out += _lines(host, _MEMORY_LINES)
    out += [b"CoreDumping:\t0", b"THP_enabled:\t1", b"Threads:\t%d" % max(len(process.threads), 1)]
    if b"SigCgt" in host:
        host[b"SigCgt"] = b"\t%016x" % (int(host[b"SigCgt"], 16) & ~_SIGSYS_BIT)
    out += _lines(host, _SIGNAL_LINES)
    if task is not None:
        c = task.credentials
        out += [
            b"CapInh:\t%016x" % c.inheritable, b"CapPrm:\t%016x" % c.permitted, b"CapEff:\t%016x" % c.effective,
            b"CapBnd:\t%016x" % c.bounding, b"CapAmb:\t%016x" % c.ambient, b"NoNewPrivs:\t%d" % c.no_new_privs,
        ]  # fmt: skip
    out += [b"Seccomp:\t0", b"Seccomp_filters:\t0", b"Speculation_Store_Bypass:\tvulnerable"]
    out += _lines(host, _CPU_LINES)
    out += _lines(host, _SWITCH_LINES)
    return b"\n".join(out) + b"\n"


def _lines(host: dict[bytes, bytes], names: Iterable[bytes]) -> list[bytes]:
    return [name + b":" + host[name] for name in names if name in host]


def _escape(name: bytes) -> bytes:
    return name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")


# -- what lies in the process's own memory --
def cmdline(kernel: Kernel, process: Process, viewer: Task) -> bytes:
    """cmdline: the host's, whose first arguments are replaced if a #! line was (Process.argument_prefix)."""
    text = kernel.read_host_proc(process.host_pid, "cmdline")
    drop, prefix = process.argument_prefix
    if text and (drop or prefix):
        parts = text.split(b"\0")
        text = b"\0".join([*prefix, *parts[drop:]])
    return text


def environ(kernel: Kernel, process: Process) -> bytes:
    """environ."""
    return kernel.read_host_proc(process.host_pid, "environ")


def auxv(task: Task) -> bytes:
    """auxv: the host's, as it was for the stub, with the ids of the guest and without the stub's addresses."""
    text = task.kernel.read_host_proc(task.process.host_pid, "auxv")
    credentials = task.credentials
    known = {
        _AT_UID: credentials.uid, _AT_EUID: credentials.euid, _AT_GID: credentials.gid, _AT_EGID: credentials.egid,
    }  # fmt: skip
    out = bytearray()
    for offset in range(0, len(text) - 15, 16):
        key, value = _AUXILIARY.unpack_from(text, offset)
        if key not in _OF_THE_STUB:
            out += _AUXILIARY.pack(key, known.get(key, value))
    return bytes(out)


# -- small ones --
def comm(task: Task) -> bytes:
    """comm."""
    return _escape(task.name) + b"\n"


def limits(task: Task) -> bytes:
    """limits."""
    lines = [b"Limit                     Soft Limit           Hard Limit           Units     "]
    values = task.process.limits
    for number, (name, unit) in enumerate(NAMES):
        shown = [
            b"unlimited" if value == RLIM_INFINITY else b"%d" % value
            for value in values.get(number) or DEFAULTS[number]
        ]
        lines.append(b"%-25s %-20s %-20s %-10s" % (name, shown[0], shown[1], unit))
    return b"\n".join(lines) + b"\n"


def cgroup(task: Task) -> bytes:
    """cgroup: version 2 only, at the root of its namespace."""
    return b"0::/\n"


def id_map(task: Task) -> bytes:
    """uid_map and friends: all ids, as in the first user namespace."""
    return b"         0          0 4294967295\n"


def io(kernel: Kernel, process: Process) -> bytes:
    """io: what is read and written goes through the sentry, which does not count it."""
    names = (b"rchar", b"wchar", b"syscr", b"syscw", b"read_bytes", b"write_bytes", b"cancelled_write_bytes")
    return b"".join(name + b": 0\n" for name in names)


def schedstat(task: Task) -> bytes:
    """schedstat: ns on the CPU and waiting for it, slices."""
    text = task.kernel.read_host_proc(task.process.host_pid, f"task/{task.host_tid}/schedstat")
    return text or b"0 0 0\n"


def sched(kernel: Kernel, process: Process, viewer: Task) -> bytes:
    """sched: the first line only, which tells pid and threads."""
    return b"%s (%d, #threads: %d)\n" % (_name(process, None), process.pid, max(len(process.threads), 1))


def children(task: Task) -> bytes:
    """children of a thread: those of the process, shown with its leader."""
    if task.tid != task.process.pid:
        return b""
    return b"".join(b"%d " % pid for pid in sorted(child.pid for child in task.process.children))


def timers(task: Task) -> bytes:
    """timers: those of timer_create(2)."""
    found = existing_timers(task.process)
    if found is None:
        return b""
    kinds = {0: "signal", 1: "none", 2: "thread", 4: "signal"}
    lines = []
    for timer in found.by_id.values():
        target = f"tid.{timer.thread.tid}" if timer.thread is not None else f"pid.{task.process.pid}"
        kind = f"{kinds[timer.notify]}/{target}"
        lines.append(
            f"ID: {timer.id}\nsignal: {timer.signo}/{timer.value:016x}\nnotify: {kind}\nClockID: {timer.clock}\n"
        )
    return "".join(lines).encode()


def fdinfo(task: Task, fd: int) -> bytes:
    """fdinfo/N: position, flags, mount, inode, and what a file of a special kind adds (its fdinfo(task) method)."""
    file = task.files.get(fd)
    flags = file.flags | (os.O_CLOEXEC if fd in task.files.close_on_exec else 0)
    mount = file.path.mount.id if file.path is not None else 15
    text = b"pos:\t%d\nflags:\t0%o\nmnt_id:\t%d\nino:\t%d\n" % (file.offset, flags, mount, file.attributes().ino)
    more = getattr(file, "fdinfo", None)
    return text + more(task) if more is not None else text


def mountstats(task: Task) -> bytes:
    """mountstats."""
    return b"".join(
        b"device %s mounted on %s with fstype %s\n" % (mount.source or b"none", point, mount.filesystem.type)
        for mount, point in task.kernel.mounts.visible(task)
    )
