# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Can a sandbox run on this machine? One line that says what is missing, before anything is started."""

from __future__ import annotations

import os

from runsc.sandbox.linux import has_seccomp_notifier
from sentry.control.errors import ControlError

NEEDED_KERNEL = (5, 19)  # SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
NEEDED_TO_TRACE = (5, 12)  # mount_setattr(2)
_NO_TRACING = "3"

_SWITCHES = (
    # file of /proc/sys, the value that forbids, what to do
    ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"),
    ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
)


def kernel_version(release: str) -> tuple[int, int]:
    """(6, 18) of "6.18.44-generic"; (0, 0) if it does not look like that."""
    major, _, rest = release.partition(".")
    digits = ""
    for character in rest:
        if not character.isdigit():
            break
        digits += character
    return (int(major), int(digits)) if major.isdigit() and digits else (0, 0)


def _switch(name: str) -> str:
    try:
        with open(f"/proc/sys/{name}") as file:
            return file.read(32).strip()
    except OSError:
        return ""


def user_namespaces_refused(privileged: bool) -> str:
    """Why user namespaces cannot be made here, as far as the kernel's switches tell; "" if they do not."""
    for name, forbidding, remedy in _SWITCHES if not privileged else _SWITCHES[:1]:
        if _switch(name) == forbidding:
            return f'/proc/sys/{name} is {forbidding}; as root: "{remedy}"'
    return ""


def tracing_refused(release: str) -> str:
    """Why platform ptrace cannot run here, "" if nothing is known against it."""
    if kernel_version(release) < NEEDED_TO_TRACE:
        return f"it needs Linux {NEEDED_TO_TRACE[0]}.{NEEDED_TO_TRACE[1]} or later, this is {release}"
    if _switch("kernel/yama/ptrace_scope") == _NO_TRACING:
        return "/proc/sys/kernel/yama/ptrace_scope is 3, which forbids tracing until the next boot"
    return ""


def choose_platform(asked: str, privileged: bool) -> str:
    """The platform to run on: "notify" unless something speaks against it, else "ptrace".

    Raises: ControlError if it cannot run here, with the reason.
    """
    system, _, release, _, machine = os.uname()
    if system != "Linux" or machine != "x86_64":
        raise ControlError(f"this machine is {system} on {machine}; pysc needs Linux on x86_64")
    if not os.path.exists("/proc/self/fd"):
        raise ControlError("/proc is not mounted here, and pysc needs it; mount -t proc proc /proc")
    refused = user_namespaces_refused(privileged)
    if refused:
        raise ControlError(f"no user namespaces can be made here, and pysc needs them: {refused}")
    reason = ""
    if kernel_version(release) < NEEDED_KERNEL:
        reason = f"it needs Linux {NEEDED_KERNEL[0]}.{NEEDED_KERNEL[1]} or later, this is {release}"
    elif not has_seccomp_notifier():
        reason = "this kernel (or the container around pysc) offers no seccomp user notification"
    if asked != "ptrace" and not reason:
        return "notify"
    if asked == "notify":
        raise ControlError(f"platform notify cannot run here: {reason}; try --platform=ptrace, which is slower")
    traceless = tracing_refused(release)
    if traceless and asked == "ptrace":
        raise ControlError(f"platform ptrace cannot run here: {traceless}")
    if traceless:
        raise ControlError(f"no platform can run here: notify: {reason}; ptrace: {traceless}")
    return "ptrace"
