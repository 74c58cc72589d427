# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Bad input at the command line: one clear line, an exit code that is not 0, and nothing left behind."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import leftovers, sandbox
from tests.programs.places import bundle_configuration

Change = Callable[[dict[str, object]], object]


class Case:
    """A folder with a bundle and a state folder."""

    def __init__(self, folder: Path) -> None:
        self.bundle = folder / "bundle"
        self.state = folder / "state"
        self.rootfs = self.bundle / "rootfs"
        self.rootfs.mkdir(parents=True)
        self.write(bundle_configuration(["/bin/true"], Path("/"), sandbox.ENVIRONMENT))

    def write(self, configuration: object) -> None:
        (self.bundle / "config.json").write_text(json.dumps(configuration))

    def pysc(self, *words: str) -> sandbox.Result:
        """Run pysc with the case's state folder."""
        flags = sandbox.MODES[sandbox.modes()[0]]
        return sandbox.run([sandbox.PYSC, *flags, f"--root={self.state}", "--overlay2=root:memory", *words])

    def run(self, *words: str) -> sandbox.Result:
        """`pysc run` of the bundle."""
        return self.pysc("run", "--bundle", str(self.bundle), *(words or ("bad",)))

    def refuses(self, *texts: str, run: Callable[[], sandbox.Result] | None = None) -> None:
        """It ends with an error that has all the texts, in one line, and leaves nothing."""
        with leftovers.nothing_left_behind(self.bundle.parent.name):
            result = (run or self.run)()
        assert result.code in range(1, 128), result
        assert result.out == "", result
        assert len(result.err.splitlines()) == 1, result
        assert result.err.startswith("pysc: "), result
        assert "Traceback" not in result.err, result
        for text in texts:
            assert text.lower() in result.err.lower(), f"no {text!r} in\n{result}"
        left = [path for path in self.state.rglob("*") if not path.name.startswith(".")] if self.state.exists() else []
        assert left == []


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A bundle that runs."""
    sandbox.require_pysc()
    return Case(tmp_path)


def test_the_case_itself_runs(case: Case) -> None:
    result = case.run()
    assert (result.code, result.out, result.err) == (0, "", ""), result


def test_a_bundle_that_is_not_there(case: Case) -> None:
    case.refuses("/no/such/bundle", run=lambda: case.pysc("run", "--bundle", "/no/such/bundle", "bad"))


def test_a_bundle_that_is_a_file(case: Case) -> None:
    case.refuses("config.json", run=lambda: case.pysc("run", "--bundle", str(case.bundle / "config.json"), "bad"))


def test_no_config_json(case: Case) -> None:
    (case.bundle / "config.json").unlink()
    case.refuses("config.json", "no such file")


def test_a_config_json_that_may_not_be_read(case: Case) -> None:
    (case.bundle / "config.json").unlink()
    (case.bundle / "config.json").mkdir()
    case.refuses("config.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        '"x"',
        "{]",
        '{"process": }',
        "\0",
        "{'ociVersion': 1}",
        "[" * 5000,
        '{"ociVersion": "1.0.2"',
    ],
)
def test_malformed_json(case: Case, text: str) -> None:
    (case.bundle / "config.json").write_text(text)
    case.refuses("config.json")


def test_json_that_is_not_utf8(case: Case) -> None:
    (case.bundle / "config.json").write_bytes(b'{"ociVersion": "\xff\xfe"}')
    case.refuses("config.json")


def change(*path: str | int, value: object) -> Change:
    """Sets the value at a path of keys."""

    def apply(configuration: dict[str, object]) -> None:
        place: object = configuration
        for key in path[:-1]:
            assert isinstance(place, dict | list)
            place = place[key]  # type: ignore[index]  # the paths below fit
        place[path[-1]] = value  # type: ignore[index]

    return apply


def without(*path: str | int) -> Change:
    """Removes the key at a path."""

    def apply(configuration: dict[str, object]) -> None:
        place: object = configuration
        for key in path[:-1]:
            place = place[key]  # type: ignore[index]
        del place[path[-1]]  # type: ignore[attr-defined]

    return apply


@pytest.mark.parametrize(
    ("words", "apply"),
    [
        ("ociVersion", change("ociVersion", value=1)),
        ("ociVersion", change("ociVersion", value="9.0.0")),
        ("process", without("process")),
        ("process", change("process", value=[])),
        ("args", change("process", "args", value="/bin/true")),
        ("args", change("process", "args", value=[])),
        ("args", change("process", "args", value=[1])),
        ("args", change("process", "args", value=["a\0b"])),
        ("env", change("process", "env", value={"A": "1"})),
        ("env", change("process", "env", value=[None])),
        ("cwd", change("process", "cwd", value="relative")),
        ("cwd", change("process", "cwd", value=7)),
        ("cwd", without("process", "cwd")),
        ("uid", change("process", "user", "uid", value=-1)),
        ("uid", change("process", "user", "uid", value="0")),
        ("uid", change("process", "user", "uid", value=1 << 40)),
        ("terminal", change("process", "terminal", value="yes")),
        ("capabilities", change("process", "capabilities", value="all")),
        ("rlimits", change("process", "rlimits", value=[{"type": "RLIMIT_NO_SUCH", "soft": 1, "hard": 1}])),
        ("root", without("root")),
        ("root", change("root", value="/")),
        ("path", change("root", "path", value=3)),
        ("mounts", change("mounts", value={})),
        ("destination", change("mounts", 0, value={"type": "proc"})),
        (
            "/no/such/source",
            change("mounts", 0, value={"destination": "/x", "type": "bind", "source": "/no/such/source"}),
        ),
        ("hostname", change("hostname", value=["x"])),
        ("hostname", change("hostname", value="x" * 100)),
        ("linux", change("linux", value="x")),
        ("namespaces", change("linux", "namespaces", value=[{"type": "no-such"}])),
    ],
)
def test_wrong_values_in_config_json(case: Case, words: str, apply: Change) -> None:
    configuration = bundle_configuration(["/bin/true"], Path("/"), sandbox.ENVIRONMENT)
    apply(configuration)
    case.write(configuration)
    case.refuses(words)


def test_a_root_file_system_that_is_not_there(case: Case) -> None:
    case.write(bundle_configuration(["/bin/true"], case.bundle / "missing", sandbox.ENVIRONMENT))
    case.refuses("missing")


def test_a_root_file_system_that_is_a_file(case: Case) -> None:
    case.write(bundle_configuration(["/bin/true"], case.bundle / "config.json", sandbox.ENVIRONMENT))
    case.refuses("config.json")


@pytest.mark.parametrize("name", ["a/b", "/", "..", ".", "", "a b", "a\nb", "x" * 300, "ä"])
def test_ids_that_are_none(case: Case, name: str) -> None:
    case.refuses(run=lambda: case.run(name))


def test_an_id_in_use(case: Case) -> None:
    case.write(bundle_configuration(["/bin/sleep", "100"], Path("/"), sandbox.ENVIRONMENT))
    # The detached program keeps the standard streams, so they must not be pipes that someone reads to the end.
    command = ["--root", str(case.state), "run", "--detach", "--bundle", str(case.bundle), "busy"]
    first = sandbox.run(["/bin/sh", "-c", 'exec "$@" > /dev/null 2>&1', "sh", str(sandbox.PYSC), *command])
    try:
        assert first.code == 0, first
        second = case.run("busy")
        assert second.code == 1, second
        assert "busy" in second.err, second
        assert len(second.err.splitlines()) == 1, second
        assert json.loads(case.pysc("state", "busy").out)["status"] == "running"
    finally:
        case.pysc("delete", "--force", "busy")


@pytest.mark.parametrize("verb", ["state", "start", "kill", "delete"])
def test_an_id_that_is_not_there(case: Case, verb: str) -> None:
    case.refuses("nobody", run=lambda: case.pysc(verb, "nobody"))


def test_flags_and_verbs_that_are_not_there(case: Case) -> None:
    case.refuses("--no-such-flag", run=lambda: case.run("--no-such-flag", "bad"))
    case.refuses("--no-such-flag", run=lambda: sandbox.run([sandbox.PYSC, "--no-such-flag", "do", "/bin/true"]))
    case.refuses("no-such-verb", run=lambda: case.pysc("no-such-verb"))
    case.refuses(
        "no-such-platform", run=lambda: sandbox.run([sandbox.PYSC, "--platform=no-such-platform", "do", "true"])
    )
    case.refuses(run=lambda: case.pysc("run", "--bundle", str(case.bundle)))
    case.refuses(run=lambda: case.pysc("run", "--bundle", str(case.bundle), "one", "two"))


@pytest.mark.parametrize(
    "volume", ["/no/such/source:/data", ":/data", "/tmp:relative", "/tmp:/data:no-such-option", "/tmp:/"]
)
def test_volumes_that_are_none(case: Case, volume: str) -> None:
    case.refuses(run=lambda: sandbox.run([sandbox.PYSC, "do", "--volume", volume, "--", "/bin/true"]))


# --- programs


def elf(**fields: int) -> bytes:
    """The first page of an x86-64 program, with fields of its header changed."""
    header = {"type": 2, "machine": 62, "version": 1, "entry": 0x401000, "phoff": 64, "shoff": 0, "flags": 0}
    header |= {"ehsize": 64, "phentsize": 56, "phnum": 1}
    header.update(fields)
    body = struct.pack("<HHIQQQIHHHHHH", *header.values(), 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 0x2000, 0x2000, 0x1000)
    code = b"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05"
    return (b"\x7fELF\x02\x01\x01" + bytes(9) + body + load).ljust(0x1000, b"\0") + code.ljust(0x1000, b"\0")


def head(kind: int, flags: int, offset: int, address: int, size: int, memory: int, align: int = 0x1000) -> bytes:
    """A program header in place of the first."""
    return (
        elf()[:64] + struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, size, memory, align) + elf()[120:]
    )


PROGRAMS: dict[str, bytes] = {
    "empty": b"",
    "text": b"this is no program\n",
    "four-bytes": b"\x7fELF",
    "cut-header": elf()[:40],
    "cut-program-headers": elf()[:80],
    "arm": elf(machine=183),
    "i386": b"\x7fELF\x01\x01\x01" + elf()[7:],
    "big-endian": b"\x7fELF\x02\x02\x01" + elf()[7:],
    "object": elf(type=1),
    "core": elf(type=4),
    "no-program-headers": elf(phnum=0),
    "too-many-program-headers": elf(phnum=65535),
    "program-headers-beyond-the-end": elf(phoff=1 << 40),
    "program-headers-nowhere": elf(phoff=(1 << 64) - 8),
    "odd-program-headers": elf(phentsize=8),
    "loop": b"#!/tmp/program\n",
    "missing-interpreter": b"#!/no/such/interpreter\n",
    "no-interpreter": b"#!\n",
    "interpreter-is-a-folder": b"#!/tmp\n",
    "missing-loader": head(3, 4, 0x1800, 0x401800, 20, 20)[:0x1800] + b"/no/such/ld.so\0".ljust(20, b"\0"),
    "loader-name-too-long": head(3, 4, 0, 0x400000, 1 << 30, 1 << 30),
    "segment-wraps": head(1, 5, 0, (1 << 64) - 0x1000, 0x2000, 0x2000),
    "segment-in-the-kernel": head(1, 5, 0, 0xFFFF800000000000, 0x1000, 0x1000),
    "segment-over-the-stub": head(1, 7, 0, 0x200000000000, 0x2000, 0x2000),
    "segment-larger-than-memory": head(1, 5, 0, 0x400000, 0x1000, 1 << 60),
    "segment-offset-odd": head(1, 5, 0x123, 0x400000, 0x1000, 0x1000),
    "segment-beyond-the-end": head(1, 5, 1 << 40, 0x400000, 0x1000, 0x1000),
    "file-size-over-memory-size": head(1, 5, 0, 0x400000, 0x2000, 0x10),
    "null-page": head(1, 5, 0, 0, 0x2000, 0x2000),
}  # fmt: skip

#: These are loaded and die at once of a signal, as on Linux; the others are refused.
MAY_START = {"segment-beyond-the-end", "null-page", "file-size-over-memory-size", "segment-over-the-stub"}


@pytest.mark.parametrize("mode", sandbox.modes())
@pytest.mark.parametrize("name", list(PROGRAMS))
def test_programs_that_are_none(case: Case, name: str, mode: str) -> None:
    folder = case.bundle.parent / "programs"
    folder.mkdir()
    program = folder / "program"
    program.write_bytes(PROGRAMS[name])
    program.chmod(0o755)
    command: list[str | Path] = [
        sandbox.PYSC,
        *sandbox.MODES[mode],
        "do",
        "--cwd=/",
        f"--volume={folder}:/tmp",
        "--",
        "/tmp/program",
    ]
    if name in MAY_START:
        with leftovers.nothing_left_behind():
            result = sandbox.run(command)
        assert result.code, result
        assert len(result.err.splitlines()) <= 1, result
        assert "bug of pysc" not in result.err, result
    else:
        case.refuses("/tmp/program", run=lambda: sandbox.run(command))
    inside = sandbox.run([*command[:-1], "/bin/sh", "-c", "/tmp/program; echo $?; echo still here"])
    assert inside.code == 0, inside
    assert inside.out.endswith("\nstill here\n"), inside
    # An empty file, and a #! line that names nothing, are scripts without commands to a shell.
    assert inside.out.startswith("0\n") == (name in ("empty", "no-interpreter")), inside


@pytest.mark.parametrize(
    ("name", "mode", "code"), [("missing", None, 127), ("forbidden", 0o644, 126), ("folder", 0o755, 126)]
)
def test_programs_that_cannot_be_run(case: Case, name: str, mode: int | None, code: int) -> None:
    path = case.bundle / name
    if name == "folder":
        path.mkdir()
    elif mode is not None:
        path.write_bytes(elf())
        path.chmod(mode)
    result = sandbox.run([sandbox.PYSC, "do", "--", path])
    assert result.code == code, result
    assert len(result.err.splitlines()) == 1, result
    assert str(path) in result.err, result


def test_the_program_made_by_hand_runs_when_it_is_whole(case: Case) -> None:
    path = case.bundle / "whole"
    path.write_bytes(elf())
    path.chmod(0o755)
    assert sandbox.run([path]).code == 0
    result = sandbox.run([sandbox.PYSC, "do", "--", path])
    assert (result.code, result.err) == (0, ""), result


def test_standard_streams_that_are_closed(case: Case) -> None:
    for closed in (["<&-"], [">&-"], ["2>&-"], ["<&-", ">&-", "2>&-"]):
        words = f'exec {sandbox.PYSC} do --cwd=/ -- /bin/sh -c "exit 5" {" ".join(closed)}'
        result = sandbox.run(["/bin/sh", "-c", words])
        assert result.code == 5, result


def test_a_working_directory_that_is_gone(case: Case) -> None:
    words = f"mkdir gone; cd gone; rmdir ../gone; exec {sandbox.PYSC} do -- /bin/true"
    result = sandbox.run(["/bin/sh", "-c", words], cwd=case.bundle)
    assert result.code == 1, result
    assert len(result.err.splitlines()) == 1, result


def test_a_state_folder_that_cannot_be_made(case: Case) -> None:
    state = case.bundle / "config.json" / "state"
    result = sandbox.run([sandbox.PYSC, f"--root={state}", "run", "--bundle", case.bundle, "bad"])
    assert result.code == 1, result
    assert len(result.err.splitlines()) == 1, result
    assert os.path.isfile(case.bundle / "config.json")
