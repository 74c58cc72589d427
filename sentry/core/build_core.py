# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Builds sentry.core._core, the cffi extension (API mode) around the static library of the Rust crate.

`python sentry/core/build_core.py` after `cargo build --release` leaves the extension beside this file. The header is
written once (pysc_core.h): cffi reads the very text that the C compiler reads.
"""

from __future__ import annotations

import pathlib
import sys

from cffi import FFI

HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = HERE / "target" / "release" / "libpysc_core.a"

ffibuilder = FFI()
ffibuilder.cdef((HERE / "pysc_core.h").read_text())
ffibuilder.set_source(
    "sentry.core._core",
    '#include <stdint.h>\n#include "pysc_core.h"\n',
    include_dirs=[str(HERE)],
    extra_objects=[str(LIBRARY)],
    extra_compile_args=["-O2", "-Wall"],
    extra_link_args=["-Wl,--gc-sections", "-Wl,--exclude-libs,ALL", "-Wl,-s"],
    depends=[str(HERE / "pysc_core.h"), str(LIBRARY)],
    py_limited_api=True,
)

if __name__ == "__main__":
    if not LIBRARY.exists():
        sys.exit(f"{LIBRARY} is missing: run `cargo build --release --offline` in {HERE} first")
    ffibuilder.compile(tmpdir=str(HERE.parent.parent), verbose=False)
