# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""How a test says what a program must print."""

from __future__ import annotations

import textwrap

from tests.programs.places import Place


def expect(
    place: Place,
    *words: str,
    out: str = "",
    err: str | None = "",
    code: int = 0,
    stdin: str | None = None,
    seconds: float = 30,
) -> None:
    """Run it; its standard output, standard error and exit code must be these.

    The indentation of `out` is dropped; `err` None stands for any. A negative code is a signal, which a sandbox
    reports as 128 + n.
    """
    if code < 0 and place.name != "native":
        code = 128 - code
    result = place.run(*words, stdin=None if stdin is None else stdin.encode(), seconds=seconds)
    wanted = textwrap.dedent(out).lstrip("\n")
    assert (result.code, result.out) == (code, wanted), f"\n{result}"
    assert err is None or result.err == textwrap.dedent(err).lstrip("\n"), f"\n{result}"


def script(
    place: Place,
    text: str,
    out: str,
    *,
    err: str = "",
    code: int = 0,
    shell: tuple[str, ...] = ("/bin/sh", "-ec"),
    seconds: float = 30,
) -> None:
    """The same for a shell script, which begins in a fresh folder."""
    body = f'cd "$(mktemp -d)"\n{textwrap.dedent(text)}'
    expect(place, *shell, body, out=out, err=err, code=code, seconds=seconds)
