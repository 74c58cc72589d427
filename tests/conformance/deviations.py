# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Cases in which pysc is meant to differ from Linux, each with the reason.

They are expected failures, strictly: one that begins to pass must be taken off. Whatever merely is not done yet has no
place here.
"""

from __future__ import annotations

from collections.abc import Mapping

#: (program, case): reason
DEVIATIONS: Mapping[tuple[str, str], str] = {
    ("signals", "SIGSYS_in_the_mask"): "the stub keeps SIGSYS for itself and strips it from every mask (DESIGN.md 2)",
}
