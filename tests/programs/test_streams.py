# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Standard streams, exit codes and signals of a sandbox."""

from __future__ import annotations

import hashlib
import os
import signal
import threading

import pytest

from tests import leftovers
from tests.programs.expectations import expect
from tests.programs.places import Bundle, Place


@pytest.mark.parametrize("code", [0, 1, 7, 125, 126, 127, 255])
def test_the_exit_code_is_the_program_s(place: Place, code: int) -> None:
    expect(place, "/bin/sh", "-c", f"exit {code}", code=code)


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV", "HUP", "PIPE", "USR1"])
def test_a_program_that_dies_of_a_signal(place: Place, name: str) -> None:
    number = getattr(signal, f"SIG{name}")
    if isinstance(place, Bundle):
        # The first process of a pid namespace ignores its own signals that have no handler; its children do not.
        expect(place, "/bin/sh", "-c", f"sh -c 'kill -{name} $$'; exit $?", code=128 + number, err=None)
        expect(place, "/bin/sh", "-c", f"kill -{name} $$; exit 5", code=5)
    else:
        expect(place, "/bin/sh", "-c", f"kill -{name} $$", code=-number)


def test_the_three_streams_stay_apart(place: Place) -> None:
    expect(place, "/bin/sh", "-c", "cat; echo out; echo err >&2", stdin="in\n", out="in\nout\n", err="err\n")


def test_a_closed_standard_input_is_an_end_of_file(place: Place) -> None:
    expect(place, "/bin/cat", stdin="")
    expect(place, "/bin/sh", "-c", "read x || echo end", stdin="", out="end\n")


def test_output_without_a_reader_ends_the_program(place: Place) -> None:
    with place.start("/bin/sh", "-c", "yes; echo $? >&2") as process:
        assert process.stdout
        assert process.stderr
        assert process.stdin
        assert process.stdout.read(4) == b"y\ny\n"
        process.stdout.close()
        assert process.stderr.read() == b"141\n"
        process.stdin.close()


def test_input_and_output_alternate_without_buffering(place: Place) -> None:
    with place.start("/bin/sh", "-c", 'while read -r line; do echo "<$line>"; done') as process:
        assert process.stdin
        assert process.stdout
        for number in range(100):
            process.stdin.write(f"{number}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == f"<{number}>\n".encode()
        process.stdin.close()
        assert process.wait(10) == 0


def test_standard_streams_may_be_files(place: Place) -> None:
    source, target = place.scratch / "in", place.scratch / "out"
    source.write_text("from a file\n")
    with source.open() as stdin, target.open("w") as stdout:
        command = place.command(["/bin/sh", "-c", "cat; echo more; test -f /dev/stdin && echo file"], {}, [])
        pid = os.posix_spawn(
            command[0] if "/" in command[0] else "/usr/bin/env",
            command,
            dict(os.environ),
            file_actions=[(os.POSIX_SPAWN_DUP2, stdin.fileno(), 0), (os.POSIX_SPAWN_DUP2, stdout.fileno(), 1)],
        )
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert target.read_text() == "from a file\nmore\nfile\n"


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1", "USR2", "QUIT"])
def test_signals_sent_to_pysc_reach_the_program(sandboxed: Place, name: str) -> None:
    handler = f"trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep 100 & wait; done"
    with sandboxed.start("/bin/sh", "-c", handler) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(getattr(signal, f"SIG{name}"))
        assert process.stdout.readline() == f"got {name}\n".encode()
        assert process.wait(10) == 9


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_signals_that_the_program_does_not_handle_end_it(sandboxed: Place, name: str) -> None:
    if isinstance(sandboxed, Bundle):
        return  # the first process of a pid namespace, see above
    with sandboxed.start("/bin/sh", "-c", "echo ready; exec sleep 100") as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        number = getattr(signal, f"SIG{name}")
        process.send_signal(number)
        assert process.wait(10) == 128 + number


def test_a_gigabyte_through_cat_arrives_whole_at_a_steady_memory_size(sandboxed: Place) -> None:
    block, blocks = os.urandom(1 << 20), 1024
    sent, received = hashlib.sha256(), hashlib.sha256()
    sizes: list[int] = []
    with sandboxed.start("/bin/cat") as process:
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout

        def feed() -> None:
            for _ in range(blocks):
                sent.update(block)
                stdin.write(block)
            stdin.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        total = 0
        while data := os.read(stdout.fileno(), 1 << 20):
            received.update(data)
            before, total = total, total + len(data)
            if before >> 27 != total >> 27:
                sizes.append(sum(map(leftovers.resident, leftovers.descendants(process.pid))))
        feeder.join()
        assert process.wait(10) == 0
    assert total == blocks << 20
    assert received.digest() == sent.digest()
    assert max(sizes) - sizes[0] < 16 << 20, f"grew: {sizes}"
