"""Staff in the admin: what they change survives a reload, what would break the engine is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from recommendations.engine.vocabulary import FACE_SHAPES
from recommendations.models import Analysis, Cut, Recommendation, Style, StyleVector
from recommendations.selectors import entry_of, text_encoder
from recommendations.services.catalogue import load_catalogue as load
from recommendations.services.style_vectors import build_style_vectors
from tests.recommendations.pages import finished_analysis, load_styles, small_catalogue


@pytest.fixture
def styles(db: None) -> None:
    StyleVector.objects.all().delete()
    Style.objects.all().delete()
    Cut.objects.all().delete()
    load_styles()


def form_data(client: Client, address: str) -> dict[str, Any]:
    """What the browser would send of a page whose form nobody touched."""
    form = client.get(address).context["adminform"].form
    data: dict[str, Any] = {}
    for name, field in form.fields.items():
        value = form[name].value()
        if value is not None and value is not False:
            data[name] = value
        if field.show_hidden_initial:
            data[form[name].html_initial_name] = value
    return data


def save(client: Client, row: Style | Cut, **changes: Any) -> Any:
    address = reverse(f"admin:recommendations_{row._meta.model_name}_change", args=[row.pk])
    return client.post(address, {**form_data(client, address), **changes})


def faults(response: Any) -> dict[str, Any]:
    return dict(response.context["adminform"].form.errors)


def test_saving_an_untouched_form_marks_nothing(styles: None, admin_client: Client) -> None:
    style = Style.objects.select_related("cut").first()
    assert style is not None
    before = entry_of(style)
    assert save(admin_client, style).status_code == 302
    style = Style.objects.select_related("cut").get(pk=style.pk)
    assert (style.staff_edited, entry_of(style)) == ([], before)


def test_an_edit_survives_a_reload_until_the_action_forgets_it(styles: None, admin_client: Client) -> None:
    style = Style.objects.first()
    assert style is not None
    original = style.why_ko
    other = Cut.objects.exclude(pk=style.cut_id).first()
    assert other is not None
    assert save(admin_client, style, why_ko="직원이 고친 이유예요.", cut=other.pk).status_code == 302
    assert load(small_catalogue()).kept_by_staff == 2
    style.refresh_from_db()
    assert (style.why_ko, style.cut_id, style.staff_edited) == ("직원이 고친 이유예요.", other.pk, ["cut", "why_ko"])

    listing = reverse("admin:recommendations_style_changelist")
    admin_client.post(listing, {"action": "follow_catalogue", "_selected_action": [style.pk]})
    load(small_catalogue())
    style.refresh_from_db()
    assert (style.why_ko, style.staff_edited) == (original, [])
    assert style.cut_id != other.pk


def test_an_edited_cut_survives_too(styles: None, admin_client: Client) -> None:
    cut = Cut.objects.first()
    assert cut is not None
    assert save(admin_client, cut, name_ko="직원이 붙인 이름").status_code == 302
    load(small_catalogue())
    cut.refresh_from_db()
    assert (cut.name_ko, cut.staff_edited) == ("직원이 붙인 이름", ["name_ko"])


def test_a_style_that_staff_took_off_stays_off(styles: None, admin_client: Client) -> None:
    style = Style.objects.first()
    assert style is not None
    address = reverse("admin:recommendations_style_change", args=[style.pk])
    data = form_data(admin_client, address)
    data.pop("is_active")
    assert admin_client.post(address, data).status_code == 302
    load(small_catalogue())
    style.refresh_from_db()
    assert not style.is_active


def test_a_style_that_staff_added_is_offered_and_stays(
    styles: None, admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    build_style_vectors(text_encoder())
    model = Style.objects.first()
    assert model is not None
    data = form_data(admin_client, reverse("admin:recommendations_style_change", args=[model.pk]))
    own = {"slug": "staff-style", "name_ko": "우리 미용실 컷", "name_en": "Our salon cut", "aliases": ""}
    with django_capture_on_commit_callbacks(execute=True):
        response = admin_client.post(reverse("admin:recommendations_style_add"), {**data, **own})
    assert response.status_code == 302, faults(response)
    load(small_catalogue())
    style = Style.objects.get(slug="staff-style")
    assert style.is_active
    assert StyleVector.objects.filter(style=style, encoder=text_encoder().id).exists(), "search and scorer know it"


def test_changed_words_are_found_at_once(styles: None, admin_client: Client, django_capture_on_commit_callbacks: Any) -> None:
    build_style_vectors(text_encoder())
    style = Style.objects.first()
    assert style is not None
    before = StyleVector.objects.get(style=style).text_hash
    with django_capture_on_commit_callbacks(execute=True):
        save(admin_client, style, description_ko="아주 다른 설명이에요.")
    assert StyleVector.objects.get(style=style).text_hash != before


def test_with_a_heavy_encoder_staff_is_told_what_is_left_to_do(styles: None, admin_client: Client, settings: Any) -> None:
    settings.TEXT_ENCODER = "org/some-model"
    style = Style.objects.first()
    assert style is not None
    address = reverse("admin:recommendations_style_change", args=[style.pk])
    page = admin_client.post(address, form_data(admin_client, address), follow=True)
    assert any("build_style_embeddings" in str(message) for message in page.context["messages"])


@pytest.mark.parametrize(
    "flatters",
    ["{}", "[]", "null", '{"round": 2}', '{"heart": 9, "oblong": 0, "oval": 0, "round": 0, "square": 0}',
     '{"heart": true, "oblong": 0, "oval": 0, "round": 0, "square": 0}', '{"heart": 0.5, "oblong": 0, "oval": 0, "round": 0, "square": 0}'],
)  # fmt: skip
def test_flatters_that_the_rules_could_not_compute_with(flatters: str, styles: None, admin_client: Client) -> None:
    style = Style.objects.first()
    assert style is not None
    response = save(admin_client, style, flatters=flatters)
    assert response.status_code == 200
    assert "flatters" in faults(response)
    style.refresh_from_db()
    assert set(style.flatters) == set(FACE_SHAPES)


def test_words_outside_the_vocabulary_are_refused(styles: None, admin_client: Client) -> None:
    style = Style.objects.first()
    assert style is not None
    for field, value in (("length", "enormous"), ("effects", "flies"), ("presentations", ""), ("hair_types", "straight,green")):
        response = save(admin_client, style, **{field: value})
        assert response.status_code == 200, field
        assert field in faults(response)


def test_slug_is_fixed_and_nothing_is_deleted(styles: None, admin_client: Client) -> None:
    style = Style.objects.first()
    assert style is not None
    save(admin_client, style, slug="other-slug")
    assert Style.objects.get(pk=style.pk).slug == style.slug
    assert admin_client.post(reverse("admin:recommendations_style_delete", args=[style.pk]), {"post": "yes"}).status_code == 403
    cut = style.cut
    assert admin_client.post(reverse("admin:recommendations_cut_delete", args=[cut.pk]), {"post": "yes"}).status_code == 403


def test_what_was_shown_can_be_read_and_not_written(styles: None, admin_client: Client) -> None:
    analysis = finished_analysis()
    address = reverse("admin:recommendations_analysis_change", args=[analysis.pk])
    page = admin_client.get(address)
    html = page.content.decode()
    assert page.status_code == 200
    first = analysis.recommendations.get(rank=1)
    assert first.style_name in html
    assert '"measurements"' not in html, "the reading of a face is not for staff"
    assert admin_client.post(address, {}).status_code == 403
    for model in (Analysis, Recommendation):
        name = model._meta.model_name
        assert admin_client.get(reverse(f"admin:recommendations_{name}_changelist"), {"q": str(analysis.pk)}).status_code == 200
        assert admin_client.get(reverse(f"admin:recommendations_{name}_add")).status_code == 403


def test_only_staff_enters(styles: None, client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("visitor"))
    for name in ("style", "cut", "analysis", "recommendation"):
        assert client.get(reverse(f"admin:recommendations_{name}_changelist")).status_code == 302
