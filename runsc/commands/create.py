# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""`pysc create`: a container up to the point where its program could run."""

from __future__ import annotations

from runsc import log
from runsc.flags import NUMBER, SWITCH, TEXT, Flag, Values
from runsc.sandbox.container import start_monitor
from runsc.sandbox.launch import Launch
from runsc.settings import Settings
from runsc.spec import load_bundle
from runsc.state import check_id, reserve
from sentry.control.errors import ControlError

HELP = "create a container from a bundle; start runs it"
USAGE = "pysc create [flags] ID"
INTERLEAVED = True
FLAGS = (
    Flag("bundle", TEXT, "folder of config.json (default: the current one)", ".", alias="b", placeholder="DIR"),
    Flag("pid-file", TEXT, "file for the pid that ends as the program does", placeholder="FILE"),
    Flag("console-socket", TEXT, "Unix socket that gets the terminal's master", placeholder="PATH"),
    Flag("preserve-fds", NUMBER, "descriptors from 3 on that the program inherits", 0),
    Flag("no-pivot", SWITCH, "accepted; the program's root is never one of the host's"),
    Flag("no-new-keyring", SWITCH, "accepted; the program has no keyring of the host"),
)  # fmt: skip


def one_id(arguments: list[str], usage: str) -> str:
    """The only argument. Raises: ControlError."""
    if len(arguments) != 1:
        raise ControlError(f"one container id is needed, not {len(arguments)} arguments; usage: {usage}")
    return arguments[0]


def prepare(settings: Settings, values: Values, identifier: str, command: str) -> Launch:
    """What the flags and the bundle describe. Raises: ControlError."""
    check_id(identifier)
    bundle = load_bundle(values.text("bundle"), identifier, settings)
    for warning in bundle.warnings:
        log.warn(settings, warning)
    extra = values.number("preserve-fds")
    return Launch(settings, bundle.config, bundle.exports, command, bundle, extra)


def check_console(launch: Launch, console: str, *, detached: bool) -> None:
    """Raises: ControlError if terminal and --console-socket do not belong together."""
    terminal = launch.config.process.terminal
    if console and not terminal:
        raise ControlError("--console-socket is given, but config.json: process.terminal is false")
    if terminal and detached and not console:
        raise ControlError("config.json: process.terminal is true: a detached container needs --console-socket")
    if console:
        from runsc.sandbox.console import check_socket

        check_socket(console)


def run(settings: Settings, values: Values, arguments: list[str]) -> int:
    """Returns when the container is created."""
    identifier = one_id(arguments, USAGE)
    launch = prepare(settings, values, identifier, "create")
    console = values.text("console-socket")
    check_console(launch, console, detached=True)
    folder = reserve(settings.root, identifier)
    start_monitor(launch, folder, values.text("pid-file"), console, run=False)
    return 0
