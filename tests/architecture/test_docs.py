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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_pages_name_exist(page: Path) -> None:
    from django.core.management import get_commands

    known = set(get_commands())
    for name in re.findall(r"manage\.py ([a-z_]+)", page.read_text(encoding="utf-8")):
        assert name in known, f"{page.name} names manage.py {name}"
