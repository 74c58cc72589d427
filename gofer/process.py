# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The gofer process from its fork to its end.

Owns the order (jail, then service) and the exit code: 0 when the sentry closed its end, EXIT_JAIL when the jail could
not be made, EXIT_BROKEN for a hostile or mistaken sentry and for bugs of ours. Whoever forks imports this module
before, as nothing can be imported inside the jail.
"""

from __future__ import annotations

import os

from gofer import jail
from gofer.channel import Channel
from gofer.jail import Export, JailError
from gofer.protocol import ProtocolError
from gofer.server import Server
from gofer.syscalls import RawSyscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

EXIT_JAIL = 71
EXIT_BROKEN = 70

READY = b"+"
"""What run() writes to its status descriptor once it serves; anything else there is one line for a person."""


def run(
    channel: int,
    exports: Sequence[Export],
    raw_syscall: RawSyscall,
    *,
    status: int = -1,
    log: int = -1,
    devices: bool = False,
    network_namespace: bool = True,
    program: bytes | None = None,
) -> NoReturn:
    """Never returns: call it in a forked child.

    channel: the gofer's end of the socket pair. status: a pipe's end for READY or the reason of a failure; closed when
    it was written. log: where a line about an unexpected end goes. The rest: jail.enter.
    """
    code = EXIT_BROKEN
    try:
        keep = [descriptor for descriptor in (channel, status, log) if descriptor >= 0]
        peer = Channel.from_descriptor(channel)  # it asks the socket what it is, which the filter would not allow
        os.umask(0)  # the guest's own was applied by the sentry
        served = jail.enter(
            exports,
            raw_syscall,
            keep=keep,
            devices=devices,
            network_namespace=network_namespace,
            program=program,
        )
        _tell(status, READY)
        if status >= 0:
            os.close(status)
        Server(served, raw_syscall, devices=devices).serve(peer)
        code = 0
    except JailError as error:
        _tell(status, str(error).encode(errors="replace"))
        _tell(log, f"{error}\n".encode(errors="replace"))
        code = EXIT_JAIL
    except ProtocolError as error:
        _tell(log, f"gofer: dropped the sentry: {error}\n".encode(errors="replace"))
    except BaseException as error:  # noqa: BLE001 - this is the end of the process; a traceback would read source files
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        place = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}" if traceback else "?"
        _tell(log, f"gofer: unexpected {type(error).__name__}: {error} at {place}\n".encode(errors="replace"))
    finally:
        os._exit(code)


def _tell(descriptor: int, text: bytes) -> None:
    if descriptor >= 0:
        try:
            os.write(descriptor, text)
        except OSError:
            pass  # the reader is gone; the exit code still tells
