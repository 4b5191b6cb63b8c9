"""Korean is complete, says what the sources say, and is compiled; English needs no words of its own."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
APPS = ("hairme", "recommendations", "matching", "feedback", "mltraining")
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
LANGUAGES = ("ko", "en")


def catalogue(language: str) -> Path:
    return ROOT / "hairme" / "locale" / language / "LC_MESSAGES" / "django.po"


def read_po(path: Path) -> dict[str, dict[str, str]]:
    """msgid -> {"msgid_plural": ..., "msgstr" or "msgstr[n]": ..., "flags": ...}; the header is under ""."""
    entries: dict[str, dict[str, str]] = {}
    for block in re.split(r"\n\n+", path.read_text(encoding="utf-8").strip()):
        fields: dict[str, str] = {"flags": " ".join(re.findall(r"^#,(.*)$", block, re.M))}
        for name, quoted in re.findall(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) ((?:".*"\n?)+)', block, re.M):
            fields[name] = "".join(ast.literal_eval(line) for line in quoted.splitlines())
        entries[fields.pop("msgid")] = fields
    return entries


def strings_of_source() -> set[str]:
    """Every string that templates and Python mark for translation."""
    found: set[str] = set()
    for template in (ROOT / "templates").rglob("*.html"):
        marked = templatize(template.read_text(encoding="utf-8"), origin=str(template))
        for literal in re.findall(r"""gettext\(u('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", marked):
            found.add(ast.literal_eval(literal))
    for app in APPS:
        for file in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                    argument = node.args[0] if node.args else None
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        found.add(argument.value)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_holds_exactly_what_the_sources_say(language: str) -> None:
    source, stored = strings_of_source(), set(read_po(catalogue(language))) - {""}
    assert len(source) > 200
    assert source - stored == set(), "run makemessages and translate these"
    assert stored - source == set(), "no longer in the sources: run makemessages --no-obsolete"


def test_korean_is_complete() -> None:
    entries = read_po(catalogue("ko"))
    untranslated = [msgid for msgid, entry in entries.items() if not all(v for k, v in entry.items() if k.startswith("msgstr"))]
    assert untranslated == []
    assert [msgid for msgid, entry in entries.items() if "fuzzy" in entry["flags"]] == []


def test_korean_keeps_every_placeholder() -> None:
    for msgid, entry in read_po(catalogue("ko")).items():
        for name, text in entry.items():
            if msgid and name.startswith("msgstr"):
                wanted = set(re.findall(r"%\(\w+\)[sd]|\{\w+\}", msgid + entry.get("msgid_plural", "")))
                assert set(re.findall(r"%\(\w+\)[sd]|\{\w+\}", text)) == wanted, msgid


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogue_is_not_stale(language: str) -> None:
    po = catalogue(language)
    with po.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    expected: dict[object, str] = {}
    for msgid, entry in read_po(po).items():
        for name, text in entry.items():
            if name.startswith("msgstr") and text:
                expected[(msgid, int(name[7])) if "[" in name else msgid] = text
    assert {key: text for key, text in compiled.items() if key} == {key: text for key, text in expected.items() if key}


def test_the_promised_sentence() -> None:
    assert read_po(catalogue("ko"))["Your feedback has been saved"]["msgstr"] == "피드백이 저장되었습니다"
