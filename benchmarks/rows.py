# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmark: what is run, and how its output becomes numbers.

A row group is one run of one program; it gives one or more rows. Times are in µs, memory in MiB.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import time
from collections.abc import Callable, Mapping

from benchmarks import memory
from benchmarks.runtimes import RUN_TIMEOUT, Native, RunFailedError, Runtime, system_python

#: The guest programs, sources in benchmarks/guest/; ``notify`` runs natively only.
GUEST_PROGRAMS = ("calls", "forks", "idle", "notify")
#: How long an idle sandbox is left alone before its memory is read, in seconds.
SETTLE_SECONDS = 1.0

Values = Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Group:
    """Rows that are measured together.

    measure: takes the runtime, gives the rows' values. repeat: measurements per round (short runs scatter more).
    native_only: not run under other runtimes. slow: left out by ``--quick``.
    """

    name: str
    unit: str
    measure: Callable[[Runtime], Values]
    repeat: int = 1
    native_only: bool = False
    skip_native: bool = False


def build_guests(directory: pathlib.Path) -> None:
    """Compiles the guest programs, static, into ``directory``, and writes the file that they read there.

    Raises: RunFailedError (the compiler's complaint).
    """
    source = pathlib.Path(__file__).parent / "guest"
    compiler = os.environ.get("CC", "gcc")
    for name in GUEST_PROGRAMS:
        argv = [compiler, "-O2", "-static", "-pthread", "-Wall", "-Wextra", "-Werror"]
        argv += ["-o", str(directory / name), str(source / f"{name}.c")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RunFailedError(f"{name}.c does not compile:\n{done.stderr}")
    (directory / "data").write_bytes(bytes(range(256)) * 256)


def parse(output: str) -> dict[str, float]:
    """Rows of a guest's output, lines ``NAME MICROSECONDS``.

    Raises: RunFailedError (anything else in it, or nothing at all).
    """
    rows: dict[str, float] = {}
    for line in output.splitlines():
        try:
            name, value = line.split()
            rows[name] = float(value)
        except ValueError:
            raise RunFailedError(f"not a benchmark line: {line!r}") from None
    if not rows:
        raise RunFailedError("the guest printed nothing")
    return rows


def start_true(runtime: Runtime) -> Values:
    """Start-up to exit of /bin/true."""
    seconds, _ = runtime.run(["/bin/true"])
    return {"start /bin/true": seconds * 1e6}


def start_python(runtime: Runtime) -> Values:
    """Start-up to exit of an interpreter that does nothing."""
    seconds, _ = runtime.run([system_python()[0], "-c", "pass"])
    return {"python3 -c pass": seconds * 1e6}


def forks(runtime: Runtime) -> Values:
    """Processes and threads, timed by the guest."""
    return parse(runtime.run([f"{runtime.places().guests}/forks", "/bin/true"])[1])


def calls(runtime: Runtime) -> Values:
    """Single system calls, timed by the guest."""
    places = runtime.places()
    command = [f"{places.guests}/calls", f"{places.guests}/data", places.tmpfs, places.root_directory]
    return parse(runtime.run(command)[1])


def notify(runtime: Runtime) -> Values:
    """The floor under a call answered in user space: seccomp-notify round trips answered in C."""
    return parse(runtime.run([f"{runtime.places().guests}/notify"])[1])


def idle_memory(runtime: Runtime, ready: pathlib.Path) -> Values:
    """Memory of a sandbox whose program sleeps. ``ready``: the host's name of the guest's /work/ready."""
    ready.unlink(missing_ok=True)
    places = runtime.places()
    before = set(memory.descendants(os.getpid()))
    with runtime.start_idle([f"{places.guests}/idle", f"{places.root_directory}/ready"]):
        _wait_until_started(runtime, ready)
        time.sleep(SETTLE_SECONDS)
        found = memory.footprint(set(memory.descendants(os.getpid())) - before)
    memory.reap_orphans()
    if found.processes == 0:
        raise RunFailedError(f"{runtime.name}: no process of the idle sandbox was found")
    return {
        "idle memory, PSS": found.pss / 1024,
        "idle memory, alone": found.alone / 1024,
        "idle processes": float(found.processes),
    }


def _wait_until_started(runtime: Runtime, ready: pathlib.Path) -> None:
    """Waits for the file that the idle guest writes, or, where writes do not reach the host, for quiet processes."""
    limit = time.monotonic() + min(RUN_TIMEOUT, 5.0)
    while time.monotonic() < limit:
        if ready.exists():
            return
        time.sleep(0.02)
    if isinstance(runtime, Native):
        raise RunFailedError("the idle program did not start")


def groups(ready: pathlib.Path) -> list[Group]:
    """All row groups, in the order of the report."""
    return [
        Group("start", "µs", start_true, repeat=4),
        Group("python", "µs", start_python, repeat=2),
        Group("forks", "µs", forks),
        Group("calls", "µs", calls),
        Group("notify", "µs", notify, native_only=True),
        Group("memory", "MiB", lambda runtime: idle_memory(runtime, ready)),
    ]
