# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the native parts into a wheel; everything else is said in pyproject.toml.

The parts are made by the Makefile's own rules (one place for flags and order), then packed as package data. A wheel
so made needs neither cargo nor a compiler where it is installed.
"""

from __future__ import annotations

import subprocess
import sys

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

LIBRARY = "sentry/core/target/release/libpysc_core.a"


class BuildWithNativeParts(build_py):
    """``build_py`` that first makes the stub, the core, its extension and the filters."""

    def run(self) -> None:
        """Makes the native parts, then collects the packages."""
        subprocess.run(["make", "--no-print-directory", "stub", LIBRARY], check=True)
        subprocess.run([sys.executable, "-P", "build_core.py"], cwd="sentry/core", check=True)
        for module in ("gofer.filters", "sentry.platform.filters"):
            subprocess.run([sys.executable, "-m", module], check=True)
        super().run()


class PlatformDistribution(Distribution):
    """A distribution whose wheel is tied to the interpreter and the machine, as it holds machine code."""

    def has_ext_modules(self) -> bool:
        """True: the wheel is not pure."""
        return True


setup(
    distclass=PlatformDistribution,
    cmdclass={"build_py": BuildWithNativeParts},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},  # the core's extension keeps to the stable ABI
)
