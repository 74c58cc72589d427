# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What is remembered of containers: one folder each below the state root.

ROOT/ID/state.json   the facts below, replaced atomically by the monitor
ROOT/ID/lock         flock(2): held by whoever changes the folder (create while it is being made, delete)
ROOT/ID/control      the monitor's Unix socket (runsc/sandbox/control_socket.py)

The folder's mkdir reserves the id. A status is never only read from the file: a container whose monitor is gone is
stopped, whatever the file says. A monitor is known by its pid and its start time, so that a reused pid fools nobody.
"""

from __future__ import annotations

import fcntl
import os
import stat

from runsc.json_reader import Reader, load
from runsc.spec import Hook, read_hooks
from sentry.control.errors import ControlError, os_words

CREATING, CREATED, RUNNING, STOPPED = "creating", "created", "running", "stopped"
ID_LIMIT = 1024
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")


def check_id(identifier: str) -> str:
    """The id, if it may name a folder: letters, digits, "_", "+", "-", "."; as runc has it.

    Raises: ControlError.
    """
    if not identifier:
        raise ControlError("the container id is empty; give one such as my-container")
    if identifier in (".", "..") or not _ID_CHARACTERS.issuperset(identifier):
        raise ControlError(f'container id "{identifier}" is not valid; use letters, digits, "_", "+", "-" and "."')
    if len(identifier) > ID_LIMIT:
        raise ControlError(f"the container id has {len(identifier)} characters; at most {ID_LIMIT} are possible")
    return identifier


def start_time(pid: int) -> int:
    """Clock ticks after boot at which a live process began (proc_pid_stat(5), field 22); 0: dead, a zombie or gone."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fields = os.read(fd, 4096).rpartition(b")")[2].split()
    except OSError:
        return 0
    finally:
        os.close(fd)
    return 0 if len(fields) < 20 or fields[0] in (b"Z", b"X", b"x") else int(fields[19])


class State:
    """A container's facts. pid: the monitor's; created: RFC 3339; owner: the uid that made it."""

    __slots__ = (
        "id", "status", "pid", "start_time", "bundle", "rootfs", "created", "owner", "oci_version", "annotations",
        "rootless", "hooks",
    )  # fmt: skip

    def __init__(self, identifier: str, bundle: str, rootfs: str) -> None:
        self.id = identifier
        self.status = CREATING
        self.pid = 0
        self.start_time = 0
        self.bundle = bundle
        self.rootfs = rootfs
        self.created = ""
        self.owner = os.geteuid()
        self.oci_version = "1.2.0"
        self.annotations: dict[str, str] = {}
        self.rootless = False
        self.hooks: list[Hook] = []  # poststop, for whoever deletes the container

    @property
    def alive(self) -> bool:
        """Does the monitor still run?"""
        return self.pid > 0 and self.start_time > 0 and start_time(self.pid) == self.start_time

    def as_json(self) -> dict[str, object]:
        """The state of runtime.md, with runc's additions: what `pysc state` and hooks get."""
        return {
            "ociVersion": self.oci_version,
            "id": self.id,
            "status": self.status,
            "pid": 0 if self.status == STOPPED else self.pid,
            "bundle": self.bundle,
            "rootfs": self.rootfs,
            "created": self.created,
            "owner": _owner(self.owner),
            "annotations": self.annotations,
        }


def _owner(uid: int) -> str:
    if uid == 0:
        return "root"
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class Folder:
    """A container's folder, by descriptor: the path may be longer than a socket's name can be, or be replaced."""

    __slots__ = ("path", "fd", "_lock", "identifier")

    def __init__(self, path: str, identifier: str, fd: int) -> None:
        self.path = path
        self.identifier = identifier
        self.fd = fd
        self._lock = -1

    def lock(self, wait: bool = True) -> None:
        """Takes the container's lock until unlock() or the end of the process.

        Raises: ControlError if somebody else holds it and wait is False.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._lock = os.open("lock", flags, 0o600, dir_fd=self.fd)
            fcntl.flock(self._lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            self.unlock()
            raise ControlError(f'container "{self.identifier}" is in use by another pysc; try again') from None
        except OSError as error:
            raise ControlError(f"{self.path}/lock: {os_words(error)}") from None

    def unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def save(self, state: State) -> None:
        """Writes state.json so that a reader sees the old one or the new one."""
        import json

        record = state.as_json()
        record.update(pid=state.pid, owner=state.owner, startTime=state.start_time, rootless=state.rootless)
        record["poststop"] = [hook.as_json() for hook in state.hooks]
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open("state.json.new", flags, 0o600, dir_fd=self.fd)
            try:
                os.write(fd, json.dumps(record, indent=1).encode())
            finally:
                os.close(fd)
            os.replace("state.json.new", "state.json", src_dir_fd=self.fd, dst_dir_fd=self.fd)
        except OSError as error:
            raise ControlError(f"{self.path}/state.json: {os_words(error)}") from None

    def load(self) -> State:
        """The state with its status as it is now.

        Raises: ControlError for a damaged file. A missing one is a container that never got as far: stopped.
        """
        try:
            os.stat("state.json", dir_fd=self.fd)
        except FileNotFoundError:
            state = State(self.identifier, "", "")
            state.status = CREATING if self._locked_by_others() else STOPPED
            return state
        reader = load(f"/proc/self/fd/{self.fd}/state.json", f"{self.path}/state.json")
        state = _from_json(reader, self.identifier)
        if not state.alive:
            state.status = STOPPED
        return state

    def _locked_by_others(self) -> bool:
        if self._lock >= 0:
            return False
        try:
            self.lock(wait=False)
        except ControlError:
            return True
        self.unlock()
        return False

    def remove(self) -> None:
        """Removes the folder and what pysc put into it; nothing else, and it follows no link."""
        for name in ("control", "state.json", "state.json.new", "lock"):
            try:
                os.unlink(name, dir_fd=self.fd)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise ControlError(f"{self.path}/{name}: {os_words(error)}") from None
        try:
            os.rmdir(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise ControlError(f"{self.path}: {os_words(error)}") from None

    def close(self) -> None:
        self.unlock()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _from_json(reader: Reader, identifier: str) -> State:
    state = State(identifier, reader.text("bundle"), reader.text("rootfs"))
    state.status = reader.text("status")
    if state.status not in (CREATING, CREATED, RUNNING, STOPPED):
        raise reader.fail("status", f'unknown status "{state.status}"')
    state.pid = reader.number("pid", high=(1 << 31) - 1)
    state.start_time = reader.number("startTime", high=(1 << 64) - 1)
    state.created = reader.text("created")
    state.owner = reader.number("owner")
    state.oci_version = reader.text("ociVersion")
    state.annotations = reader.text_map("annotations")
    state.rootless = reader.switch("rootless")
    if reader.has("poststop"):
        state.hooks = read_hooks(reader, "poststop")
    return state


def _open_root(root: str) -> None:
    try:
        os.makedirs(root, 0o700, exist_ok=True)
        status = os.stat(root)
    except OSError as error:
        raise ControlError(f"state folder {root}: {os_words(error)}; choose another with --root") from None
    if status.st_uid not in (0, os.geteuid()):
        # /tmp/pysc-UID could have been made by somebody else, who would then own our sockets.
        raise ControlError(f"state folder {root} belongs to uid {status.st_uid}; choose another with --root")


def reserve(root: str, identifier: str) -> Folder:
    """Makes a container's folder and locks it. Raises: ControlError if the id is in use."""
    check_id(identifier)
    _open_root(root)
    path = os.path.join(root, identifier)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        raise ControlError(
            f'container id "{identifier}" is in use below {root}; choose another, or "pysc delete {identifier}"'
        ) from None
    except OSError as error:
        raise ControlError(f"{path}: {os_words(error)}") from None
    folder = _open(path, identifier)
    folder.lock()
    return folder


def find(root: str, identifier: str) -> Folder:
    """A container's folder. Raises: ControlError if there is none."""
    check_id(identifier)
    return _open(os.path.join(root, identifier), identifier)


def _open(path: str, identifier: str) -> Folder:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise ControlError(f'container does not exist: "{identifier}" is not below {os.path.dirname(path)}') from None
    except OSError as error:
        raise ControlError(f"{path}: {os_words(error)}") from None
    return Folder(path, identifier, fd)


def identifiers(root: str) -> list[str]:
    """The ids of all containers, sorted; none if the state folder is not there."""
    try:
        with os.scandir(root) as entries:
            return sorted(entry.name for entry in entries if stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ControlError(f"state folder {root}: {os_words(error)}") from None
