# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Where a task's paths begin (struct fs_struct)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.vfs.path import Path


class FsContext:
    """Root, working directory and umask of the tasks that share it (CLONE_FS). users counts the tasks."""

    __slots__ = ("cwd", "root", "umask", "users")

    def __init__(self, root: Path, cwd: Path, umask: int = 0o022) -> None:
        self.root = root
        self.cwd = cwd
        self.umask = umask
        self.users = 1

    def copy(self) -> FsContext:
        """A child's own context, with one user."""
        return FsContext(self.root, self.cwd, self.umask)
