# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The generated pages are those that the code makes, and say what is in its lists."""

from __future__ import annotations

import pytest

from gofer import filters as gofer_filters
from scripts import generate_docs
from sentry import jail
from sentry.platform.delegated import DELEGATED


@pytest.mark.parametrize("name", sorted(generate_docs.PAGES))
def test_a_generated_page_is_fresh(name: str) -> None:
    assert (generate_docs.DOCS / name).read_text() == generate_docs.PAGES[name](), "run `make docs`"


def test_every_way_to_the_host_is_in_the_security_page() -> None:
    text = (generate_docs.DOCS / "security.md").read_text()
    tasks, sentry, gofer = (part.partition("<!-- end -->")[0] for part in text.split("<!-- generated: ")[1:])
    for entry in DELEGATED:
        assert f"| `{entry.name}` |" in tasks
        assert entry.reason in tasks
        for condition in entry.conditions:
            assert f"{condition.value:#x}" in tasks
    for name in jail.ALLOWED:
        assert f"| `{name}` |" in sentry
    for name, _, _ in gofer_filters.ALLOWED:
        assert f"| `{name}` |" in gofer


def test_every_decision_note_has_its_number() -> None:
    notes = sorted(path.name for path in (generate_docs.DOCS / "decisions").glob("*.md"))
    numbers = [int(name[:4]) for name in notes]
    assert numbers == list(range(1, len(notes) + 1)), notes
