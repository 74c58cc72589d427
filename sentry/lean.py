# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Small parts of the standard library without the modules around them, whose import would be felt in every start.

`collections` takes 1.1 ms, `typing` 7 ms, `dataclasses` 6 ms, and a whole sandbox is to start in 45 ms. What is built
into the interpreter itself costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import OrderedDict, deque
    from typing import Any

    tuple_getter: Any
else:
    from _collections import OrderedDict, deque
    from _collections import _tuplegetter as tuple_getter

__all__ = ["OrderedDict", "Record", "deque", "fields"]


class Record:
    """Equality and repr over __slots__, for plain mutable data. Subclasses write out their __init__."""

    __slots__: tuple[str, ...] = ()

    def _values(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self.__slots__])

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment] # mutable: not to be a key

    def __repr__(self) -> str:
        shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in self.__slots__])
        return f"{type(self).__name__}({shown})"


def fields(*names: str) -> Any:
    """The base of a tuple with named fields, as typing.NamedTuple makes one; the last ones may get defaults in __new__.

    For use as `if TYPE_CHECKING: class _Fields(NamedTuple): ... else: _Fields = fields("a", "b")`.
    """
    arguments = ", ".join(names)
    source = f"lambda cls, {arguments}: new(cls, ({arguments},))"
    body: dict[str, object] = {name: tuple_getter(index, "") for index, name in enumerate(names)}
    body["__slots__"] = ()
    body["__new__"] = eval(source, {"new": tuple.__new__, "__builtins__": {}})  # noqa: S307 - made of our own names
    return type("Fields", (tuple,), body)
