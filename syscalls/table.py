# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The one table of system calls.

`@syscall(nr, ...)` registers a handler; its signature gives decoding, --strace output, docs/syscalls.md and the
completeness test. Argument annotations are the types below. A handler returns the result (0 or positive; an address
may have any value), or raises LinuxError or Interrupted. It is one of

- a plain function: never waits;
- `async def`: may wait by awaiting wait_for() of sentry/kernel/blocking.py;
- a plain function that returns the result, or a coroutine where it has to wait: for the hot calls, which then pay for
  a coroutine only when they do wait. The dispatcher awaits whatever is not an int.

Registration happens some hundred times while a sandbox starts, so it does next to nothing: the code that decodes the
registers is made at a call's first use, once for each shape of signature.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeAlias, TypeVar

    Handler = TypeVar("Handler", bound=Callable[..., Any])

FULL, PARTIAL, STUB = "full", "partial", "stub"

PRIVATE = 0x30000000
"""Numbers from here on are the stub's requests (sentry/platform/stub/abi.py), not Linux's calls."""


class Kind:
    """How a register becomes an argument.

    expression: Python source with {0} for the register (0 <= r < 2**64). show: how --strace prints the value: "fd",
    "int", "uint", "hex", "octal", "id", "pointer", "path", or the name of a table in syscalls/flag_names.py.
    """

    __slots__ = ("expression", "show")

    def __init__(self, expression: str, show: str) -> None:
        self.expression = expression
        self.show = show


_S32 = "(({0} & 0x7fffffff) - ({0} & 0x80000000))"
_U32 = "({0} & 0xffffffff)"
_S64 = "(({0} & 0x7fffffffffffffff) - ({0} & 0x8000000000000000))"
_U64 = "{0}"

# To a type checker each of them is an int. (typing.Annotated would say both at once, and take 7 ms to import.)
if TYPE_CHECKING:
    Fd: TypeAlias = int
    Int: TypeAlias = int
    Pid: TypeAlias = int
    UInt: TypeAlias = int
    Flags: TypeAlias = int
    Mode: TypeAlias = int
    Uid: TypeAlias = int
    Long: TypeAlias = int
    Offset: TypeAlias = int
    ULong: TypeAlias = int
    Size: TypeAlias = int
    Address: TypeAlias = int
    PathAddress: TypeAlias = int
    StringAddress: TypeAlias = int
    AccessMode: TypeAlias = int
    AtFlags: TypeAlias = int
    FcntlCommand: TypeAlias = int
    IoctlRequest: TypeAlias = int
    MapFlags: TypeAlias = int
    MountFlags: TypeAlias = int
    OpenFlags: TypeAlias = int
    Protection: TypeAlias = int
    Signal: TypeAlias = int
    Whence: TypeAlias = int
else:
    Fd = Kind(_S32, "fd")
    Int = Kind(_S32, "int")
    Pid = Kind(_S32, "int")
    UInt = Kind(_U32, "uint")
    Flags = Kind(_U32, "hex")
    Mode = Kind("({0} & 0xffff)", "octal")
    Uid = Kind(_U32, "id")
    Long = Kind(_S64, "int")
    Offset = Kind(_S64, "int")
    ULong = Kind(_U64, "uint")
    Size = Kind(_U64, "uint")
    Address = Kind(_U64, "pointer")
    PathAddress = Kind(_U64, "path")
    """The address of a NUL-terminated path; handlers read it with task.memory.path(address)."""
    StringAddress = Kind(_U64, "path")
    """The address of another NUL-terminated string (a name of an attribute, a file system type)."""

    # Numbers and bits with names; the names are in syscalls/flag_names.py.
    AccessMode = Kind(_S32, "access mode")
    AtFlags = Kind(_S32, "at flags")
    FcntlCommand = Kind(_U32, "fcntl command")
    IoctlRequest = Kind(_U32, "ioctl request")
    MapFlags = Kind(_U64, "map flags")
    MountFlags = Kind(_U64, "mount flags")
    OpenFlags = Kind(_S32, "open flags")
    Protection = Kind(_U64, "protection")
    Signal = Kind(_S32, "signal")
    Whence = Kind(_U32, "whence")

Result: TypeAlias = "int | Coroutine[Any, Any, int]"
"""What a handler gives that waits only sometimes."""

Decoded: TypeAlias = "Callable[[Any, int, int, int, int, int, int], Any]"
"""(task, a0..a5: raw registers) -> an int, or something to await."""


class Entry:
    """One row of the table."""

    __slots__ = ("handler", "name", "note", "number", "parameters", "support")

    def __init__(
        self, number: int, name: str, handler: Callable[..., Any], support: str, note: str,
        parameters: tuple[tuple[str, Kind], ...],
    ) -> None:  # fmt: skip
        self.number = number
        self.name = name
        self.handler = handler
        self.support = support
        self.note = note
        self.parameters = parameters

    @property
    def call(self) -> Decoded:
        """The handler as a function of the raw registers; keep it (dispatch_table() does)."""
        return _decoder(tuple([kind.expression for _, kind in self.parameters]))(self.handler)

    def decode(self, registers: tuple[int, ...]) -> tuple[int, ...]:
        """The arguments as the handler sees them, for --strace."""
        decoded: tuple[int, ...] = _decoder(tuple([kind.expression for _, kind in self.parameters]))(_arguments)(
            None, *registers
        )
        return decoded


def _arguments(_task: None, *values: int) -> tuple[int, ...]:
    return values


_decoders: dict[tuple[str, ...], Callable[[Callable[..., Any]], Decoded]] = {}


def _decoder(expressions: tuple[str, ...]) -> Callable[[Callable[..., Any]], Decoded]:
    """Makes a handler into a function of the raw registers."""
    made = _decoders.get(expressions)
    if made is None:
        arguments = "".join(", " + expression.format(f"a{index}") for index, expression in enumerate(expressions))
        source = f"lambda handler: lambda task, a0, a1, a2, a3, a4, a5: handler(task{arguments})"
        made = _decoders[expressions] = eval(source, {"__builtins__": {}})  # noqa: S307 - made of the kinds above only
    return made


TABLE: dict[int, Entry] = {}


def syscall(number: int, *, name: str = "", support: str = FULL, note: str = "") -> Callable[[Handler], Handler]:
    """Registers the handler of call number. name: the call's, if the function's differs (as exit_ for exit).

    Raises: ValueError for a number taken twice, or PARTIAL/STUB without a note saying what is missing; TypeError for
    an annotation that is none of the types above.
    """

    def register(handler: Handler) -> Handler:
        if number in TABLE:
            raise ValueError(f"system call {number} is registered twice: {TABLE[number].name}, {handler.__name__}")
        if support != FULL and not note:
            raise ValueError(f"{handler.__name__}: {support} needs a note saying what is missing")
        code = handler.__code__
        hints = handler.__annotations__
        names = code.co_varnames[1 : code.co_argcount]
        parameters = tuple([(parameter, _kind(handler, hints[parameter])) for parameter in names])
        TABLE[number] = Entry(number, name or handler.__name__, handler, support, note, parameters)
        return handler

    return register


def dispatch_table() -> dict[int, Decoded]:
    """Number to decoded call, for the kernel's loop. Each call is compiled at its first use, which replaces it here."""
    calls: dict[int, Decoded] = {}

    def deferred(entry: Entry) -> Decoded:
        def first(task: Any, a0: int, a1: int, a2: int, a3: int, a4: int, a5: int) -> Any:
            call = calls[entry.number] = entry.call
            return call(task, a0, a1, a2, a3, a4, a5)

        return first

    for number, entry in TABLE.items():
        calls[number] = deferred(entry)
    return calls


def _kind(handler: Callable[..., Any], hint: Any) -> Kind:
    """The kind of an annotation, which is text where the module postpones them (typing.get_type_hints is too slow)."""
    if isinstance(hint, str):
        name = hint.rpartition(".")[2]
        hint = handler.__globals__.get(name) or globals().get(name)
    if not isinstance(hint, Kind):
        raise TypeError(f"{handler.__name__}: {hint!r} is no type of an argument")
    return hint
