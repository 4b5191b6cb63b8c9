"""Documents that can be checked are: every setting, every number's command, every link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_setting_is_documented() -> None:
    from hairme.common.management.commands.settings_reference import reference

    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == reference(), (
        "run: manage.py settings_reference > docs/settings.md"
    )


@pytest.mark.parametrize("document", PAGES, ids=lambda document: str(document.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", PAGES, ids=lambda document: str(document.relative_to(ROOT)))
def test_commands_that_pages_name_exist(document: Path) -> None:
    from django.core.management import get_commands

    known = set(get_commands())
    for name in re.findall(r"manage\.py ([a-z_]+)", document.read_text(encoding="utf-8")):
        assert name in known, f"{document.name} names manage.py {name}"
