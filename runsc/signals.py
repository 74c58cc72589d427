# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Signal names and numbers as people and engines write them.

Written out: importing the signal module costs 2 ms of enum building, and it knows no SIGRTMIN+3.
"""

from __future__ import annotations

from sentry.control.errors import ControlError

NAMES = {
    "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10,
    "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CLD": 17, "CONT": 18,
    "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27,
    "WINCH": 28, "IO": 29, "POLL": 29, "PWR": 30, "SYS": 31,
}  # fmt: skip
RTMIN, RTMAX = 34, 64  # signal(7): glibc keeps 32 and 33


def parse_signal(text: str) -> int:
    """The number of "9", "KILL", "SIGKILL", "sigkill", "RTMIN+1".

    Raises: ControlError.
    """
    if text.isascii() and text.isdigit() and len(text) < 4:
        number = int(text)
    else:
        name = text.upper().removeprefix("SIG")
        number = NAMES.get(name, 0)
        for base, start, sign in (("RTMIN", RTMIN, 1), ("RTMAX", RTMAX, -1)):
            rest = name.removeprefix(base)
            digits = rest[1:] if rest[:1] in ("+", "-") else ""
            if name.startswith(base) and (rest == "" or (digits.isascii() and digits.isdigit())):
                offset = int(digits) if rest else 0
                number = start + sign * offset
                if not RTMIN <= number <= RTMAX:
                    number = 0
    if not 1 <= number <= RTMAX:
        raise ControlError(f'unknown signal "{text}": give a number from 1 to 64 or a name such as TERM or SIGKILL')
    return number


# What reaches the monitor and means the program: everything but what the monitor needs itself (CHLD), what our own
# sockets raise (PIPE, URG), what a fault of ours raises, and what nobody can catch. 32 and 33 are glibc's.
_OURS = {4, 5, 6, 7, 8, 9, 11, 13, 17, 19, 21, 22, 23, 31, 32, 33}
FORWARDED = [number for number in range(1, RTMAX + 1) if number not in _OURS]
