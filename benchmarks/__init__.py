# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: pysc beside native execution and other OCI runtimes, in one run.

Owns: the guest programs (guest/), the bundles they run from, the rows and the report. Nothing here is imported by
pysc itself. Rules of the measurements:

- Every row is measured for every runtime in each round before the next round starts (interleaved), so that a machine
  that warms up or is disturbed disturbs all of them alike. Reported are medians over the rounds, and ratios of them.
- All OCI runtimes get the same bundle: the host's /usr bound read-only, tmpfs on /tmp, the guests on /bench.
- Times inside a sandbox are taken by the guest itself; times of whole runs are wall-clock time from spawn to exit.
"""
