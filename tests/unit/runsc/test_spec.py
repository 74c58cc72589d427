# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""config.json: what is understood, and that every wrong type is one line with its path."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from runsc.commands.spec import example
from runsc.flags import parse as parse_flags
from runsc.json_reader import parse
from runsc.mount_options import MS_NODEV, MS_NOSUID, MS_RDONLY, parse_options
from runsc.settings import GLOBAL_FLAGS, Settings
from runsc.spec import Bundle, load_bundle, read_bundle
from sentry.control.errors import ControlError


def settings(*words: str) -> Settings:
    return Settings(parse_flags(GLOBAL_FLAGS, list(words), "pysc")[0])


def document() -> dict[str, Any]:
    return copy.deepcopy(example(["sh", "-c", "true"], "/", rootless=False))


@pytest.fixture
def bundle_path(tmp_path: Path) -> Path:
    (tmp_path / "rootfs").mkdir()
    return tmp_path


def read(value: object, path: Path, *words: str) -> Bundle:
    return read_bundle(parse(json.dumps(value).encode(), "config.json"), str(path), "c", settings(*words))


def put(value: Any, path: str, new: object) -> None:
    *folders, last = path.split(".")
    for folder in folders:
        value = value[int(folder)] if isinstance(value, list) else value[folder]
    if isinstance(value, list):
        value[int(last)] = new
    else:
        value[last] = new


def test_our_own_example_is_understood(bundle_path: Path) -> None:
    bundle = read(document(), bundle_path)
    config = bundle.config
    assert config.process.arguments == [b"sh", b"-c", b"true"]
    assert config.process.capabilities["bounding"] == 1 << 29 | 1 << 5 | 1 << 10
    assert config.process.no_new_privs
    assert config.process.limits == {7: (1024, 1024)}
    assert config.hostname == b"pysc"
    assert [(mount.destination, mount.kind) for mount in config.mounts] == [
        ("/", "gofer"), ("/proc", "proc"), ("/dev", "devtmpfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs"),
        ("/dev/mqueue", "mqueue"), ("/sys", "sysfs"),
    ]  # fmt: skip
    assert config.mounts[6].flags & MS_RDONLY
    assert config.mounts[2].data == {"mode": "755", "size": "65536k"}
    (export,) = bundle.exports
    assert (export.source, export.readonly, export.recursive) == (str(bundle_path / "rootfs"), False, True)
    assert b"/proc/kcore" in config.masked_paths


def test_a_bind_mount_becomes_an_export(bundle_path: Path) -> None:
    (bundle_path / "data").mkdir()
    value = document()
    value["mounts"] += [
        {"destination": "/data", "type": "bind", "source": "data", "options": ["rbind", "ro", "nosuid", "rprivate"]},
        {"destination": "x/../more", "source": str(bundle_path / "data"), "options": ["bind"]},
    ]
    bundle = read(value, bundle_path)
    first, second = bundle.config.mounts[-2:]
    assert (first.kind, first.export, first.flags, first.shared) == ("gofer", 1, MS_RDONLY | MS_NOSUID, True)
    assert (second.destination, second.export, second.flags) == ("/more", 2, 0)
    assert [(one.source, one.readonly, one.recursive) for one in bundle.exports[1:]] == [
        (str(bundle_path / "data"), True, True),
        (str(bundle_path / "data"), False, False),
    ]


def test_overlays_make_exports_read_only(bundle_path: Path) -> None:
    value = document()
    value["mounts"].append({"destination": "/b", "type": "bind", "source": "rootfs", "options": ["bind"]})
    root = read(value, bundle_path, "--overlay2=root:memory")
    assert (root.config.mounts[0].overlay, root.exports[0].readonly, root.exports[1].readonly) == (True, True, False)
    everything = read(value, bundle_path, "--overlay2=all:memory")
    assert everything.config.mounts[-1].overlay
    assert everything.exports[1].readonly


def test_a_read_only_root(bundle_path: Path) -> None:
    value = document()
    value["root"]["readonly"] = True
    bundle = read(value, bundle_path)
    assert bundle.exports[0].readonly
    assert bundle.config.mounts[0].flags & MS_RDONLY


def test_dev_is_there_even_if_nobody_mounts_it(bundle_path: Path) -> None:
    value = document()
    value["mounts"] = []
    assert [mount.destination for mount in read(value, bundle_path).config.mounts] == ["/", "/dev"]


def test_limits_of_resources(bundle_path: Path) -> None:
    value = document()
    value["linux"]["resources"] = {"pids": {"limit": 64}, "memory": {"limit": 1 << 20}, "devices": [{"allow": False}]}
    config = read(value, bundle_path).config
    assert (config.process_limit, config.memory_limit) == (64, 1 << 20)


WRONG = [
    ("ociVersion", 5, "ociVersion: expected a string, got 5"),
    ("ociVersion", "2.0", 'ociVersion: "2.0" is not a version'),
    ("process", [], "process: expected an object, got a list"),
    ("process.args", 5, "process.args: expected a list of strings, got 5"),
    ("process.args", [], "process.args: missing"),
    ("process.args", ["a", 5], "process.args[1]: expected a string, got 5"),
    ("process.args", ["a\0b"], "process.args[0]: contains a NUL"),
    ("process.args", ["\ud800"], "process.args[0]: contains half of a surrogate pair"),
    ("process.env", {"A": "1"}, "process.env: expected a list of strings, got an object"),
    ("process.cwd", "relative", "process.cwd: expected an absolute path"),
    ("process.cwd", None, "process.cwd: missing"),
    ("process.user.uid", "root", 'process.user.uid: expected an integer, got "root"'),
    ("process.user.uid", -1, "process.user.uid: expected an integer from 0"),
    ("process.user.uid", True, "process.user.uid: expected an integer, got true"),
    ("process.user.uid", 1.5, "process.user.uid: expected an integer, got 1.5"),
    ("process.terminal", "yes", 'process.terminal: expected true or false, got "yes"'),
    ("process.rlimits.0.type", "RLIMIT_X", 'process.rlimits[0].type: unknown limit "RLIMIT_X"'),
    ("process.rlimits.0.soft", 4096, "process.rlimits[0].soft: 4096 is above the hard limit 1024"),
    ("process.capabilities.bounding", "CAP_KILL", "process.capabilities.bounding: expected a list"),
    ("root", None, "root: missing"),
    ("root.path", "nowhere", "no such file or directory"),
    ("root.path", "config.json", "not a directory"),
    ("hostname", "x" * 65, "hostname: 65 bytes are too long"),
    ("mounts", {}, "mounts: expected a list"),
    ("mounts.0", "x", "mounts[0]: expected an object"),
    ("mounts.0.destination", None, "mounts[0].destination: missing"),
    ("mounts.0.type", "ext4", 'mounts[0].type: file system "ext4" is not there'),
    ("mounts.0.options", ["remount"], 'mounts[0].options: option "remount" is not there yet'),
    ("mounts.0", {"destination": "/x", "type": "bind", "source": "nowhere"}, "no such file or directory"),
    ("linux.namespaces.0.type", "x", 'linux.namespaces[0].type: unknown namespace "x"'),
    ("linux.namespaces.0.path", "/proc/1/ns/pid", "joining the pid namespace of another container is not there yet"),
    ("linux.sysctl", {"a": 1}, "linux.sysctl.a: expected a string, got 1"),
    ("linux.resources", {"pids": {"limit": "x"}}, "linux.resources.pids.limit: expected an integer"),
    ("annotations", {"a": 1}, "annotations.a: expected a string"),
    ("hooks", {"prestart": [{"path": "relative"}]}, "hooks.prestart[0].path: expected an absolute path"),
]


@pytest.mark.parametrize(("path", "new", "message"), WRONG)
def test_a_wrong_field_is_one_line_with_its_path(bundle_path: Path, path: str, new: object, message: str) -> None:
    (bundle_path / "config.json").write_text("{}")
    value = document()
    put(value, path, new)
    with pytest.raises(ControlError) as caught:
        read(value, bundle_path)
    assert message in caught.value.message
    assert caught.value.message.startswith("config.json: ")


def test_unknown_fields_are_ignored(bundle_path: Path) -> None:
    value = document()
    value["novelty"] = value["process"]["novelty"] = 5
    read(value, bundle_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "line 1 column 2"),
        (b"\xff", "not valid UTF-8 at byte 0"),
        (b"[]", "expected an object, got a list"),
        (b'{"a": NaN}', "not valid JSON: NaN"),
        (b"[" * 200000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
    ],
)
def test_what_is_not_json(data: bytes, message: str) -> None:
    with pytest.raises(ControlError) as caught:
        parse(data, "config.json")
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_a_bundle_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"bundle .*: no such file or directory"):
        load_bundle(str(tmp_path / "nowhere"), "c", settings())
    with pytest.raises(ControlError, match=r"config\.json: no such file or directory"):
        load_bundle(str(tmp_path), "c", settings())


def test_a_config_that_is_no_file(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ControlError, match="not a regular file"):
        load_bundle(str(tmp_path), "c", settings())


def test_a_config_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(ControlError, match="larger than 16 MiB"):
        load_bundle(str(tmp_path), "c", settings())


def test_mount_options() -> None:
    assert parse_options(["ro", "nodev", "size=64m", "rw", "rslave", "mode=755"]) == (
        MS_NODEV,
        {"size": "64m", "mode": "755"},
    )


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=6,
)
_PATHS = [path for path, _, _ in WRONG]


@hypothesis_settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(_PATHS), new=_JSON)
def test_any_json_in_any_place_is_understood_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, path: str, new: object
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    (folder / "rootfs").mkdir(parents=True, exist_ok=True)
    value = document()
    put(value, path, new)
    with suppress(ControlError):
        read(value, folder)
