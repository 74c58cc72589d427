# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What a sandbox sees and changes of the host, and what it leaves behind."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path

from tests import leftovers, sandbox
from tests.programs.expectations import expect
from tests.programs.places import Bundle, Place


def seen_by_host(path: str) -> bool:
    return os.path.lexists(path)


def test_what_is_written_never_reaches_the_host(sandboxed: Place) -> None:
    name = f"pysc-test-{uuid.uuid4().hex}"
    places = [f"/tmp/{name}", f"/etc/{name}", f"/usr/bin/{name}", f"/var/tmp/{name}", f"/{name}"]
    words = " ".join(places)
    expect(sandboxed, "/bin/sh", "-ec", f"for f in {words}; do echo x > $f; cat $f; done", out="x\n" * len(places))
    assert not [path for path in places if seen_by_host(path)]


def test_the_host_s_files_can_be_changed_inside_only(place: Place) -> None:
    if place.name == "native":
        return
    before = Path("/etc/passwd").read_bytes(), os.stat("/etc/passwd")
    expect(
        place,
        "/bin/sh",
        "-ec",
        "echo changed > /etc/passwd; cat /etc/passwd; chmod 600 /etc/hostname 2>/dev/null || true\n"
        "rm -rf /usr/share/doc; ls -d /usr/share/doc 2>/dev/null || echo removed\n"
        "mv /etc/group /etc/moved; mkdir /usr/share/doc; ls /usr/share/doc | wc -l",
        out="changed\nremoved\n0\n",
    )
    after = os.stat("/etc/passwd")
    assert Path("/etc/passwd").read_bytes() == before[0]
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_mode) == (
        before[1].st_mtime_ns,
        before[1].st_ctime_ns,
        before[1].st_mode,
    )
    assert Path("/etc/group").exists()


def test_two_runs_do_not_see_each_other(sandboxed: Place) -> None:
    name = f"/tmp/pysc-test-{uuid.uuid4().hex}"
    expect(sandboxed, "/bin/sh", "-ec", f"echo x > {name}")
    expect(sandboxed, "/bin/sh", "-c", f"test -e {name} || echo missing", out="missing\n")


def test_a_volume_is_shared_with_the_host(sandboxed: Place) -> None:
    volume = sandboxed.scratch / "volume"
    volume.mkdir()
    (volume / "given").write_text("from the host\n")
    program = """
        cd /data; cat given; echo inside > made; mkdir d; ln -s made link
        chmod 640 made; mv given taken; cat link; ln made d/hard
    """
    result = sandboxed.run("/bin/sh", "-ec", program, volumes=[f"{volume}:/data"])
    assert result.out == "from the host\ninside\n", result
    assert sorted(os.listdir(volume)) == ["d", "link", "made", "taken"]
    assert (volume / "made").read_text() == "inside\n"
    assert stat.S_IMODE((volume / "made").stat().st_mode) == 0o640
    assert os.readlink(volume / "link") == "made"
    assert (volume / "d" / "hard").stat().st_nlink == 2


def test_what_the_host_changes_in_a_volume_is_seen(sandboxed: Place) -> None:
    volume = sandboxed.scratch / "volume"
    volume.mkdir()
    program = "echo ready; read x; cat /data/late; echo read; read x; cat /data/late; echo read"
    with sandboxed.start("/bin/sh", "-ec", program, volumes=[f"{volume}:/data"]) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        for text in ("first\n", "second, longer\n"):
            (volume / "late").write_text(text)
            process.stdin.write(b"go\n")
            process.stdin.flush()
            assert process.stdout.readline().decode() == text
            assert process.stdout.readline() == b"read\n"  # cat is at the end of the file
        assert process.wait(10) == 0


def test_a_read_only_volume_cannot_be_written(sandboxed: Place) -> None:
    volume = sandboxed.scratch / "volume"
    volume.mkdir()
    (volume / "given").write_text("kept\n")
    program = """
        cat /data/given; touch /data/new; echo x > /data/given; rm /data/given
        mkdir /data/d; touch /data/given; chmod 600 /data/given; true
    """
    result = sandboxed.run("/bin/sh", "-c", program, volumes=[f"{volume}:/data:ro"])
    assert result.out == "kept\n", result
    assert result.err.count("Read-only file system") == 6, result
    assert os.listdir(volume) == ["given"]


def test_a_volume_cannot_be_left_through_links(sandboxed: Place) -> None:
    volume, secret = sandboxed.scratch / "volume", sandboxed.scratch / "secret"
    volume.mkdir()
    secret.write_text("secret\n")
    (volume / "up").symlink_to("../secret")
    (volume / "absolute").symlink_to("/data/real")
    (volume / "real").write_text("real\n")
    program = "cat /data/absolute; cat /data/up 2>/dev/null || echo no; cat /data/../data/real"
    result = sandboxed.run("/bin/sh", "-c", program, volumes=[f"{volume}:/data"])
    assert result.out == "real\nno\nreal\n", result


def test_a_volume_written_by_two_sandboxes_after_each_other(sandboxed: Place) -> None:
    volume = sandboxed.scratch / "volume"
    volume.mkdir()
    for number in range(3):
        program = f"echo {number} >> /data/log; wc -l < /data/log"
        result = sandboxed.run("/bin/sh", "-ec", program, volumes=[f"{volume}:/data"])
        assert result.out == f"{number + 1}\n", result


def test_nothing_is_left_behind(sandboxed: Place) -> None:
    programs = (
        "true",
        "exit 3",
        "kill -9 $$",
        "sleep 100 & setsid sleep 100 & sh -c 'sleep 100 & sleep 100 &'; echo done",
        "trap '' TERM HUP; (trap '' TERM HUP; while :; do :; done) & mkfifo /tmp/f; cat /tmp/f & exit 0",
    )
    for program in programs:
        with leftovers.nothing_left_behind(sandboxed.scratch.name):
            sandboxed.run("/bin/sh", "-c", program)


def test_nothing_is_left_of_a_container_s_state(sandboxed: Place) -> None:
    if not isinstance(sandboxed, Bundle):
        return
    sandboxed.run("/bin/true")
    listed = sandbox.run([sandbox.PYSC, f"--root={sandboxed.scratch / 'state'}", "list", "-q"])
    assert listed.out == "", listed
    left = [path for path in (sandboxed.scratch / "state").rglob("*") if not path.name.startswith(".")]
    assert left == []


def test_the_program_is_alone(sandboxed: Place) -> None:
    program = "set -- /proc/[0-9]*; echo $#; cat /proc/1/comm; ls /proc/1/fd; readlink /proc/1/exe | wc -l; uname -n"
    expect(sandboxed, "/bin/sh", "-c", program, out="1\nsh\n0\n1\n2\n1\npysc\n")


def test_only_the_open_standard_streams_are_inherited(sandboxed: Place) -> None:
    fd = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(fd, True)
    try:
        command = sandboxed.command(["/bin/sh", "-c", "ls /proc/self/fd | wc -l"], {}, [])
        read, write = os.pipe()
        pid = os.posix_spawn(
            command[0], command, dict(sandbox.ENVIRONMENT), file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)]
        )
        os.close(write)
        assert os.read(read, 100) == b"4\n"
        os.waitpid(pid, 0)
        os.close(read)
    finally:
        os.close(fd)


def test_a_filled_writable_layer_is_an_error_of_the_program_only(sandboxed: Place) -> None:
    program = "cd /tmp; truncate -s 1T big && echo made; stat -c %s big; rm big; echo ok > small; cat small"
    expect(sandboxed, "/bin/sh", "-c", program, out="made\n1099511627776\nok\n")
