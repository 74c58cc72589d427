# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The exception that ends as one clear line for the person (or the engine) at the command line."""

from __future__ import annotations

import os


class ControlError(Exception):
    """message: what went wrong, where, and what to do, in one line. code: pysc's exit code.

    Docker and podman look into the message for the lower-case words of execvp(3) and strerror(3); see os_words.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def os_words(error: OSError) -> str:
    """The host's words for an error, lower case as engines expect them: "no such file or directory"."""
    words = os.strerror(error.errno) if error.errno else str(error)
    return words[:1].lower() + words[1:]
