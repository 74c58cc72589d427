# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Cases in which pysc is meant to differ from Linux, each with the reason.

They are expected failures, strictly: one that begins to pass must be taken off. DEVIATIONS is what is meant to differ,
NOT_YET what is known to be wrong, each with what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping

#: (program, case): reason
DEVIATIONS: Mapping[tuple[str, str], str] = {
    ("signals", "SIGSYS_in_the_mask"): "the stub keeps SIGSYS for itself and strips it from every mask (DESIGN.md 2)",
}

#: (program, case): what is missing
NOT_YET: Mapping[tuple[str, str], str] = {
    ("inotify", "what_happens_to_a_file"): "IN_DELETE_SELF comes at the unlink, not after the last close",
    ("signalfd", "the_set_can_be_changed"): "a signal that was pending before the set wanted it is not seen",
    ("unix_stream", "waiting_bytes_and_nonblocking_ones"): "a full socket is noticed after a bad address (EFAULT)",
}
