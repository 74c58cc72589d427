# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The checks of gofer/protocol.py against well-formed and hostile messages."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gofer import protocol
from gofer.protocol import ATTRIBUTES_SIZE, ProtocolError, check_reply, check_request
from gofer.server import Server
from sentry.core import native
from tests.unit.gofers import served

WELL_FORMED: list[list[Any]] = [
    [protocol.WALK, 0, b"", [b"a", b"b"], True],
    [protocol.OPEN, 0, b"a", 2],
    [protocol.CREATE, 0, b"d/n", 0o644, 0, 0],
    [protocol.TEMPORARY, 0, b"d", 0o600, 0, 0],
    [protocol.MKDIR, 0, b"n", 0o7777, 1, 2],
    [protocol.MKNOD, 0, b"n", 0o010644, 0, 0, 0],
    [protocol.SYMLINK, 0, b"n", b"../../x", 0, 0],
    [protocol.LINK, 0, b"a", b"b"],
    [protocol.UNLINK, 0, b"a"],
    [protocol.RMDIR, 0, b"a"],
    [protocol.RENAME, 0, b"a", b"b", 2],
    [protocol.READLINK, 0, b"a"],
    [protocol.READDIR, 0, b"", 0],
    [protocol.SETATTR, 0, b"", 0o755, None, None, None, -1, None],
    [protocol.GETATTR, 0, b""],
    [protocol.STATFS, 0, b""],
    [protocol.GETXATTR, 0, b"a", b"user.x"],
    [protocol.SETXATTR, 0, b"a", b"user.x", b"", 0],
    [protocol.LISTXATTR, 0, b"a"],
    [protocol.REMOVEXATTR, 0, b"a", b"user.x"],
    [protocol.SYNC, 0, b"", False],
]

BAD_PATHS = [b"/", b"/etc", b"a/", b"a//b", b".", b"..", b"../x", b"a/../b", b"a/./b", b"a\0b", "text", None, 1, [b"a"]]


def test_every_operation_has_checks_a_result_and_a_well_formed_example() -> None:
    operations = set(range(protocol.WALK, protocol.SYNC + 1))
    assert set(protocol.ARGUMENTS) == operations
    assert set(protocol.RESULTS) == operations
    assert {request[0] for request in WELL_FORMED} == operations
    for request in WELL_FORMED:
        assert check_request(request) is request


def test_the_server_has_a_handler_for_every_operation_with_its_arguments(tmp_path: Path) -> None:
    server = Server([served(tmp_path)], native.syscall)
    for operation, checks in protocol.ARGUMENTS.items():
        handler = server._handlers[operation]
        assert len(inspect.signature(handler).parameters) == len(checks), operation


@pytest.mark.parametrize("path", BAD_PATHS)
@pytest.mark.parametrize("request_", WELL_FORMED, ids=lambda request: str(request[0]))
def test_a_path_that_could_leave_its_export_is_refused(request_: list[Any], path: object) -> None:
    message = list(request_)
    message[2] = path
    with pytest.raises(ProtocolError):
        check_request(message)


@pytest.mark.parametrize("name", [b"", b"/", b"a/b", b".", b"..", b"a\0", "a", None])
def test_a_walk_takes_single_names_only(name: object) -> None:
    with pytest.raises(ProtocolError):
        check_request([protocol.WALK, 0, b"", [b"a", name], False])


@pytest.mark.parametrize("request_", WELL_FORMED, ids=lambda request: str(request[0]))
def test_every_argument_of_a_wrong_type_or_range_is_refused(request_: list[Any]) -> None:
    for index in range(1, len(request_)):
        for wrong in (object(), 1.5, "text", -(1 << 70), 1 << 70, {}, [None], (b"a",)):
            message = list(request_)
            message[index] = wrong
            with pytest.raises(ProtocolError):
                check_request(message)
        if type(request_[index]) is int:
            message = list(request_)
            message[index] = True  # an int to Python, but not to us
            with pytest.raises(ProtocolError):
                check_request(message)
    for length in range(len(request_)):
        with pytest.raises(ProtocolError):
            check_request(request_[:length])
    with pytest.raises(ProtocolError):
        check_request([*request_, 0])


@pytest.mark.parametrize("message", [None, 0, [], {}, b"", [0], [99], [-1], ["WALK"], [[1]], [None], [True]])
def test_what_is_no_request_is_refused(message: object) -> None:
    with pytest.raises(ProtocolError):
        check_request(message)


@pytest.mark.parametrize("operation", range(protocol.WALK, protocol.SYNC + 1))
def test_replies_are_checked_too(operation: int) -> None:
    for wrong in (None, [], [0], [0, 0, 0], [1, b"x"], [-1, None], [True, None], [5000, None], [0, object()], b"x"):
        with pytest.raises(ProtocolError):
            check_reply(operation, wrong)
    assert check_reply(operation, [2, None]) == (2, None)


def test_attributes_have_their_size() -> None:
    assert check_reply(protocol.GETATTR, [0, bytes(ATTRIBUTES_SIZE)]) == (0, bytes(ATTRIBUTES_SIZE))
    for size in (0, ATTRIBUTES_SIZE - 1, ATTRIBUTES_SIZE + 1):
        with pytest.raises(ProtocolError):
            check_reply(protocol.GETATTR, [0, bytes(size)])


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 64), 1 << 65) | st.binary(max_size=40) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(values, max_size=9) | values)
def test_any_message_is_either_refused_or_well_formed(message: object) -> None:
    try:
        request = check_request(message)
    except ProtocolError:
        return
    assert len(request) == len(protocol.ARGUMENTS[request[0]]) + 1  # type: ignore[index] # it was checked


@st.composite
def nearly_well_formed(draw: st.DrawFn) -> list[object]:
    request = list(draw(st.sampled_from(WELL_FORMED)))
    for _ in range(draw(st.integers(0, 2))):
        index = draw(st.integers(1, len(request) - 1))
        request[index] = draw(values | st.sampled_from([b"..", b"a/../..", b"a", b"link", [b".."], 0, 1, None]))
    return request


def test_a_server_answers_or_refuses_whatever_comes_and_stays_below_its_export(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "a").write_text("a")
    (export / "link").symlink_to("../outside")
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    server = Server([served(export)], native.syscall)

    @settings(max_examples=300, deadline=None)
    @given(nearly_well_formed())
    def hostile(message: list[object]) -> None:
        try:
            reply, donated = server.handle(message)
        except ProtocolError:
            return
        for descriptor in donated:
            os.close(descriptor)
        check_reply(message[0], reply)  # type: ignore[arg-type] # the server took it

    before = os.getcwd()
    try:
        hostile()
    finally:
        os.chdir(before)  # the server changes it
    assert outside.read_text() == "untouched"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export", "outside"]
