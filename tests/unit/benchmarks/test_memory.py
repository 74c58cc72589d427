# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""benchmarks/memory.py: finding processes and summing their memory, on real ones."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.memory import descendants, footprint


def test_a_grandchild_in_another_session_is_a_descendant() -> None:
    grandchild = "import os, sys; os.setsid(); print(os.getpid(), flush=True); sys.stdin.read()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert {process.pid, pid} <= set(descendants(os.getpid()))
        process.communicate()


def test_memory_is_counted_in_kib() -> None:
    size = 32 << 20
    program = f"import sys; kept = b'x' * {size}; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = footprint([process.pid])
        process.communicate()
    assert found.processes == 1
    assert size / 1024 <= found.pss <= found.alone <= 3 * size / 1024


def test_a_process_that_has_gone_counts_as_nothing() -> None:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    assert footprint([process.pid]).processes == 0
