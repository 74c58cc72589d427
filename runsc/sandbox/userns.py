# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""User namespaces: entering one without privileges, and writing the maps of others. Source: user_namespaces(7).

Without privileges a process may map only its own ids, unless the system's newuidmap and newgidmap (shadow-utils) do it
for the ranges of /etc/subuid and /etc/subgid.
"""

from __future__ import annotations

import os

from runsc.id_mapping import IdMapping
from runsc.probe import user_namespaces_refused
from runsc.sandbox.linux import CLONE_NEWUSER, set_dumpable, unshare
from sentry.control.errors import ControlError, os_words

NOBODY = 65534


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def write_maps(pid: int, uids: list[IdMapping], gids: list[IdMapping], *, allow_setgroups: bool) -> None:
    """Writes the maps of a child's fresh user namespace; each in one write, as the kernel wants. Raises: OSError."""
    if not allow_setgroups:
        _write(f"/proc/{pid}/setgroups", "deny")
    for name, mappings in (("uid_map", uids), ("gid_map", gids)):
        _write(f"/proc/{pid}/{name}", "".join(f"{one.container} {one.host} {one.size}\n" for one in mappings))


def sentry_host_id() -> int:
    """The id, in this process's user namespace, that the sentry runs as: nobody where that exists, or else 0."""
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/self/{name}") as file:
            lines = [[int(word) for word in line.split()] for line in file.read(65536).splitlines()]
        if not any(first <= NOBODY < first + size for first, _, size in lines):
            return 0
    return NOBODY


def map_sentry(pid: int, host_id: int) -> None:
    """Maps 0 of the sentry's user namespace to one id of ours. Raises: OSError."""
    one = [IdMapping(0, host_id, 1)]
    write_maps(pid, one, one, allow_setgroups=False)


def become_root_of_a_namespace(uids: list[IdMapping], gids: list[IdMapping]) -> None:
    """Enters a user namespace in which this process is root. Empty mappings: only the own ids, as 0.

    Raises: ControlError.
    """
    uid, gid = os.geteuid(), os.getegid()
    own_uids, own_gids = [IdMapping(0, uid, 1)], [IdMapping(0, gid, 1)]
    uids, gids = uids or own_uids, gids or own_gids
    alone = all(len(wanted) == 1 and wanted[0].host == own and wanted[0].size == 1
                for wanted, own in ((uids, uid), (gids, gid)))  # fmt: skip
    if not alone and not _helpers():
        raise ControlError(
            "the bundle maps a range of ids, for which an ordinary user needs newuidmap and newgidmap;"
            " install them (Debian: apt install uidmap), or map only your own id"
        )
    helper = None if alone else _start_helper(uids, gids)
    try:
        unshare(CLONE_NEWUSER)
    except OSError as error:
        refused = user_namespaces_refused(privileged=False)
        raise ControlError(
            f"no user namespace can be made: {os_words(error)}" + (f": {refused}" if refused else "; run pysc as root")
        ) from None
    try:
        if helper is None:
            write_maps(os.getpid(), uids, gids, allow_setgroups=False)
        else:
            helper.finish()
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
            set_dumpable(True)  # lost with the ids; our children's maps could not be written otherwise
    except OSError as error:
        raise ControlError(f"the ids of a user namespace cannot be mapped: {os_words(error)}") from None


def _helpers() -> tuple[str, str] | None:
    found = []
    for name in ("newuidmap", "newgidmap"):
        paths = [f"{folder}/{name}" for folder in os.environ.get("PATH", "/usr/bin:/bin").split(":")]
        usable = [path for path in paths if os.access(path, os.X_OK)]
        if not usable:
            return None
        found.append(usable[0])
    return found[0], found[1]


class _Helper:
    """A child that stays outside of the new user namespace, where newuidmap keeps its privileges."""

    __slots__ = ("pid", "_go")

    def __init__(self, pid: int, go: int) -> None:
        self.pid = pid
        self._go = go

    def finish(self) -> None:
        """Lets it write the maps, and waits. Raises: ControlError."""
        os.write(self._go, b"x")
        os.close(self._go)
        _, status = os.waitpid(self.pid, 0)
        if status != 0:
            raise ControlError(
                "newuidmap or newgidmap refused to map the bundle's ids; see the ranges of /etc/subuid and /etc/subgid"
            )


def _start_helper(uids: list[IdMapping], gids: list[IdMapping]) -> _Helper:
    programs = _helpers()
    assert programs is not None
    parent = os.getpid()
    wait, go = os.pipe()
    pid = os.fork()
    if pid:
        os.close(wait)
        return _Helper(pid, go)
    status = 1
    try:
        os.close(go)
        if os.read(wait, 1) == b"x":
            status = 0
            for program, mappings in zip(programs, (uids, gids), strict=True):
                words = [str(number) for one in mappings for number in (one.container, one.host, one.size)]
                child = os.posix_spawn(program, [program, str(parent), *words], os.environ)
                status |= os.waitpid(child, 0)[1]
    finally:
        os._exit(1 if status else 0)
