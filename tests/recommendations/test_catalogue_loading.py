"""The catalogue into the database: again and again, two at once, over staff's edits, through renamings and withdrawals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from recommendations.engine.catalogue import Bilingual, Catalogue, StyleEntry
from recommendations.models import Cut, Style, StyleVector
from recommendations.selectors import catalogue_snapshot, entry_of, styles_with_cut, text_encoder
from recommendations.services import catalogue as service
from recommendations.services.catalogue import LoadReport, NameTaken
from recommendations.services.catalogue import load_catalogue as load
from recommendations.services.style_vectors import build_style_vectors
from tests.recommendations.gemini_cases import catalogue


def small(count: int = 4) -> Catalogue:
    whole = catalogue()
    cuts = whole.cuts[:count]
    kept = {cut.slug for cut in cuts}
    return Catalogue(cuts, tuple(entry for entry in whole.entries if entry.cut in kept), "small")


def changed(data: Catalogue, **by_slug: Callable[[StyleEntry], StyleEntry]) -> Catalogue:
    return replace(data, entries=tuple(by_slug.get(e.slug.replace("-", "_"), lambda same: same)(e) for e in data.entries))


def key(entry: StyleEntry) -> str:
    return entry.slug.replace("-", "_")


@pytest.fixture
def empty(db: None) -> None:
    StyleVector.objects.all().delete()
    Style.objects.all().delete()
    Cut.objects.all().delete()


@pytest.fixture
def data(empty: None) -> Catalogue:
    loaded = small()
    assert load(loaded).created == len(loaded.entries)
    return loaded


def test_what_is_loaded_reads_back_as_the_same_entries(data: Catalogue) -> None:
    assert {style.slug: entry_of(style) for style in styles_with_cut()} == data.by_slug()
    assert set(Cut.objects.values_list("slug", flat=True)) == {cut.slug for cut in data.cuts}


def test_loading_again_changes_nothing(data: Catalogue) -> None:
    before = dict(Style.objects.values_list("slug", "updated_at")), dict(Cut.objects.values_list("slug", "updated_at"))
    assert load(data) == LoadReport(unchanged=len(data.entries))
    assert (dict(Style.objects.values_list("slug", "updated_at")), dict(Cut.objects.values_list("slug", "updated_at"))) == before


def test_changed_entry_is_updated(data: Catalogue) -> None:
    one = data.entries[0]
    new = changed(data, **{key(one): lambda e: replace(e, why=Bilingual("새 이유", "a new reason"), salon_weeks=9)})
    assert load(new) == LoadReport(updated=1, unchanged=len(data.entries) - 1)
    style = Style.objects.get(slug=one.slug)
    assert (style.why_ko, style.why_en, style.salon_weeks) == ("새 이유", "a new reason", 9)


def test_removed_style_is_withdrawn_and_comes_back(data: Catalogue) -> None:
    gone = data.entries[0].slug
    fewer = replace(data, entries=data.entries[1:])
    assert load(fewer) == LoadReport(unchanged=len(data.entries) - 1, withdrawn=1)
    assert not Style.objects.get(slug=gone).is_active
    assert gone not in set(Style.objects.offered().values_list("slug", flat=True))
    assert load(fewer).withdrawn == 0
    assert load(data).updated == 1
    assert Style.objects.get(slug=gone).is_active


def test_new_slug_may_take_the_name_of_the_old_one(data: Catalogue) -> None:
    one = data.entries[0]
    renamed = changed(data, **{key(one): lambda e: replace(e, slug="a-better-slug")})
    report = load(renamed)
    assert (report.created, report.withdrawn) == (1, 1)
    assert Style.objects.get(slug="a-better-slug").name_ko == one.name.ko
    old = Style.objects.get(slug=one.slug)
    assert old.name_ko == f"{one.slug} ({one.name.ko})"
    assert not old.is_active
    assert load(renamed).unchanged == len(data.entries)
    load(data)  # and back again
    assert Style.objects.get(slug=one.slug).name_ko == one.name.ko


def test_two_styles_may_swap_their_names(data: Catalogue) -> None:
    one, two = data.entries[:2]
    swapped = changed(data, **{key(one): lambda e: replace(e, name=two.name), key(two): lambda e: replace(e, name=one.name)})
    assert load(swapped).updated == 2
    assert dict(Style.objects.filter(slug__in=[one.slug, two.slug]).values_list("slug", "name_ko")) == {
        one.slug: two.name.ko,
        two.slug: one.name.ko,
    }
    assert load(swapped).unchanged == len(data.entries)


def test_two_cuts_may_swap_their_names(data: Catalogue) -> None:
    one, two, *rest = data.cuts
    load(replace(data, cuts=(replace(one, name=two.name), replace(two, name=one.name), *rest)))
    assert Cut.objects.get(slug=one.slug).name_ko == two.name.ko


def test_style_may_move_to_another_cut(data: Catalogue) -> None:
    one = data.entries[0]
    other = data.cuts[-1].slug
    assert load(changed(data, **{key(one): lambda e: replace(e, cut=other)})).updated == 1
    assert Style.objects.get(slug=one.slug).cut.slug == other


def test_name_that_staff_gave_to_another_style_is_a_sentence(data: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = data.entries[:2]
    Style.objects.filter(slug=two.slug).update(name_ko="직원이 정한 이름", staff_edited=["name_ko"])
    wanted = changed(data, **{key(one): lambda e: replace(e, name=Bilingual("직원이 정한 이름", e.name.en))})
    with pytest.raises(NameTaken, match=f"staff gave it to {two.slug}: rename"):
        load(wanted)
    assert Style.objects.get(slug=one.slug).name_ko == one.name.ko, "nothing is half loaded"
    monkeypatch.setattr("recommendations.management.commands.load_catalogue.load_catalogue", lambda: wanted)
    with pytest.raises(CommandError, match="rename"):
        call_command("load_catalogue")


def test_staff_edits_stay_whatever_the_catalogue_says(data: Catalogue) -> None:
    one = data.entries[0]
    other = Cut.objects.get(slug=data.cuts[-1].slug)
    Style.objects.filter(slug=one.slug).update(
        why_ko="직원의 말", cut=other, is_active=False, staff_edited=["cut", "is_active", "why_ko"]
    )
    report = load(changed(data, **{key(one): lambda e: replace(e, why=Bilingual("새 말", "new"))}))
    style = Style.objects.get(slug=one.slug)
    assert (style.why_ko, style.why_en, style.cut, style.is_active) == ("직원의 말", "new", other, False)
    assert report.kept_by_staff == 3


def test_staff_keeps_a_style_that_the_catalogue_dropped(data: Catalogue) -> None:
    one = data.entries[0]
    Style.objects.filter(slug=one.slug).update(staff_edited=["is_active"])
    assert load(replace(data, entries=data.entries[1:])).withdrawn == 0
    assert Style.objects.get(slug=one.slug).is_active


def test_a_load_that_fails_leaves_the_old_catalogue(data: Catalogue) -> None:
    bad = changed(data, **{key(data.entries[-1]): lambda e: replace(e, length="x" * 99)})
    bad = changed(bad, **{key(data.entries[0]): lambda e: replace(e, salon_weeks=51)})
    with pytest.raises(Exception, match="too long"):
        load(bad)
    connections["default"].set_rollback(False)


def test_command_says_what_it_did(empty: None) -> None:
    out = StringIO()
    call_command("load_catalogue", stdout=out)
    whole = catalogue()
    assert f"{len(whole.cuts)} cuts, {len(whole.entries)} styles; {len(whole.entries)} new" in out.getvalue()
    assert Style.objects.offered().count() == len(whole.entries) >= 471


@pytest.mark.django_db(transaction=True)
def test_two_loads_at_once_are_one() -> None:
    """Real connections: the second waits for the first and finds nothing to do."""
    Style.objects.all().delete()
    Cut.objects.all().delete()
    data, reports, faults = small(8), [], []
    gate = threading.Barrier(2)

    def run() -> None:
        try:
            gate.wait()
            reports.append(load(data))
        except Exception as error:
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sorted((report.created, report.unchanged) for report in reports) == [(0, len(data.entries)), (len(data.entries), 0)]
    assert Style.objects.count() == len(data.entries)


def test_vectors_are_made_once_and_renewed_where_the_text_changed(data: Catalogue) -> None:
    encoder, seen = text_encoder(), []
    assert build_style_vectors(encoder, batch=5, progress=lambda done, total: seen.append((done, total))) == len(data.entries)
    assert seen[-1] == (len(data.entries), len(data.entries))
    assert build_style_vectors(encoder) == 0
    style = Style.objects.get(slug=data.entries[0].slug)
    before = StyleVector.objects.get(style=style)
    style.description_ko = "아주 다른 머리예요"
    style.save()
    assert build_style_vectors(encoder) == 1
    after = StyleVector.objects.get(style=style)
    assert after.pk == before.pk
    assert after.text_hash != before.text_hash
    assert list(after.vector) != list(before.vector)


def test_encoder_of_another_size_is_refused(data: Catalogue) -> None:
    class Small:
        id, dim = "small@1", 64

        def encode(self, texts: Any) -> Any:
            raise AssertionError("must not be asked")

    with pytest.raises(ValueError, match="64 dimensions"):
        build_style_vectors(Small())


def test_the_engine_sees_edits_at_once(data: Catalogue) -> None:
    build_style_vectors(text_encoder())
    identity = text_encoder().id
    first = catalogue_snapshot(identity)
    assert catalogue_snapshot(identity) is first
    assert len(first.ids) == len(first.entries) == len(first.vectors) == len(data.entries)
    style = Style.objects.get(slug=data.entries[0].slug)
    style.is_active = False
    style.save()
    second = catalogue_snapshot(identity)
    assert style.pk not in second.ids
    cut = Cut.objects.get(slug=data.entries[-1].cut)
    cut.family = "another-family"
    cut.save()
    families = {entry.cut: entry.family for entry in catalogue_snapshot(identity).entries}
    assert families[cut.slug] == "another-family"


def test_fields_of_an_entry_cover_the_models_columns() -> None:
    """A column that the loader forgot would never follow the catalogue."""
    own = {field.name for field in Style._meta.concrete_fields} - {"id", "slug", "cut", "is_active", "staff_edited", "updated_at"}
    assert set(service.style_fields(catalogue().entries[0])) == own
