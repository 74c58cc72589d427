# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What a handler may return besides a number or a coroutine."""

from __future__ import annotations


class Answer:
    """A marker, compared by identity."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


PROCEED = Answer("proceed")
"""The host runs the call: only where its meaning lies in registers alone."""

DEFERRED = Answer("deferred")
"""Somebody will call kernel.answer(task, value) later."""
