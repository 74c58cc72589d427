# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Where messages go: one line on stderr for people, one in --log for engines, lines of --debug in the debug log.

Engines read the last line of --log to learn why a call failed, so it is written before pysc exits.
"""

from __future__ import annotations

import os

from runsc.settings import Settings


def one_line(message: str) -> str:
    """The message without what would break a line or a terminal: names in it come from strangers."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in message)


def _timestamp() -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def format_line(style: str, level: str, message: str) -> str:
    """A line of --log, in runc's form: JSON objects, or logrus's text."""
    import json

    if style == "json":
        return json.dumps({"level": level, "msg": message, "time": _timestamp()}) + "\n"
    return f"time={json.dumps(_timestamp())} level={level} msg={json.dumps(message)}\n"


def append(path: str, line: str) -> None:
    """Adds a line to a log file; a log that cannot be written is no reason to fail differently."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o644)
    except OSError:
        return
    try:
        os.write(fd, line.encode(errors="backslashreplace"))
    except OSError:
        pass
    finally:
        os.close(fd)


def report(settings: Settings | None, message: str) -> None:
    """The one line of an error: on stderr as "pysc: …", and in --log."""
    message = one_line(message)
    if settings is not None and settings.log:
        append(settings.log, format_line(settings.log_format, "error", message))
    try:
        os.write(2, f"pysc: {message}\n".encode(errors="backslashreplace"))
    except OSError:
        pass


def warn(settings: Settings, message: str) -> None:
    """Something the engine or the person may want to know; on stderr only with --debug."""
    message = one_line(message)
    if settings.log:
        append(settings.log, format_line(settings.log_format, "warning", message))
    if settings.debug:
        try:
            os.write(2, f"pysc: {message}\n".encode(errors="backslashreplace"))
        except OSError:
            pass


def open_debug_log(settings: Settings, identifier: str, command: str, *, stderr: bool) -> int:
    """The descriptor for the sandbox's own lines: --debug-log's file, or stderr for --debug and --strace; -1: none.

    stderr: False where it is somebody else's after we return (a detached container). Raises: ControlError.
    """
    from sentry.control.errors import ControlError, os_words

    if not (settings.debug or settings.strace):
        return -1
    path = settings.debug_log_path(identifier, command)
    if not path:
        if not stderr:
            return -1
        import fcntl

        return fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, 10)
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o644)
    except OSError as error:
        raise ControlError(f"--debug-log {path}: {os_words(error)}") from None
