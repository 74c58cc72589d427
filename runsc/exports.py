# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What of the host a sandbox may see, as the command line or the bundle says it.

The same facts as gofer.jail.Export, which is made of them in the gofer's own process: importing the gofer before the
sentry is forked would cost 10 ms of every start.
"""

from __future__ import annotations


class Export:
    """source: an absolute path of a folder or a file, with no links in it. recursive: with the mounts below it."""

    __slots__ = ("readonly", "recursive", "source")

    def __init__(self, source: str, readonly: bool, recursive: bool) -> None:
        self.source = source
        self.readonly = readonly
        self.recursive = recursive
