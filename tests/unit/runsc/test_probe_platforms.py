# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Which platform is chosen, and what is said when there is none."""

from __future__ import annotations

import os

import pytest

from runsc import probe
from sentry.control.errors import ControlError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which both platforms run."""
    names = os.uname_result(("Linux", "host", "6.18.1", "", "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: names)
    monkeypatch.setattr(probe, "has_seccomp_notifier", lambda: True)
    monkeypatch.setattr(probe, "user_namespaces_refused", lambda privileged: "")
    monkeypatch.setattr(probe, "_switch", lambda name: "1")
    return monkeypatch


@pytest.mark.parametrize(("asked", "chosen"), [("auto", "notify"), ("notify", "notify"), ("ptrace", "ptrace")])
def test_both_can_run(machine: pytest.MonkeyPatch, asked: str, chosen: str) -> None:
    assert probe.choose_platform(asked, privileged=True) == chosen


def test_without_a_notifier_auto_traces_and_notify_says_why_not(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(probe, "has_seccomp_notifier", lambda: False)
    assert probe.choose_platform("auto", privileged=True) == "ptrace"
    with pytest.raises(ControlError, match=r"no seccomp user notification; try --platform=ptrace"):
        probe.choose_platform("notify", privileged=True)


def test_a_host_that_forbids_tracing(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(probe, "_switch", lambda name: "3")
    with pytest.raises(ControlError, match=r"platform ptrace cannot run here: .*ptrace_scope is 3"):
        probe.choose_platform("ptrace", privileged=True)
    assert probe.choose_platform("auto", privileged=True) == "notify"
    machine.setattr(probe, "has_seccomp_notifier", lambda: False)
    with pytest.raises(ControlError, match=r"no platform can run here: notify: .*; ptrace: "):
        probe.choose_platform("auto", privileged=True)
