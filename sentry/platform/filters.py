# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The two seccomp filters of a task.

call_filter: libseccomp's, from delegated.py: everything not listed is USER_NOTIF (or TRACE for the ptrace platform).
jump_filter: raw BPF of our own, since libseccomp cannot match on the instruction pointer: the calls that need work
inside the task raise SIGSYS unless they come from the stub. The most restrictive verdict of the two wins.

Compiling takes libseccomp some ms, so `make build` leaves the programs in compiled/; they are made anew where missing.
"""

from __future__ import annotations

import os
import struct
import sys

from sentry.platform.stub import abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

COMPILED = os.path.join(os.path.dirname(__file__), "compiled")

_LD_ABS, _JEQ, _JGT, _JGE, _JSET, _RET = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
_RET_TRAP, _RET_ALLOW, _RET_KILL_PROCESS = 0x00030000, 0x7FFF0000, 0x80000000
_NR, _ARCH, _IP_LOW, _IP_HIGH = 0, 4, 8, 12
_AUDIT_ARCH_X86_64 = 0xC000003E
_MAP_ANONYMOUS = 0x20

# Calls that the stub makes for the guest: (number, condition). A condition is None, or (argument, kind): "clear" traps
# only without that bit, "set" traps only if the 64-bit argument is not 0.
_MMAP, _SIGACTION, _SIGPROCMASK, _SIGSUSPEND, _CLONE, _FORK, _VFORK, _EXECVE = 9, 13, 14, 130, 56, 57, 58, 59
_PSELECT6, _PPOLL, _EPOLL_PWAIT, _EXECVEAT, _EPOLL_PWAIT2 = 270, 271, 281, 322, 441
_SIGTIMEDWAIT, _WAITID = 128, 247
_SHMAT, _SHMDT = 30, 67
_P_PIDFD = 3
TRAPPED = (
    _SIGPROCMASK, _SIGACTION, _MMAP, _CLONE, _EXECVE, _VFORK, _FORK, _PPOLL, _PSELECT6, _EPOLL_PWAIT, _SIGSUSPEND,
    _EXECVEAT, _EPOLL_PWAIT2, _SIGTIMEDWAIT, _WAITID, _SHMAT, _SHMDT,
)  # fmt: skip


def _argument(index: int, high: bool = False) -> int:
    return 16 + 8 * index + (4 if high else 0)


class _Program:
    """Instructions with jump targets by label; labels lie ahead, as BPF only jumps forward."""

    def __init__(self) -> None:
        self._code: list[tuple[int, str | None, str | None, int]] = []
        self._labels: dict[str, int] = {}

    def load(self, offset: int) -> None:
        self._code.append((_LD_ABS, None, None, offset))

    def jump(self, operation: int, value: int, then: str | None, otherwise: str | None) -> None:
        self._code.append((operation, then, otherwise, value))

    def end(self, verdict: int) -> None:
        self._code.append((_RET, None, None, verdict))

    def label(self, name: str) -> None:
        self._labels[name] = len(self._code)

    def assemble(self) -> bytes:
        out = bytearray()
        for at, (code, then, otherwise, value) in enumerate(self._code):
            jumps = [0 if label is None else self._labels[label] - at - 1 for label in (then, otherwise)]
            out += struct.pack("<HBBI", code, *jumps, value)
        return bytes(out)


def jump_filter() -> bytes:
    """The instruction-pointer filter, as an array of struct sock_filter."""
    program = _Program()
    program.load(_ARCH)
    program.jump(_JEQ, _AUDIT_ARCH_X86_64, None, "kill")
    program.load(_NR)
    for number in TRAPPED:
        program.jump(_JEQ, number, f"call {number}", None)
    program.end(_RET_ALLOW)
    for number in TRAPPED:
        program.label(f"call {number}")
        if number == _MMAP:
            program.load(_argument(3))
            program.jump(_JSET, _MAP_ANONYMOUS, "allow", "from")
        elif number == _WAITID:
            program.load(_argument(0))
            program.jump(_JEQ, _P_PIDFD, "from", "allow")
        elif number == _EXECVEAT:
            # The very first execveat of the loader comes from our own launcher.
            program.load(_argument(0, high=True))
            program.jump(_JEQ, abi.MARK, "allow", "from")
        elif number in (_PPOLL, _EPOLL_PWAIT, _EPOLL_PWAIT2, _PSELECT6, _SIGTIMEDWAIT):
            # Without a mask (or siginfo) there is nothing to do inside the task.
            argument = {_PPOLL: 3, _PSELECT6: 5, _SIGTIMEDWAIT: 1}.get(number, 4)
            program.load(_argument(argument))
            program.jump(_JEQ, 0, None, "from")
            program.load(_argument(argument, high=True))
            program.jump(_JEQ, 0, "allow", "from")
        else:
            program.jump(_JEQ, number, "from", "from")
    program.label("from")
    program.load(_IP_HIGH)
    program.jump(_JEQ, abi.BASE >> 32, None, "trap")
    program.load(_IP_LOW)
    program.jump(_JGT, (abi.BASE & 0xFFFFFFFF) + abi.SIZE, "trap", "allow")
    program.label("trap")
    program.end(_RET_TRAP)
    program.label("allow")
    program.end(_RET_ALLOW)
    program.label("kill")
    program.end(_RET_KILL_PROCESS)
    return program.assemble()


def call_filter(tracing: bool = False) -> bytes:
    """The filter of delegated.py, compiled by libseccomp. tracing: RET_TRACE instead of USER_NOTIF."""
    import pyseccomp

    from sentry.platform.delegated import DELEGATED

    default = pyseccomp.TRACE(1) if tracing else pyseccomp.NOTIFY
    rules = pyseccomp.SyscallFilter(defaction=default)
    # Other architectures are killed by jump_filter; what is left is x32's numbers, which this kernel does not have.
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, default)
    rules.set_attr(pyseccomp.Attr.CTL_OPTIMIZE, 2)
    for entry in DELEGATED:
        conditions = [
            pyseccomp.Arg(condition.argument, pyseccomp.MASKED_EQ, condition.mask, condition.value)
            for condition in entry.conditions
        ]
        rules.add_rule_exactly(pyseccomp.ALLOW, entry.name, *conditions)
    return export(rules)


def export(rules: object) -> bytes:
    """The BPF program of a pyseccomp filter, as an array of struct sock_filter."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)  # type: ignore[attr-defined] # pyseccomp is untyped
        file.seek(0)
        return file.read()


def load(name: str) -> bytes:
    """A compiled filter ("task-notify", "task-trace", "sentry", ...) as made by `python -m sentry.platform.filters`."""
    try:
        with open(os.path.join(COMPILED, name + ".bpf"), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return _MAKERS[name]()


def _sentry_filter(tracing: bool = False) -> bytes:
    from sentry.jail import build_filter

    return build_filter(tracing)


_MAKERS: dict[str, Callable[[], bytes]] = {
    "task-jump": jump_filter,
    "task-notify": call_filter,
    "task-trace": lambda: call_filter(tracing=True),
    "sentry": _sentry_filter,
    "sentry-ptrace": lambda: _sentry_filter(tracing=True),
}


def main() -> None:
    """Compiles every filter into compiled/."""
    os.makedirs(COMPILED, exist_ok=True)
    for name, make in _MAKERS.items():
        path = os.path.join(COMPILED, name + ".bpf")
        program = make()
        with open(path + ".tmp", "wb") as file:
            file.write(program)
        os.replace(path + ".tmp", path)
        print(f"{name}: {len(program) // 8} instructions", file=sys.stderr)


if __name__ == "__main__":
    main()
