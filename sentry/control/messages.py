# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What monitor and sentry say to each other, over a gofer.channel.Channel (the sentry's end: control_fd).

Every message is a map. The monitor takes the sentry for compromised: it checks every field by parse_event() and treats
what it says as data.

sentry -> monitor
    {"event": "map"}                                 my user namespace is made: write its maps. Answer: {"ok": true}, or
                                                     {"error": text}. The sentry must be dumpable until then
    {"event": "created", "init_pid": n}              the first program is checked and ready, held before its first
                                                     instruction; init_pid: its guest pid
    {"event": "failed", "message": text, "errno": n} there is no first program: ENOENT, EACCES, ENOEXEC, ... (0: none).
                                                     message: "" lets the monitor use the errno's words
    {"event": "exit", "status": n}                   the container's init has ended, with this wait status (waitpid(2)),
                                                     and all output is written. The monitor then ends everything
    {"event": "fatal", "message": text}              a bug: the sentry is about to end
    {"reply": id, "ok": value} or {"reply": id, "error": text, "errno": n}

monitor -> sentry
    {"op": "start", "request": id}                                  let the first program run
    {"op": "signal", "request": id, "signal": n, "all": bool, "foreground": bool}
        to every task ("all"); as a terminal does to the foreground process group of the guest's terminal, or else to
        the process group of the container's init ("foreground"); or to the container's init. "ok": true, or
        "suspended" if Ctrl-Z has stopped all of the sandbox, so that pysc should stop as well
    {"op": "ps", "request": id}                                     "ok": [[guest pid, host pid, parent, command], ...]
    {"op": "resize", "request": id, "rows": n, "columns": n}        for a terminal that the sentry owns
"""

from __future__ import annotations

GOFER_GONE = 72
"""Exit status of a sentry whose gofer has died or broken its protocol; the reason is on its stderr."""

TEXT_LIMIT = 4096  # characters of a message that are shown

EVENTS: dict[str, dict[str, type]] = {
    # event: its fields and their types
    "map": {},
    "created": {"init_pid": int},
    "failed": {"message": str, "errno": int},
    "exit": {"status": int},
    "fatal": {"message": str},
}


class BadMessage(Exception):
    """The sentry said something that is not in the protocol."""


def parse_event(message: object) -> dict[str, object]:
    """The message, if it is one that a sentry may send. Raises: BadMessage."""
    if not isinstance(message, dict) or not all(isinstance(key, str) for key in message):
        raise BadMessage("not a map")
    if "reply" in message:
        if not isinstance(message["reply"], int) or not ("ok" in message or isinstance(message.get("error"), str)):
            raise BadMessage("a malformed reply")
        return message
    fields = EVENTS.get(str(message.get("event")))
    if fields is None:
        raise BadMessage("an unknown event")
    for field, kind in fields.items():
        value = message.get(field)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BadMessage(f"{message['event']} without its {field}")
        if isinstance(value, str):
            message[field] = value[:TEXT_LIMIT]
    return message
