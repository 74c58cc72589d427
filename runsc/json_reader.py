# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Typed access to JSON from strangers: every wrong type ends as one line that names the place.

A Reader stands at one place of a document and knows its path ("process.user.uid"). Fields that nobody asks for are
ignored, as the OCI specification wants of unknown properties; null counts as absent, as Go's decoder has it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from sentry.control.errors import ControlError, os_words

SIZE_LIMIT = 16 << 20
"""Bytes of a JSON file that we are willing to parse."""


def load(path: str, name: str) -> Reader:
    """Parses a JSON file whose top is an object; name stands for it in errors.

    Raises: ControlError for anything else than a regular, readable file of valid JSON with at most SIZE_LIMIT bytes.
    """
    try:
        # O_NONBLOCK: a FIFO in the place of the file must not hang us.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise ControlError(f"{path}: {os_words(error)}") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ControlError(f"{path}: not a regular file")
        data = b""
        while len(data) <= SIZE_LIMIT:
            piece = os.read(fd, SIZE_LIMIT + 1 - len(data))
            if not piece:
                break
            data += piece
    except OSError as error:
        raise ControlError(f"{path}: {os_words(error)}") from None
    finally:
        os.close(fd)
    if len(data) > SIZE_LIMIT:
        raise ControlError(f"{path}: larger than {SIZE_LIMIT >> 20} MiB")
    return parse(data, name)


def parse(data: bytes, name: str) -> Reader:
    """Parses bytes of JSON whose top is an object. Raises: ControlError."""
    import json

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    try:
        value = json.loads(data.decode("utf-8"), parse_constant=refuse)
    except UnicodeDecodeError as error:
        raise ControlError(f"{name}: not valid UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ControlError(f"{name}: not valid JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise ControlError(f"{name}: not valid JSON: nested too deeply") from None
    except ValueError as error:
        raise ControlError(f"{name}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ControlError(f"{name}: expected an object, got {_show(value)}")
    return Reader(name, "", value)


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    import json

    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


class Reader:
    """An object of the document. Missing fields give the default that the caller names; required() ones raise."""

    __slots__ = ("name", "path", "_value")

    def __init__(self, name: str, path: str, value: dict[str, object]) -> None:
        self.name = name
        self.path = path
        self._value = value

    def at(self, field: str) -> str:
        """The path of a field: "process.user.uid"."""
        return f"{self.path}.{field}" if self.path else field

    def fail(self, field: str, problem: str) -> ControlError:
        """The error for a field; the caller raises it."""
        return ControlError(f"{self.name}: {self.at(field)}: {problem}")

    def has(self, field: str) -> bool:
        return self._value.get(field) is not None

    def required(self, field: str) -> None:
        """Raises: ControlError if the field is missing."""
        if not self.has(field):
            raise self.fail(field, "missing, and required")

    def child(self, field: str) -> Reader:
        """A nested object; an empty one if it is missing."""
        value = self._value.get(field)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.fail(field, f"expected an object, got {_show(value)}")
        return Reader(self.name, self.at(field), value)

    def children(self, field: str) -> Iterator[Reader]:
        """The objects of a list."""
        for index, value in enumerate(self._list(field, "objects")):
            if not isinstance(value, dict):
                raise self.fail(f"{field}[{index}]", f"expected an object, got {_show(value)}")
            yield Reader(self.name, self.at(f"{field}[{index}]"), value)

    def _list(self, field: str, of: str) -> list[object]:
        value = self._value.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fail(field, f"expected a list of {of}, got {_show(value)}")
        return value

    def text(self, field: str, default: str = "") -> str:
        """A string that can be given to the kernel: no NUL, no lone surrogate."""
        value = self._value.get(field)
        if value is None:
            return default
        return self._text(field, value)

    def _text(self, field: str, value: object) -> str:
        if not isinstance(value, str):
            raise self.fail(field, f"expected a string, got {_show(value)}")
        if "\0" in value:
            raise self.fail(field, "contains a NUL character")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self.fail(field, "contains half of a surrogate pair") from None
        return value

    def texts(self, field: str) -> list[str]:
        """A list of strings."""
        values = self._list(field, "strings")
        if not all(isinstance(value, str) for value in values):
            wrong = next(index for index, value in enumerate(values) if not isinstance(value, str))
            raise self.fail(f"{field}[{wrong}]", f"expected a string, got {_show(values[wrong])}")
        return [self._text(f"{field}[{index}]", value) for index, value in enumerate(values)]

    def switch(self, field: str, default: bool = False) -> bool:
        value = self._value.get(field)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.fail(field, f"expected true or false, got {_show(value)}")
        return value

    def number(self, field: str, default: int = 0, low: int = 0, high: int = (1 << 32) - 1) -> int:
        """An integer between low and high, both included."""
        value = self._value.get(field)
        return default if value is None else self._number(field, value, low, high)

    def _number(self, field: str, value: object, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail(field, f"expected an integer, got {_show(value)}")
        if not low <= value <= high:
            raise self.fail(field, f"expected an integer from {low} to {high}, got {_show(value)}")
        return value

    def numbers(self, field: str, low: int = 0, high: int = (1 << 32) - 1) -> list[int]:
        """A list of integers."""
        values = self._list(field, "integers")
        return [self._number(f"{field}[{index}]", value, low, high) for index, value in enumerate(values)]

    def text_map(self, field: str) -> dict[str, str]:
        """An object whose values are strings."""
        inner = self.child(field)
        return {key: inner._text(key, value) for key, value in inner._value.items()}
