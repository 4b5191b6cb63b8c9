"""What a person says of their reading: how it is weighed, kept, undone and shown."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from feedback.models import Reaction
from feedback.services import react, reactions_of, take_back
from hairme.common.errors import ApplicationError
from hairme.common.models import Job
from recommendations.engine import corrections
from recommendations.engine.types import FaceReading
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS
from recommendations.models import Analysis, ReadingCorrection, Recommendation
from recommendations.selectors import revision_state, said_about
from recommendations.services.corrections import correct as say
from recommendations.services.corrections import take_back as unsay
from tests.recommendations.pages import Page, astronaut_reading, finished_analysis, load_styles


def measured(season: tuple[float, float, float, float] = (0.3, 0.3, 0.2, 0.2), **changes: Any) -> FaceReading:
    """The astronaut's reading with given season probabilities (spring, summer, autumn, winter)."""
    data = json.loads(json.dumps(astronaut_reading()))
    p = dict(zip(SEASONS, season, strict=True))
    data["colour"]["season"] = {"probabilities": p, "label": max(p, key=lambda name: p[name]), "decision": "unsure"}
    data["colour"]["warm_cool"] = {"value": 0.02, "low": -0.3, "high": 0.4}
    data["quality"]["issues"] = [{"code": code, "severity": "warn"} for code in changes.get("warnings", ())]
    return FaceReading.from_json(data)


def warm(reading: FaceReading) -> float:
    return reading.colour.season.probabilities["spring"] + reading.colour.season.probabilities["autumn"]


# The engine -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", FACE_SHAPES)
def test_corrected_face_shape_is_near_certain_and_the_rest_keeps_its_proportions(shape: str) -> None:
    before = measured().face_shape.probabilities
    after = corrections.correct(measured(), {"face_shape": shape}).face_shape
    assert (after.label, after.decision) == (shape, "clear")
    assert after.confidence == after.probabilities[shape] == corrections.CERTAIN
    assert sum(after.probabilities.values()) == pytest.approx(1)
    one, two, *_rest = [name for name in FACE_SHAPES if name != shape]
    assert after.probabilities[one] * before[two] == pytest.approx(after.probabilities[two] * before[one])
    assert after.second == max((n for n in FACE_SHAPES if n != shape), key=lambda n: after.probabilities[n])


@pytest.mark.parametrize("season", SEASONS)
def test_corrected_season_is_near_certain_and_its_axis_agrees(season: str) -> None:
    colour = corrections.correct(measured(), {"season": season}).colour
    assert colour.season.label == season
    assert colour.season.probabilities[season] == pytest.approx(corrections.CERTAIN)
    assert (colour.warm_cool.value >= 0) == (season in ("spring", "autumn"))
    assert colour.warm_cool.low <= colour.warm_cool.value <= colour.warm_cool.high


@pytest.mark.parametrize(
    ("field", "word", "ratio"),
    [
        ("vein", "green", 2.0),
        ("vein", "blue_purple", 0.5),
        ("vein", "both", 1.0),
        ("jewellery", "gold", 1.7),
        ("jewellery", "both", 1),
    ],
)
def test_answers_move_the_odds_of_warm_by_their_stated_likelihood_ratio(field: str, word: str, ratio: float) -> None:
    before, after = warm(measured()), warm(corrections.correct(measured(), {field: word}))
    assert after / (1 - after) == pytest.approx(ratio * before / (1 - before))


def test_agreeing_answers_count_together_and_contrary_ones_cancel() -> None:
    cool = {"vein": "blue_purple", "jewellery": "silver", "tanning": "burns"}
    assert corrections.correct(measured(), {"vein": "blue_purple"}).colour.season.label == "summer"
    assert warm(corrections.correct(measured(), cool)) < warm(corrections.correct(measured(), {"vein": "blue_purple"})) < 0.5
    both = corrections.correct(measured(), {"vein": "green", "jewellery": "silver"})
    assert warm(both) / (1 - warm(both)) == pytest.approx(2.0 / 1.7)


def test_answers_never_weigh_as_much_as_a_correction() -> None:
    """Not even all three, on top of the surest reading that a photo can give."""
    sure = measured((0.44, 0.06, 0.44, 0.06))
    for vein, jewellery, tanning in product(*corrections.ANSWERS.values()):
        said = {"vein": vein, "jewellery": jewellery, "tanning": tanning}
        assert max(warm(r := corrections.correct(sure, said)), 1 - warm(r)) < corrections.CERTAIN
        assert sum(r.colour.season.probabilities.values()) == pytest.approx(1)
        assert -1 <= r.colour.warm_cool.low <= r.colour.warm_cool.value <= r.colour.warm_cool.high <= 1


def test_answers_lift_unsure_to_mixed_but_never_to_clear() -> None:
    said = {"vein": "green", "jewellery": "gold", "tanning": "tans"}
    assert corrections.correct(measured((0.25, 0.25, 0.25, 0.25)), {"vein": "both"}).colour.season.decision == "unsure"
    assert corrections.correct(measured((0.2, 0.15, 0.45, 0.2)), said).colour.season.decision == "mixed"


def test_colours_without_colour_count_for_nothing_beside_an_answer() -> None:
    grey = corrections.correct(measured((0.85, 0.05, 0.05, 0.05), warnings=("no_colour",)), {"vein": "blue_purple"})
    tinted = corrections.correct(measured((0.85, 0.05, 0.05, 0.05), warnings=("colour_cast",)), {"vein": "blue_purple"})
    fair = corrections.correct(measured((0.85, 0.05, 0.05, 0.05)), {"vein": "blue_purple"})
    assert warm(grey) == pytest.approx(1 / 3)
    assert warm(grey) < warm(tinted) < warm(fair)


def test_named_skin_has_the_angle_of_its_class_and_moves_the_depth() -> None:
    for skin, angle in corrections.SKIN_ITA.items():
        colour = corrections.correct(measured(), {"skin": skin}).colour
        assert colour.ita == pytest.approx(angle, abs=0.5)
    deep = corrections.correct(measured(), {"skin": "dark"}).colour
    light = corrections.correct(measured(), {"skin": "very_light"}).colour
    assert deep.light_deep.value < 0 < light.light_deep.value
    assert deep.lab[0] < light.lab[0]


def test_named_hair_is_the_hair_of_the_drawings_and_its_contrast_counts() -> None:
    black, blonde = (corrections.correct(measured(), {"hair": word}).colour for word in ("black", "blonde"))
    assert black.hair_lab == corrections.HAIR_LAB["black"]

    def deep(p: Any) -> float:
        return p["autumn"] + p["winter"]

    assert deep(black.season.probabilities) > deep(blonde.season.probabilities)


def test_what_was_not_spoken_of_stays_as_measured() -> None:
    before = measured()
    after = corrections.correct(before, {"face_shape": "heart"})
    assert (after.colour, after.measurements, after.quality, after.features) == (
        before.colour,
        before.measurements,
        before.quality,
        before.features,
    )
    assert corrections.correct(before, {}) == before
    with pytest.raises(KeyError):
        corrections.correct(before, {"face_shape": "diamond"})


def test_contradictions_are_known() -> None:
    assert corrections.contradictions({"season": "winter", "warm_cool": "warm"})
    assert corrections.contradictions({"skin": "dark", "light_deep": "light"})
    assert not corrections.contradictions({"season": "winter", "warm_cool": "neutral", "skin": "tan", "light_deep": "medium"})


@pytest.mark.parametrize("field", list(corrections.FIELDS))
def test_every_word_can_be_said_and_survives_storage(field: str) -> None:
    for word in corrections.FIELDS[field]:
        reading = corrections.correct(measured(), {field: word})
        assert FaceReading.from_json(reading.to_json()).face_shape.label == reading.face_shape.label


# Kept, undone, contradicted -------------------------------------------------------------------------------------------------


@pytest.fixture
def analysis(db: None) -> Analysis:
    load_styles()
    return finished_analysis(language="en")


def make_list(analysis: Analysis, said_by: Job | None, *, drop: int = 2) -> Analysis:
    """What the worker would do, with a list that is known: ``drop`` styles leave, the others stay in another order."""
    assert said_by is not None
    analysis.refresh_from_db()
    last = analysis.corrections.last()
    assert last is not None
    before = analysis.shown
    analysis.revision = last.revision
    analysis.save()
    for rank, row in enumerate(reversed(before[drop:]), start=1):
        row.pk, row.rank, row.revision = None, rank, analysis.revision
        row.save()
    Job.objects.filter(pk=said_by.pk).update(state=Job.State.SUCCEEDED)
    return Analysis.objects.get(pk=analysis.pk)


def test_history_is_only_added_to(analysis: Analysis) -> None:
    person = get_user_model().objects.create_user("one", password="x")
    first = say(analysis=analysis, user=person, values={"face_shape": "round", "vein": "green"})
    second = say(analysis=analysis, user=None, values={"face_shape": "heart"})
    assert first
    assert second
    assert first.pk != second.pk
    unsay(analysis=analysis, user=None, field="vein")
    rows = list(analysis.corrections.values_list("field", "previous", "value", "revision", "user"))
    assert rows == [
        ("face_shape", "", "round", 1, person.pk),
        ("vein", "", "green", 1, person.pk),
        ("face_shape", "round", "heart", 2, None),
        ("vein", "green", "", 3, None),
    ]
    assert said_about(analysis) == {"face_shape": "heart"}
    states = [Job.objects.get(pk=job.pk).state for job in (first, second)]
    assert states == [Job.State.CANCELLED, Job.State.CANCELLED], "lists that are out of date are not made"
    assert revision_state(analysis) == "pending"


def test_saying_the_same_again_changes_nothing_but_starts_what_failed(analysis: Analysis) -> None:
    job = say(analysis=analysis, user=None, values={"season": "winter"})
    assert job
    assert say(analysis=analysis, user=None, values={"season": "winter"}) == job
    assert ReadingCorrection.objects.count() == 1
    Job.objects.filter(pk=job.pk).update(state=Job.State.FAILED)
    assert revision_state(analysis) == "failed"
    say(analysis=analysis, user=None, values={"season": "winter"})
    job.refresh_from_db()
    assert (job.state, revision_state(analysis)) == (Job.State.QUEUED, "pending")
    assert ReadingCorrection.objects.count() == 1


def test_later_word_takes_back_what_it_contradicts(analysis: Analysis) -> None:
    say(analysis=analysis, user=None, values={"season": "winter", "skin": "light"})
    say(analysis=analysis, user=None, values={"warm_cool": "warm"})
    assert said_about(analysis) == {"warm_cool": "warm", "skin": "light"}
    say(analysis=analysis, user=None, values={"light_deep": "deep"})
    assert said_about(analysis) == {"warm_cool": "warm", "light_deep": "deep"}
    with pytest.raises(ApplicationError) as caught:
        say(analysis=analysis, user=None, values={"season": "summer", "warm_cool": "warm"})
    assert (caught.value.code, caught.value.field, caught.value.status) == ("contradiction", "season", 400)


@pytest.mark.parametrize(("values", "field"), [({"face_shape": "diamond"}, "face_shape"), ({"nose": "long"}, "nose")])
def test_unknown_words_are_refused_by_field(analysis: Analysis, values: dict[str, str], field: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        say(analysis=analysis, user=None, values=values)
    assert (caught.value.field, caught.value.status) == (field, 400)
    assert not ReadingCorrection.objects.exists()


def test_nothing_to_undo_is_a_404(analysis: Analysis) -> None:
    with pytest.raises(ApplicationError) as caught:
        unsay(analysis=analysis, user=None)
    assert caught.value.status == 404


def test_reaction_follows_its_style_through_the_lists_and_none_is_lost(analysis: Analysis) -> None:
    gone, kept = analysis.shown[0], analysis.shown[5]
    for row in (gone, kept):
        react(user=None, analysis_id=analysis.pk, reaction=1, impression_id=row.pk)
    analysis = make_list(analysis, say(analysis=analysis, user=None, values={"face_shape": "heart"}))
    again = next(row for row in analysis.shown if row.style_id == kept.style_id)
    assert again.pk != kept.pk
    given = reactions_of(analysis)
    assert (given[gone.pk], given[kept.pk], given[again.pk]) == (1, 1, 1)
    react(user=None, analysis_id=analysis.pk, reaction=0, impression_id=again.pk)
    assert Reaction.objects.get(hairstyle=kept.style.name_ko).reaction == 0
    assert Reaction.objects.count() == 2
    assert take_back(user=None, analysis_id=analysis.pk, impression_id=again.pk)
    assert [row.recommendation for row in Reaction.objects.all()] == [gone]
    assert Recommendation.objects.filter(analysis=analysis).count() == 12


# The page -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def english(client: Client) -> Client:
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody works here: pages do not wait for the new list."""
    monkeypatch.setattr("recommendations.web.corrections.WAIT_SECONDS", 0)


def test_page_says_what_was_corrected_and_what_it_changed(english: Client, analysis: Analysis) -> None:
    react(user=None, analysis_id=analysis.pk, reaction=1, impression_id=analysis.shown[0].pk)
    gone = [row.style.name_en for row in analysis.shown[:2] if row.style]
    address = f"/analyses/{analysis.pk}/corrections/"
    response = english.post(address, {"face_shape": "heart", "vein": "green", "season": ""})
    assert (response.status_code, response.headers["Location"]) == (302, f"/analyses/{analysis.pk}/#correct")
    waiting = Page(english.get(f"/analyses/{analysis.pk}/"))
    assert "The styles are being chosen again" in waiting.text
    assert '<noscript><meta http-equiv="refresh"' in waiting.html
    assert english.get(f"/analyses/{analysis.pk}/progress/").status_code == 204
    analysis = make_list(analysis, Job.objects.get(corrections__field="vein"))
    face = corrections.correct(FaceReading.from_json(analysis.reading), said_about(analysis))
    Analysis.objects.filter(pk=analysis.pk).update(corrected_reading=face.to_json(), face_shape="heart")
    page = Page(english.get(f"/analyses/{analysis.pk}/"))
    assert english.get(f"/analyses/{analysis.pk}/progress/").status_code == 286
    assert "Heart, as you told us" in page.text
    assert "measured:" in page.text
    assert page.html.count('class="card pick"') == 5
    assert "being chosen again" not in page.text
    for name in gone:
        assert name in page.text.split("No longer there")[1][:400]
    assert "you liked it" in page.text
    assert '<option value="heart" selected>' in page.html
    assert page.inline == []
    assert len(page.ids) == len(set(page.ids))


def test_undo_from_the_page_and_twice(english: Client, analysis: Analysis) -> None:
    say(analysis=analysis, user=None, values={"season": "winter", "jewellery": "silver"})
    for _press in range(2):
        assert english.post(f"/analyses/{analysis.pk}/corrections/undo/", {"field": "season"}).status_code == 302
    assert said_about(analysis) == {"jewellery": "silver"}


def test_contradiction_is_said_beside_the_form_which_keeps_its_choices(english: Client, analysis: Analysis) -> None:
    response = english.post(f"/analyses/{analysis.pk}/corrections/", {"season": "winter", "warm_cool": "warm"})
    assert response.status_code == 400
    page = Page(response)
    assert "contradict each other" in page.text
    assert '<option value="winter" selected>' in page.html
    assert "no-store" in response.headers["Cache-Control"]
    assert not ReadingCorrection.objects.exists()


def test_strangers_can_neither_see_nor_correct(english: Client, analysis: Analysis) -> None:
    owner, stranger = (get_user_model().objects.create_user(name, password="x") for name in ("owner", "stranger"))
    Analysis.objects.filter(pk=analysis.pk).update(user=owner)
    for person in (None, stranger):
        if person:
            english.force_login(person)
        assert english.post(f"/analyses/{analysis.pk}/corrections/", {"season": "winter"}).status_code == 404
        assert english.post(f"/analyses/{analysis.pk}/corrections/undo/", {}).status_code == 404
    english.force_login(owner)
    assert english.post(f"/analyses/{analysis.pk}/corrections/", {"season": "winter"}).status_code == 302
    assert ReadingCorrection.objects.get().user == owner


# Labels ---------------------------------------------------------------------------------------------------------------------


def test_labels_hold_measurements_and_nobody(analysis: Analysis, tmp_path: Path) -> None:
    other = finished_analysis()
    say(analysis=analysis, user=None, values={"face_shape": "heart", "vein": "green", "skin": "tan"})
    unsay(analysis=analysis, user=None, field="skin")
    say(analysis=other, user=None, values={"season": "winter"})
    unsay(analysis=other, user=None)
    out = tmp_path / "labels.jsonl"
    call_command("export_labels", out=out)
    text = out.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["field"], line["value"], line["source"], line["face"]) for line in lines] == [
        ("face_shape", "heart", "correction", 1),
        ("vein", "green", "answer", 1),
    ]
    assert lines[0]["measurements"]
    assert lines[0]["colour"]["lab"]
    assert set(lines[0]["face_shape"]) == set(FACE_SHAPES)
    for secret in (str(analysis.pk), "left_eye", "user", "visitor", "sha256", "photo"):
        assert secret not in text
