"""The shipped catalogue keeps its promises, and the validator really reports each kind of fault."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml

from recommendations.engine import vocabulary as v
from recommendations.engine.catalogue import (
    CATALOGUE_DIR,
    MULTIPLE,
    SINGLE,
    TEXTS,
    Catalogue,
    CatalogueError,
    StyleEntry,
    load_catalogue,
    normalise_name,
)

HANGUL = re.compile(r"[가-힣]")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def wearable_by(entry: StyleEntry, presentation: str) -> bool:
    """Whether someone who asked for ``presentation`` may be shown ``entry``: a genderless one suits everyone."""
    return presentation in entry.presentations or "any" in entry.presentations


# --- the shipped data -------------------------------------------------------------------------------------------------


def test_size(catalogue: Catalogue) -> None:
    assert len(catalogue.entries) >= 471
    assert 100 <= len(catalogue.cuts) <= 130


def test_slugs_are_unique_and_url_safe(catalogue: Catalogue) -> None:
    entries = [entry.slug for entry in catalogue.entries]
    cuts = [cut.slug for cut in catalogue.cuts]
    assert len(set(entries)) == len(entries)
    assert len(set(cuts)) == len(cuts)
    assert [slug for slug in (*entries, *cuts) if not SLUG.fullmatch(slug)] == []


@pytest.mark.parametrize("language", ["ko", "en"])
def test_names_are_unique_in_each_language(catalogue: Catalogue, language: str) -> None:
    entries = Counter(normalise_name(entry.name[language]) for entry in catalogue.entries)
    cuts = Counter(normalise_name(cut.name[language]) for cut in catalogue.cuts)
    assert [name for name, n in entries.items() if n > 1] == []
    assert [name for name, n in cuts.items() if n > 1] == []


def test_every_attribute_is_in_its_vocabulary(catalogue: Catalogue) -> None:
    for entry in catalogue.entries:
        for name, words in SINGLE.items():
            assert getattr(entry, name) in words, (entry.slug, name)
        for name, words in MULTIPLE.items():
            values = getattr(entry, name)
            assert values, (entry.slug, name)
            assert set(values) <= set(words), (entry.slug, name)
        assert set(entry.flatters) == set(v.FACE_SHAPES), entry.slug
        assert all(type(score) is int and -2 <= score <= 2 for score in entry.flatters.values()), entry.slug


@pytest.mark.parametrize("attribute", list(SINGLE) + list(MULTIPLE))
def test_every_word_of_the_vocabulary_is_used(catalogue: Catalogue, attribute: str) -> None:
    """A filter or rule that names a word no entry carries could never match."""
    used: set[str] = set()
    for entry in catalogue.entries:
        value = getattr(entry, attribute)
        used.update([value] if isinstance(value, str) else value)
    assert set({**SINGLE, **MULTIPLE}[attribute]) - used == set()


def test_a_name_or_alias_leads_to_one_cut(catalogue: Catalogue) -> None:
    leads_to: dict[str, set[str]] = defaultdict(set)
    for cut in catalogue.cuts:
        for name in (cut.name.ko, cut.name.en, *cut.aliases):
            leads_to[normalise_name(name)].add(cut.slug)
    for entry in catalogue.entries:
        for name in (entry.name.ko, entry.name.en, *entry.aliases):
            leads_to[normalise_name(name)].add(entry.cut)
    assert "" not in leads_to
    assert {name: cuts for name, cuts in leads_to.items() if len(cuts) > 1} == {}


def test_an_alias_leads_to_one_entry(catalogue: Catalogue) -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for entry in catalogue.entries:
        for name in (entry.name.ko, entry.name.en, *entry.aliases):
            owners[normalise_name(name)].add(entry.slug)
    assert {name: slugs for name, slugs in owners.items() if len(slugs) > 1} == {}


def test_every_cut_has_entries_and_is_reachable_from_each_presentation_it_claims(catalogue: Catalogue) -> None:
    by_cut: dict[str, list[StyleEntry]] = defaultdict(list)
    for entry in catalogue.entries:
        by_cut[entry.cut].append(entry)
    assert set(by_cut) == {cut.slug for cut in catalogue.cuts}
    for cut in catalogue.cuts:
        assert cut.presentations, cut.slug
        for presentation in cut.presentations:
            assert any(presentation in entry.presentations for entry in by_cut[cut.slug]), (cut.slug, presentation)


def test_no_two_entries_mean_the_same(catalogue: Catalogue) -> None:
    seen = Counter(entry.signature() for entry in catalogue.entries)
    assert [signature for signature, n in seen.items() if n > 1] == []


@pytest.mark.parametrize("presentation", ["feminine", "masculine"])
@pytest.mark.parametrize("length", list(v.LENGTHS))
def test_every_length_offers_five_cuts_to_each_presentation(catalogue: Catalogue, length: str, presentation: str) -> None:
    cuts = {e.cut for e in catalogue.entries if e.length == length and wearable_by(e, presentation)}
    assert len(cuts) >= 5, sorted(cuts)


@pytest.mark.parametrize("presentation", ["feminine", "masculine"])
@pytest.mark.parametrize("hair_type", list(v.HAIR_TYPES))
def test_every_hair_type_offers_five_cuts_to_each_presentation(catalogue: Catalogue, hair_type: str, presentation: str) -> None:
    assert len({e.cut for e in catalogue.entries if hair_type in e.hair_types and wearable_by(e, presentation)}) >= 5


@pytest.mark.parametrize("presentation", ["feminine", "masculine"])
@pytest.mark.parametrize("upkeep", list(v.UPKEEPS))
def test_every_upkeep_offers_five_cuts_to_each_presentation(catalogue: Catalogue, upkeep: str, presentation: str) -> None:
    assert len({e.cut for e in catalogue.entries if e.upkeep == upkeep and wearable_by(e, presentation)}) >= 5


@pytest.mark.parametrize("shape", list(v.FACE_SHAPES))
def test_every_face_shape_has_styles_made_for_it_and_against_it(catalogue: Catalogue, shape: str) -> None:
    scores = [entry.flatters[shape] for entry in catalogue.entries]
    assert max(scores) == 2
    assert min(scores) <= 0
    assert len(set(scores)) >= 3


def test_texts_are_present_and_in_their_language(catalogue: Catalogue) -> None:
    for entry in catalogue.entries:
        for text in TEXTS:
            bilingual = getattr(entry, text)
            assert len(bilingual.ko.strip()) >= 10, (entry.slug, text)
            assert len(bilingual.en.strip()) >= 20, (entry.slug, text)
            assert HANGUL.search(bilingual.ko), (entry.slug, text)
            assert not HANGUL.search(bilingual.en), (entry.slug, text)
            assert bilingual.ko != bilingual.en, (entry.slug, text)
        assert HANGUL.search(entry.name.ko) or entry.name.ko.isupper(), entry.slug
        assert not HANGUL.search(entry.name.en), entry.slug


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_two_entries_share_a_description(catalogue: Catalogue, language: str) -> None:
    seen = Counter(entry.description[language] for entry in catalogue.entries)
    assert [text for text, n in seen.items() if n > 1] == []


@pytest.mark.parametrize(
    ("shape", "helps", "hurts"),
    [
        ("round", "lengthens_face", "adds_width"),
        ("round", "adds_height", "shortens_face"),
        ("round", "slims_cheeks", "adds_width"),
        ("oblong", "shortens_face", "lengthens_face"),
        ("oblong", "adds_width", "adds_height"),
        ("oblong", "covers_forehead", "opens_forehead"),
        ("square", "softens_jaw", "sharpens_jaw"),
        ("heart", "fills_chin", "sharpens_jaw"),
        ("heart", "covers_forehead", "opens_forehead"),
    ],
)
def test_flattery_agrees_with_the_effects(catalogue: Catalogue, shape: str, helps: str, hurts: str) -> None:
    """The craft's rule of opposites, over the catalogue: what a shape lacks flatters it more than what it has enough of."""

    def mean_score(effect: str) -> float:
        return fmean(entry.flatters[shape] for entry in catalogue.entries if effect in entry.effects)

    assert mean_score(helps) > mean_score(hurts) + 0.25


@pytest.mark.parametrize(
    ("first", "second"),
    [("lengthens_face", "shortens_face"), ("covers_forehead", "opens_forehead"), ("softens_jaw", "sharpens_jaw")],
)
def test_no_entry_claims_opposite_effects(catalogue: Catalogue, first: str, second: str) -> None:
    assert [entry.slug for entry in catalogue.entries if {first, second} <= set(entry.effects)] == []


def test_curls_without_a_perm_are_not_promised_to_straight_hair(catalogue: Catalogue) -> None:
    wrong = [
        entry.slug
        for entry in catalogue.entries
        if entry.texture in ("curly", "coily") and entry.perm == "none" and "straight" in entry.hair_types
    ]
    assert wrong == []


def test_names_people_ask_for_first(catalogue: Catalogue) -> None:
    """Clients of the API send these names; they must stay entries under exactly this spelling."""
    names = {entry.name.ko: entry.name.en for entry in catalogue.entries}
    assert names["레이어드 컷"] == "Long layers"
    assert names["허쉬컷"] == "Hush cut"
    assert names["울프컷"] == "Wolf cut"


def test_revision_follows_the_files(tmp_path: Path, catalogue: Catalogue) -> None:
    for path in CATALOGUE_DIR.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert load_catalogue(tmp_path).revision == catalogue.revision
    changed = tmp_path / sorted(path.name for path in tmp_path.iterdir())[0]
    changed.write_bytes(changed.read_bytes() + b"\n# a later remark\n")
    assert load_catalogue(tmp_path).revision != catalogue.revision


# --- the validator ----------------------------------------------------------------------------------------------------


def small_cut(slug: str, word: str) -> dict[str, Any]:
    """A sound cut with two entries, its names built from ``word``."""
    return {
        "slug": slug,
        "family": "test",
        "name_ko": f"{word} 컷",
        "name_en": f"{word} cut",
        "aliases": [f"{word} haircut"],
        "defaults": {
            "length": "long",
            "fringe": "none",
            "layers": "subtle",
            "sides": "full",
            "texture": "straight",
            "perm": "none",
            "volume": "natural",
            "parting": "centre",
            "arrangement": "loose",
            "upkeep": "low",
            "presentations": ["feminine"],
            "hair_types": ["straight", "wavy"],
            "densities": ["medium"],
            "effects": ["slims_cheeks"],
            "flatters": dict.fromkeys(v.FACE_SHAPES, 1),
            "salon_weeks": 8,
            "daily_minutes": 5,
            **{f"{text}_ko": f"{word} 설명이에요." for text in TEXTS},
            **{f"{text}_en": f"What {word} is." for text in TEXTS},
        },
        "entries": [
            {"slug": f"{slug}-plain", "name_ko": f"{word} 기본", "name_en": f"{word} plain", "aliases": [f"{word} 플레인"]},
            {"slug": f"{slug}-fringe", "name_ko": f"{word} 뱅", "name_en": f"{word} with fringe", "fringe": "full"},
        ],
    }


def load(folder: Path, *cuts: dict[str, Any]) -> Catalogue:
    (folder / "10-test.yaml").write_text(yaml.safe_dump(list(cuts), allow_unicode=True), encoding="utf-8")
    return load_catalogue(folder)


def test_validator_accepts_a_sound_catalogue_and_merges_defaults(tmp_path: Path) -> None:
    catalogue = load(tmp_path, small_cut("alpha", "알파"), small_cut("beta", "베타"))
    assert [cut.slug for cut in catalogue.cuts] == ["alpha", "beta"]
    plain, fringe = catalogue.by_slug()["alpha-plain"], catalogue.by_slug()["alpha-fringe"]
    assert (plain.fringe, fringe.fringe) == ("none", "full")
    assert plain.length == fringe.length == "long"
    assert plain.why["ko"] == "알파 설명이에요."
    assert catalogue.cuts[0].presentations == ("feminine",)


Fault = Callable[[dict[str, Any], dict[str, Any]], None]


def same_entry_slug(a: dict[str, Any], b: dict[str, Any]) -> None:
    b["entries"][0]["slug"] = a["entries"][0]["slug"]


def same_cut_slug(a: dict[str, Any], b: dict[str, Any]) -> None:
    b["slug"] = a["slug"]


def same_korean_name(a: dict[str, Any], b: dict[str, Any]) -> None:
    b["entries"][0]["name_ko"] = a["entries"][0]["name_ko"]


def same_english_name_but_for_case_and_hyphen(a: dict[str, Any], b: dict[str, Any]) -> None:
    b["entries"][0]["name_en"] = a["entries"][0]["name_en"].upper().replace(" ", "-")


def alias_shared_by_two_cuts(a: dict[str, Any], b: dict[str, Any]) -> None:
    b["aliases"] = [a["aliases"][0]]


def alias_of_one_cut_names_another(a: dict[str, Any], b: dict[str, Any]) -> None:
    b["entries"][0]["aliases"] = [a["name_en"]]


def alias_shared_by_two_entries(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][1]["aliases"] = list(a["entries"][0]["aliases"])


def alias_names_a_sibling(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][1]["aliases"] = [a["entries"][0]["name_ko"]]


def same_meaning(a: dict[str, Any], b: dict[str, Any]) -> None:
    del a["entries"][1]["fringe"]


def unknown_single_word(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["defaults"]["length"] = "knee"


def unknown_listed_word(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][0]["effects"] = ["slims_cheeks", "adds_sparkle"]


def repeated_word(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][0]["densities"] = ["fine", "fine"]


def missing_text(a: dict[str, Any], b: dict[str, Any]) -> None:
    del a["defaults"]["cost_en"]


def empty_text(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][0]["why_ko"] = ""


def empty_list(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][0]["presentations"] = []


def missing_face_shape(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][0]["flatters"] = {"round": 1}


def flattery_out_of_range(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][0]["flatters"] = dict.fromkeys(v.FACE_SHAPES, 3)


def too_many_weeks(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][0]["salon_weeks"] = 53


def unknown_entry_key(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["entries"][0]["colour"] = "red"


def unknown_cut_key(a: dict[str, Any], b: dict[str, Any]) -> None:
    a["colour"] = "red"


def missing_defaults(a: dict[str, Any], b: dict[str, Any]) -> None:
    del a["defaults"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (same_entry_slug, "slug 'alpha-plain' is used twice"),
        (same_cut_slug, "cut slug 'alpha' is used twice"),
        (same_korean_name, "name_ko '알파기본' is used 2 times"),
        (same_english_name_but_for_case_and_hyphen, "name_en '알파plain' is used 2 times"),
        (alias_shared_by_two_cuts, "name or alias '알파haircut' leads to several cuts: ['alpha', 'beta']"),
        (alias_of_one_cut_names_another, "name or alias '알파cut' leads to several cuts: ['alpha', 'beta']"),
        (alias_shared_by_two_entries, "alias '알파플레인' is ambiguous between entries"),
        (alias_names_a_sibling, "alias '알파기본' is ambiguous between entries"),
        (same_meaning, "alpha-fringe means the same as alpha-plain"),
        (unknown_single_word, "alpha/alpha-plain: length='knee' is not one of"),
        (unknown_listed_word, "alpha/alpha-plain: effects holds 'adds_sparkle', not one of"),
        (repeated_word, "alpha/alpha-plain: densities repeats a word"),
        (missing_text, "alpha/alpha-fringe: lacks cost_en"),
        (empty_text, "alpha/alpha-plain: lacks why_ko"),
        (empty_list, "alpha/alpha-plain: lacks presentations"),
        (missing_face_shape, "alpha/alpha-plain: flatters needs each of"),
        (flattery_out_of_range, "alpha/alpha-plain: flatters needs each of"),
        (too_many_weeks, "alpha/alpha-plain: salon_weeks must be 1-52"),
        (unknown_entry_key, "alpha/alpha-plain: unknown key colour"),
        (unknown_cut_key, "10-test.yaml: alpha: unknown keys ['colour']"),
        (missing_defaults, "10-test.yaml: alpha: lacks defaults"),
    ],
)
def test_validator_reports(tmp_path: Path, fault: Fault, message: str) -> None:
    first, second = small_cut("alpha", "알파"), small_cut("beta", "베타")
    fault(first, second)
    with pytest.raises(CatalogueError) as raised:
        load(tmp_path, first, second)
    assert message in str(raised.value)


def test_validator_names_all_faults_at_once(tmp_path: Path) -> None:
    first, second = small_cut("alpha", "알파"), small_cut("beta", "베타")
    first["entries"][0]["length"] = "knee"
    second["entries"][1]["perm"] = "magic"
    with pytest.raises(CatalogueError) as raised:
        load(tmp_path, first, second)
    assert "2 faults" in str(raised.value)
    assert "knee" in str(raised.value)
    assert "magic" in str(raised.value)


def test_validator_looks_across_files(tmp_path: Path) -> None:
    for name in ("10-first.yaml", "20-second.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump([small_cut("alpha", "알파")], allow_unicode=True), encoding="utf-8")
    with pytest.raises(CatalogueError, match="cut slug 'alpha' is used twice"):
        load_catalogue(tmp_path)
