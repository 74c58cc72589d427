# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""scripts/install.py: the launcher's first line, and files that change only when they must."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scripts.install import SHEBANG_LIMIT, requirements, shebang, write_atomically


def test_the_interpreter_is_named_directly() -> None:
    assert shebang("/x/bin/python") == "#!/x/bin/python -IS"


def test_a_path_that_no_kernel_reads_goes_through_the_shell(tmp_path: Path) -> None:
    for folder in ("with space", "it's", "l" * SHEBANG_LIMIT):
        python = tmp_path / folder / "python"
        python.parent.mkdir()
        python.symlink_to(sys.executable)
        script = tmp_path / folder / "script"
        script.write_text(shebang(str(python)) + "\nimport sys\nprint(sys.argv[1:], sys.flags.isolated)\n")
        script.chmod(0o755)
        done = subprocess.run([script, "a b"], capture_output=True, text=True, check=True)
        assert done.stdout == "['a b'] 1\n"


def test_an_equal_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "one", 0o755)
    inode = path.stat().st_ino
    write_atomically(path, "one", 0o755)
    assert path.stat().st_ino == inode
    write_atomically(path, "two", 0o644)
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o644


def test_test_requirements_contain_the_others() -> None:
    assert set(requirements(False)) < set(requirements(True))
    assert any(line.startswith("pytest") for line in requirements(True))
