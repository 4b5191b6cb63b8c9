"""What a plan of an experiment does to a list, what happens where it cannot be followed, and what is written down of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from django.utils import timezone

from feedback.engine.events import Event, fold
from hairme.common.models import Job, OutboxEvent
from hairme.ml import artifacts, serving
from hairme.ml.artifacts import Artifact, FolderStore
from hairme.ml.serving import Plan
from recommendations.engine.advisors.gemini import GeminiClient
from recommendations.engine.types import Wishes
from recommendations.models import Recommendation
from recommendations.selectors import SCORER
from recommendations.services import request as requests
from recommendations.services.analyses import store_result
from recommendations.services.recommend import Advice, recommend
from recommendations.web.presenters import advisor_reason
from tests.mltraining.registry_folders import scorer_folder
from tests.recommendations.fake_gemini import FakeGemini, Reply, advised, failed
from tests.recommendations.gemini_cases import good, photo, reading
from tests.recommendations.pages import new_analysis

pytestmark = pytest.mark.usefixtures("catalogue")


@pytest.fixture(scope="module", autouse=True)
def _library_is_loaded() -> None:
    """Importing it takes seconds on a busy machine, which belong to no test's budget."""
    GeminiClient(key="any", model="any").warm()


@pytest.fixture
def planned() -> Iterator[Callable[..., None]]:
    """``planned(arm, **params)``: everybody is in that arm of the experiment ``trial``."""
    before = serving.get_planner()

    def everybody(arm: str, **params: Any) -> None:
        class Fixed:
            def plan_for(self, layer: str, unit: str) -> Plan:
                assert (layer, unit) == ("recommendations", "user:1")
                return Plan(arm, "trial", params)

        serving.set_planner(Fixed())

    yield everybody
    serving.set_planner(before)


@pytest.fixture
def ask(settings: Any) -> Callable[..., Advice]:
    """``ask(reply)``: one recommendation while Gemini answers so; None: without a key."""

    def call(reply: Reply | None = None, wishes: Wishes | None = None, **given: Any) -> Advice:
        with FakeGemini(reply or failed(500)) as server:
            settings.GEMINI_API_KEY = f"AIza{uuid.uuid4().hex}" if reply else ""
            settings.GEMINI_ENDPOINT = server.url
            settings.GEMINI_SECONDS = 3.0
            given = {"image": photo(160, 120), "language": "ko", "unit": "user:1", **given}
            advice = recommend(reading=reading(), wishes=wishes or Wishes(), **given)
            call.asked = len(server.seen)  # type: ignore[attr-defined]
            return advice

    return call


def sources(advice: Advice) -> dict[str, int]:
    return {name: sum(item.source == name for item in advice.items) for name in ("gemini", "stylist", "ml")}


def served(advice: Advice) -> tuple[str, str]:
    return advice.experiment, advice.arm


def test_hybrid_is_what_everybody_gets(ask: Any, planned: Any) -> None:
    planned("control", method="hybrid")
    advice = ask(advised(good()))
    assert (advice.meta["method"], sources(advice)) == ("hybrid", {"gemini": 4, "stylist": 0, "ml": 3})
    assert [item.candidate for item in advice.items].count("advised") == 4
    assert served(advice) == ("trial", "control")
    assert "fallback" not in advice.meta


def test_gemini_alone(ask: Any, planned: Any) -> None:
    planned("gemini", method="gemini")
    advice = ask(advised(good(7)))
    assert (advice.meta["method"], advice.meta["advisor"]) == ("gemini", "gemini")
    assert sources(advice) == {"gemini": 7, "stylist": 0, "ml": 0}
    assert (advice.meta["gemini_count"], advice.meta["ml_count"], advice.meta["total_count"]) == (7, 0, 7)
    assert {item.candidate for item in advice.items} == {"advised"}
    assert advisor_reason(advice.meta).startswith("Gemini")
    assert "fallback" not in advice.meta
    short = ask(advised(good(5)))
    assert (short.meta["method"], sources(short)) == ("gemini", {"gemini": 5, "stylist": 0, "ml": 0})


@pytest.mark.parametrize(
    ("reply", "why", "expected"),
    [(None, "no_key", "stylist"), (failed(500), "server_error", "stylist"), (advised(good(2)), "too_few", "gemini")],
)
def test_where_gemini_is_away_its_arm_gets_the_usual_list_and_says_so(
    ask: Any, planned: Any, reply: Reply | None, why: str, expected: str
) -> None:
    planned("gemini", method="gemini")
    advice = ask(reply)
    assert (advice.meta["method"], advice.meta["total_count"]) == ("hybrid", 7)
    assert sources(advice)[expected] > 0
    assert sources(advice)["ml"] >= 3
    assert advice.meta["fallback"] == {"method": {"asked": "gemini", "why": why}}
    assert served(advice) == ("trial", "gemini"), "leaving such lists out of one arm only would bias the comparison"


def test_a_correction_after_the_photo_is_gone_falls_back_too(ask: Any, planned: Any) -> None:
    planned("gemini", method="gemini")
    advice = ask(image=None)
    assert advice.meta["advisor_status"] == "photo_gone"
    assert advice.meta["fallback"]["method"]["why"] == "photo_gone"


def test_learned_alone_asks_no_advisor(ask: Any, planned: Any) -> None:
    planned("ml", method="ml")
    advice = ask(advised(good()))
    assert ask.asked == 0
    assert (advice.meta["method"], sources(advice)) == ("ml", {"gemini": 0, "stylist": 0, "ml": 7})
    assert (advice.meta["advisor"], advice.meta["advisor_status"]) == ("none", "learned_only")
    assert len({item.cut for item in advice.items}) == 7
    assert {item.candidate for item in advice.items} == {"learned"}
    assert "Gemini" not in advisor_reason(advice.meta)


@pytest.mark.parametrize("method", ["gemini", "ml"])
def test_wishes_bind_every_method(ask: Any, planned: Any, method: str) -> None:
    planned(method, method=method)
    advice = ask(advised(good(7)), Wishes(lengths=("buzz",)))
    lengths = {entry.slug: entry.length for entry in _entries()}
    assert advice.items
    assert {lengths[item.slug or ""] for item in advice.items} == {"buzz"}


def _entries() -> Any:
    from tests.recommendations.gemini_cases import catalogue

    return catalogue().entries


def test_an_unknown_method_is_the_usual_list_for_no_arm(ask: Any, planned: Any) -> None:
    planned("odd", method="horoscope")
    advice = ask()
    assert (advice.meta["method"], len(advice.items)) == ("hybrid", 7)
    assert advice.meta["fallback"]["method"] == {"asked": "horoscope", "why": "unknown"}
    assert served(advice) == ("", "champion")


# --- Versions of the scorer ------------------------------------------------------------------------------------------------------


@pytest.fixture
def trial(tmp_path: Path, shipped_models: FolderStore) -> Artifact:
    """The shipped scorer as version ``trial``, which a plan may name."""
    artifact = scorer_folder(tmp_path, "trial")

    class Store:
        def resolve(self, name: str, version: str | None = None) -> Artifact:
            return shipped_models.resolve(name) if version is None else artifacts.open_artifact(tmp_path / name / version)

    artifacts.set_store(Store())
    return artifact


def test_the_plans_version_scores(ask: Any, planned: Any, trial: Artifact) -> None:
    planned("challenger", scorer="trial")
    advice = ask()
    assert advice.model_version == advice.meta["versions"][SCORER] == f"{SCORER}@trial"
    assert served(advice) == ("trial", "challenger")
    assert "fallback" not in advice.meta


@pytest.mark.parametrize("harm", ["missing", "damaged", "not a model", "no scores"])
def test_a_version_that_cannot_serve_is_replaced_by_the_champion_for_no_arm(
    ask: Any, planned: Any, trial: Artifact, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned("challenger", scorer="absent" if harm == "missing" else "trial")
    if harm == "damaged":
        trial.file("model.onnx").write_bytes(b"rot")
    if harm == "not a model":
        monkeypatch.setattr(requests, "load_scorer", _refusing(trial, None))
    if harm == "no scores":
        monkeypatch.setattr(requests, "load_scorer", _refusing(trial, float("nan")))
    champion = artifacts.get_store().resolve(SCORER).key
    advice = ask()
    assert (advice.model_version, len(advice.items)) == (champion, 7)
    assert served(advice) == ("", "champion")
    assert advice.meta["fallback"]["scorer"] == {
        "asked": "absent" if harm == "missing" else "trial",
        "why": "RuntimeError" if harm == "not a model" else "ArtifactError",
    }


def _refusing(trial: Artifact, value: float | None) -> Callable[[Artifact], Any]:
    """A loader whose ``trial`` cannot be loaded (None) or scores every style with ``value``."""
    from recommendations.engine.scoring import load_scorer

    def load(artifact: Artifact) -> Any:
        if artifact.path != trial.path:
            return load_scorer(artifact)
        if value is None:
            raise RuntimeError("weights of another world")

        class Odd:
            key, encoder = artifact.key, load_scorer(trial).encoder

            def score(self, reading: Any, styles: Any, past: Any = ()) -> np.ndarray:
                return np.full(len(styles), value)

        return Odd()

    return load


# --- What is written down --------------------------------------------------------------------------------------------------------


def test_every_impression_says_how_it_came_to_be_shown(ask: Any, planned: Any, settings: Any) -> None:
    planned("ml", method="ml")
    settings.EXPLORATION_RATE = 0.5
    draw, advice = next((n, a) for n in range(60) if (a := ask(draw=n)).meta["explored_count"])
    assert [item.slug for item in ask(draw=draw).items] == [item.slug for item in advice.items], "a retry makes the same list"
    analysis = new_analysis(state=Job.State.SUCCEEDED, visitor="b")
    with transaction.atomic():
        store_result(analysis, reading(), advice, request_id="request-7")
    rows = list(Recommendation.objects.filter(analysis=analysis).order_by("rank"))
    assert [row.rank for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    for row, item in zip(rows, advice.items, strict=True):
        assert (row.experiment, row.arm, row.request_id) == ("trial", "ml", "request-7")
        assert (row.candidate, row.source, row.model_version) == (item.candidate, "ml", advice.model_version)
        assert (row.propensity, row.ml_score) == (item.propensity, item.ml_score)
    assert [row.propensity for row in rows[:3]] == [1.0] * 3
    kept = {row.propensity for row in rows[3:] if row.candidate == "learned"}
    assert kept == {1 - 0.5 / 4}
    [explored] = [row for row in rows if row.candidate == "explored"]
    assert 0 < explored.propensity < 0.5
    event = OutboxEvent.objects.get(topic="recommendations.shown")
    assert (event.payload["experiment"], event.payload["arm"]) == ("trial", "ml")
    assert [item["propensity"] for item in event.payload["items"]] == [row.propensity for row in rows]
    sums = fold(Event(event.pk, event.topic, timezone.now(), event.payload), timezone.now())
    counted = {value: sum.impressions for (_hour, dimension, value), sum in sums.items() if dimension == "candidate"}
    assert counted == {"learned": 6, "explored": 1}


def test_contract_counts_hold_whatever_chance_does(ask: Any, settings: Any) -> None:
    settings.EXPLORATION_RATE = 0.5
    lists = [ask(draw=n, unit="user:1") for n in range(30)]
    assert sum(advice.meta["explored_count"] for advice in lists) >= 5
    for advice in lists:
        assert (advice.meta["total_count"], advice.meta["stylist_count"], advice.meta["ml_count"]) == (7, 4, 3)
        assert len({item.cut for item in advice.items}) == 7


def test_a_drawn_style_is_marked_on_its_card(client: Any) -> None:
    from tests.recommendations.pages import finished_analysis

    analysis = finished_analysis()
    mark = "Something different, to learn your taste"
    address = f"/analyses/{analysis.pk}/"
    assert mark not in client.get(address, headers={"accept-language": "en"}).content.decode()
    analysis.recommendations.filter(rank=5).update(candidate="explored")
    page = client.get(address, headers={"accept-language": "en"}).content.decode()
    assert page.count(mark) == 1
