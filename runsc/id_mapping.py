# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A part of what maps the ids of a user namespace. Source: user_namespaces(7)."""

from __future__ import annotations


class IdMapping:
    """A line of /proc/PID/uid_map or gid_map."""

    __slots__ = ("container", "host", "size")

    def __init__(self, container: int, host: int, size: int) -> None:
        self.container = container
        self.host = host
        self.size = size
