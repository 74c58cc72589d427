# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What of the host is reachable: the compiled filters do what the lists say, and a sandbox stands behind its walls.

The filters are run here, instruction by instruction, for every number and for arguments around every condition.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from gofer import filters as gofer_filters
from gofer import jail as gofer_jail
from sentry import jail
from sentry.abi.clone import CLONE_REFUSED
from sentry.platform import filters
from sentry.platform.delegated import DELEGATED
from sentry.platform.ptrace import REQUESTS
from sentry.platform.stub import abi
from syscalls.numbers_x86_64 import NUMBERS
from tests import leftovers
from tests.security.test_kills import is_task, start

# linux/seccomp.h, linux/audit.h
KILL, TRAP, NOTIFY, TRACE, ALLOW = 0x80000000, 0x00030000, 0x7FC00000, 0x7FF00000, 0x7FFF0000
X86_64, I386 = 0xC000003E, 0x40000003
TOP = (1 << 64) - 1
OUTSIDE, INSIDE = 0x555555555000, abi.BASE + 0x1234
NUMBERS_TRIED = [
    *range(601),
    *range(0x30000000, 0x30000010),
    *(0x40000000 | n for n in range(0, 601, 7)),
    1 << 31,
    TOP >> 32,
]

Arguments = tuple[int, ...]


def run(program: bytes, number: int, arguments: Arguments = (), ip: int = OUTSIDE, arch: int = X86_64) -> int:
    """The verdict of a classic BPF program on a struct seccomp_data."""
    data = struct.pack("<IIQ6Q", number, arch, ip, *(*arguments, *[0] * 6)[:6])
    code = list(struct.iter_unpack("<HBBI", program))
    at = accumulator = 0
    while True:
        operation, then, otherwise, value = code[at]
        at += 1
        if operation == 0x20:  # LD W ABS
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == 0x54:  # AND K
            accumulator &= value
        elif operation == 0x05:  # JA
            at += value
        elif operation in (0x15, 0x25, 0x35, 0x45):  # JEQ JGT JGE JSET
            taken = {
                0x15: accumulator == value, 0x25: accumulator > value, 0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[operation]  # fmt: skip
            at += then if taken else otherwise
        elif operation == 0x06:  # RET K
            return int(value)
        else:
            raise AssertionError(f"instruction {operation:#x} is not known here")


def strictest(*verdicts: int) -> int:
    """The one that wins: the lowest action, of which killing the process is below all (seccomp(2))."""
    return min(verdicts, key=lambda verdict: (verdict & 0xFFFF0000) - (1 << 32 if verdict & KILL else 0))


def by_name(name: str) -> int:
    return NUMBERS[name]


def arguments_for(number: int) -> Iterator[Arguments]:
    """Arguments that fulfil each condition on a call, miss each by a bit, and some at random."""
    generator = random.Random(number)
    yield (0,) * 6
    yield (TOP,) * 6
    for _ in range(4):
        yield tuple(generator.getrandbits(64) for _ in range(6))
        yield tuple(generator.getrandbits(5) for _ in range(6))
    for entry in DELEGATED:
        if by_name(entry.name) != number or not entry.conditions:
            continue
        for noise in (0, TOP, generator.getrandbits(64)):
            words = [noise] * 6
            for condition in entry.conditions:
                words[condition.argument] = words[condition.argument] & ~condition.mask | condition.value
            yield tuple(words)
            for condition in entry.conditions:
                for bit in range(64):
                    changed = list(words)
                    changed[condition.argument] ^= 1 << bit
                    yield tuple(changed)


def delegated(number: int, arguments: Arguments) -> bool:
    return any(
        by_name(entry.name) == number
        and all(arguments[one.argument] & one.mask == one.value for one in entry.conditions)
        for entry in DELEGATED
    )


@pytest.mark.parametrize(("name", "default"), [("task-notify", NOTIFY), ("task-trace", TRACE | 1)])
def test_the_call_filter_lets_through_what_is_delegated_and_nothing_else(name: str, default: int) -> None:
    program = filters.load(name)
    for number in NUMBERS_TRIED:
        for arguments in arguments_for(number):
            expected = ALLOW if delegated(number, arguments) else default
            assert run(program, number, arguments) == expected, (number, arguments)


def test_foreign_architectures_are_killed_by_the_jump_filter() -> None:
    program = filters.load("task-jump")
    for arch in (I386, 0, TOP >> 32, X86_64 ^ 1):
        for ip in (OUTSIDE, INSIDE):
            assert run(program, 1, ip=ip, arch=arch) == KILL


def test_calls_that_need_the_stub_trap_outside_of_it_only() -> None:
    program = filters.load("task-jump")
    always = {by_name(name) for name in (
        "rt_sigprocmask", "rt_sigaction", "rt_sigsuspend", "clone", "fork", "vfork", "execve",
    )}  # fmt: skip
    sometimes = set(filters.TRAPPED) - always
    for number in NUMBERS_TRIED:
        for arguments in ((0,) * 6, (TOP,) * 6, (1,) * 6):
            inside = run(program, number, arguments, ip=INSIDE)
            outside = run(program, number, arguments, ip=OUTSIDE)
            assert inside == ALLOW, number
            if number in always:
                assert outside == TRAP, number
            elif number not in sometimes:
                assert outside == ALLOW, number


NEVER_BY_A_TASK = [
    "open",
    "openat",
    "socket",
    "ptrace",
    "mount",
    "bpf",
    "io_uring_setup",
    "clone3",
    "process_vm_writev",
    "kill",
    "tgkill",
    "setns",
    "unshare",
    "keyctl",
    "userfaultfd",
    "perf_event_open",
    "memfd_create",
]


def test_what_a_program_outside_of_the_stub_can_never_do() -> None:
    jump, call = filters.load("task-jump"), filters.load("task-notify")

    def verdict(name: str, *arguments: int, ip: int = OUTSIDE) -> int:
        number = by_name(name)
        padded = (*arguments, *[0] * 6)[:6]
        return strictest(run(jump, number, padded, ip), run(call, number, padded, ip))

    assert verdict("clone", 17) == TRAP
    assert verdict("clone", 17, ip=INSIDE) == ALLOW
    assert verdict("execve", 0) == TRAP
    assert verdict("execve", 0, ip=INSIDE) == NOTIFY
    assert verdict("mmap", 0, 4096, 3, 2, 5) == TRAP
    assert verdict("mmap", 0, 4096, 3, 0x22, TOP) == ALLOW
    assert verdict("mmap", 0, 4096, 3, 2, 5, ip=INSIDE) == NOTIFY
    for bit in range(64):
        if CLONE_REFUSED >> bit & 1:
            assert verdict("clone", 17 | 1 << bit, ip=INSIDE) == NOTIFY, hex(1 << bit)
    for fd in (abi.LOADER_FD, abi.marked(abi.LOADER_FD - 1), abi.marked(abi.LOADER_FD) + 1):
        assert verdict("execveat", fd, 0, 0, 0, 0x1000, ip=INSIDE) == NOTIFY
    assert verdict("execveat", abi.marked(abi.LOADER_FD), 0, 0, 0, 0, ip=INSIDE) == NOTIFY
    for name in NEVER_BY_A_TASK:
        for ip in (OUTSIDE, INSIDE):
            for arguments in ((0,) * 6, (TOP,) * 6):
                assert verdict(name, *arguments, ip=ip) == NOTIFY, name


def test_the_edges_of_the_stub_are_exact() -> None:
    jump = filters.load("task-jump")
    number = by_name("clone")
    for ip, expected in (
        (abi.BASE - 1, TRAP), (abi.BASE, ALLOW), (abi.BASE + abi.SIZE - 1, ALLOW), (abi.BASE + abi.SIZE + 1, TRAP),
        (abi.BASE | 1 << 63, TRAP), (abi.BASE & 0xFFFFFFFF, TRAP), (abi.BASE + (1 << 32), TRAP),
    ):  # fmt: skip
        assert run(jump, number, ip=ip) == expected, hex(ip)


def some_arguments(number: int) -> Iterable[Arguments]:
    generator = random.Random(number)
    return [(0,) * 6, (TOP,) * 6, *(tuple(generator.getrandbits(64) for _ in range(6)) for _ in range(4))]


def test_the_sentry_is_killed_for_what_is_not_on_its_list() -> None:
    program = filters.load("sentry")
    allowed = {by_name(name) for name in jail.ALLOWED}
    for number in NUMBERS_TRIED:
        for arguments in some_arguments(number):
            if number != by_name("ioctl"):
                assert run(program, number, arguments) == (ALLOW if number in allowed else KILL), number
    for number in allowed:
        assert run(program, number, arch=I386) == KILL
        assert run(program, number | 0x40000000) == KILL


def test_the_sentry_of_the_ptrace_platform_may_trace_as_well() -> None:
    plain, tracing = filters.load("sentry"), filters.load("sentry-ptrace")
    requests = {request for request in range(0x5000) if run(tracing, by_name("ptrace"), (request,)) == ALLOW}
    assert requests == set(REQUESTS)
    assert 16 not in requests  # PTRACE_ATTACH
    for number in NUMBERS_TRIED:
        for arguments in some_arguments(number):
            if number != by_name("ptrace"):
                assert run(tracing, number, arguments) == run(plain, number, arguments), number


def test_the_sentrys_ioctls_are_the_notifiers_and_those_of_terminals() -> None:
    program = filters.load("sentry")
    for request in (*range(0x10000), 0xC0502100, 0xC0182101, 0x40082102, 0x40182103, 0x5412 | 1 << 32, 0x4001AE80):
        listed = request & 0xFFFFFFFF in jail.TTY_REQUESTS or request & 0xFF00 == 0x2100
        assert run(program, by_name("ioctl"), (0, request)) == (ALLOW if listed else KILL), hex(request)
    assert 0x5412 not in jail.TTY_REQUESTS  # TIOCSTI types for others


def test_the_gofer_is_killed_for_what_is_not_on_its_list() -> None:
    program = gofer_filters.program()
    allowed = {number for _, number, _ in gofer_filters.ALLOWED}
    for name, number, _ in gofer_filters.ALLOWED:
        assert NUMBERS.get(name, number) == number
    for number in NUMBERS_TRIED:
        for arguments in some_arguments(number):
            may = number in allowed and not (number == by_name("mmap") and arguments[2] & 4)
            assert run(program, number, arguments) == (ALLOW if may else KILL), (number, arguments)


def test_nobody_can_execute_make_sockets_or_trace() -> None:
    never = {
        "execve",
        "execveat",
        "fork",
        "vfork",
        "clone",
        "clone3",
        "socket",
        "connect",
        "bind",
        "ptrace",
        "mount",
        "unshare",
        "setns",
        "bpf",
        "io_uring_setup",
        "perf_event_open",
        "userfaultfd",
        "keyctl",
        "open_by_handle_at",
        "init_module",
        "finit_module",
        "kexec_load",
        "reboot",
        "chroot",
        "pivot_root",
        "setuid",
        "setresuid",
    }
    assert not never & set(jail.ALLOWED)
    assert not never & {name for name, _, _ in gofer_filters.ALLOWED}


def test_the_compiled_filters_are_fresh() -> None:
    assert filters.load("task-jump") == filters.jump_filter()
    assert filters.load("task-notify") == filters.call_filter()
    assert filters.load("sentry") == jail.build_filter()
    assert filters.load("sentry-ptrace") == jail.build_filter(tracing=True)
    assert gofer_filters.program() == gofer_filters.build()


# -- a running sandbox, from outside --


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


class Parts:
    """The processes of a sandbox, by what they are."""

    def __init__(self, monitor: int) -> None:
        everything = leftovers.descendants(monitor)
        self.tasks = [pid for pid in everything if is_task(pid)]
        own = [pid for pid in everything if pid not in self.tasks]
        self.sentry = next(pid for pid in own if status(pid)["NSpid"].split()[1:] == ["1"])
        self.gofer = next(pid for pid in own if pid != self.sentry)


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    with leftovers.nothing_left_behind(), start("notify") as process:
        yield Parts(process.pid)
        process.kill()


NONE = "0" * 16
PRIVATE = ("user", "mnt", "net", "ipc", "uts", "cgroup")


def namespace(pid: int | str, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look behind these walls")


def test_sentry_and_tasks_have_no_capability_and_cannot_get_one(parts: Parts) -> None:
    for pid in (parts.sentry, *parts.tasks):
        found = status(pid)
        assert [found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [NONE] * 5, found
        assert found["NoNewPrivs"] == "1"


def test_the_gofer_has_the_capabilities_of_files_only(parts: Parts) -> None:
    found = status(parts.gofer)
    kept = sum(1 << capability for capability in gofer_jail._KEPT)
    assert int(found["CapEff"], 16) & ~kept == 0
    assert int(found["CapBnd"], 16) & ~kept == 0
    assert found["NoNewPrivs"] == "1"
    assert found["CapAmb"] == found["CapInh"] == NONE


def test_everybody_has_a_filter(parts: Parts) -> None:
    for pid, count in ((parts.sentry, 1), (parts.gofer, 1), *((task, 2) for task in parts.tasks)):
        found = status(pid)
        assert found["Seccomp"] == "2"
        assert int(found["Seccomp_filters"]) >= count


@needs_root
def test_the_namespaces_are_their_own(parts: Parts) -> None:
    for kind in PRIVATE:
        ours = namespace("self", kind)
        of_sentry, of_task = namespace(parts.sentry, kind), namespace(parts.tasks[0], kind)
        assert len({ours, of_sentry, of_task}) == 3, kind
        assert {namespace(pid, kind) for pid in parts.tasks} == {of_task}
    assert len({namespace("self", "pid"), namespace(parts.sentry, "pid"), namespace(parts.tasks[0], "pid")}) == 3
    for kind in ("mnt", "net", "ipc", "uts"):
        assert namespace(parts.gofer, kind) not in (namespace("self", kind), namespace(parts.sentry, kind)), kind


@needs_root
def test_the_roots_of_sentry_and_tasks_are_empty_and_the_gofers_has_the_exports(parts: Parts) -> None:
    for pid in (parts.sentry, *parts.tasks):
        assert os.listdir(f"/proc/{pid}/root/") == []
        assert len(Path(f"/proc/{pid}/mountinfo").read_text().splitlines()) == 1
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
    exports = os.listdir(f"/proc/{parts.gofer}/root/")
    assert exports
    assert all(name.isdigit() for name in exports)


def shown(procfs: str) -> set[str]:
    return {name for name in os.listdir(procfs) if name.isdigit()}


def inside(parts: Parts) -> set[str]:
    """The sandbox's processes as the sentry's pid namespace numbers them."""
    below = [parts.sentry, *leftovers.descendants(parts.sentry)]
    own = len(status(os.getpid())["NSpid"].split())
    return {status(pid)["NSpid"].split()[own] for pid in below}


@needs_root
def test_the_sentry_is_nobody_and_its_only_folder_is_a_procfs_of_the_sandbox(parts: Parts) -> None:
    assert set(status(parts.sentry)["Uid"].split()) != {"0"}
    places = [f"/proc/{parts.sentry}/fd/{fd}" for fd in os.listdir(f"/proc/{parts.sentry}/fd")]
    folders = [place for place in places if os.path.isdir(place)]
    assert len(folders) <= 1
    for folder in folders:
        assert leftovers.until(lambda place=folder: shown(place) == inside(parts)), (shown(folder), inside(parts))  # type: ignore[misc] # mypy cannot infer the default
        assert {name for name in os.listdir(folder) if not name.isdigit()} <= {"self", "thread-self"}
        with pytest.raises(OSError):
            os.open(f"{folder}/1/oom_score_adj", os.O_WRONLY)


@needs_root
def test_a_tasks_only_descriptor_of_the_host_is_the_stub(parts: Parts) -> None:
    # While a program is loaded it has those of its files for a moment.
    settled = [f"/proc/{pid}/fd/{abi.LOADER_FD}" for pid in parts.tasks]
    assert leftovers.until(lambda: [str(path) for path in descriptors(parts)] == settled), list(descriptors(parts))
    for path in settled:
        assert os.readlink(path).startswith("/memfd:pysc")


def descriptors(parts: Parts) -> Iterator[Path]:
    for pid in parts.tasks:
        yield from Path(f"/proc/{pid}/fd").iterdir()
