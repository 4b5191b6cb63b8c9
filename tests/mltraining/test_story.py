"""The whole story: people use the site through its API, a challenger earns promotion, harm is rolled back, drift starts one retraining."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, transaction
from django.db.models import Avg

from feedback.models import Reaction, ReactionEntry
from feedback.selectors.aggregates import recompute_aggregates, stored_aggregates
from hairme.common import outbox, wake
from hairme.ml.artifacts import get_store
from mltraining.models import Experiment, ExperimentTransition, ModelTransition, ModelVersion, TrainingRun
from mltraining.selectors import registry as registry_reads
from mltraining.services import monitoring, snapshots
from mltraining.services.story.clock import at
from mltraining.services.story.people import SharedTaste
from mltraining.services.story.plot import DAY, Plot, Told, catch_up, tell
from recommendations.models import Analysis, Recommendation
from recommendations.selectors import SCORER, encoders_in_use, text_encoder

#: A few hundred people: as few as tell the story by a wide margin.
SMALL = Plot(before=36, trial=44, harm=44, quiet=6, drift=17, returning=0.1, check_every=7)


@pytest.mark.story
@pytest.mark.usefixtures("catalogue")
def test_the_whole_story(
    request: pytest.FixtureRequest,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    upload: Callable[..., Any],
    client: Any,
) -> None:
    settings.VAR_DIR, settings.MODELS_DIR = tmp_path, tmp_path / "models"
    monkeypatch.setattr(snapshots, "SYNTHETIC_FACES", 60)
    wake.client().delete(outbox.STREAM)
    lines: list[str] = []

    told = tell(SMALL, SharedTaste, lines.append)

    _promoted_by_itself(told)
    _rolled_back_by_itself(told)
    _drift_started_one_retraining(told)
    _facts_are_kept(told)
    request.getfixturevalue("worker")  # not before: it would take the story's own runs, at its own time
    _a_photo_is_served_by_the_champion(upload, client)
    catch_up()
    assert stored_aggregates() == recompute_aggregates()
    assert len(lines) >= 8
    assert run_checks() == [], "the site starts with what it has learned"
    assert [encoder.id for encoder in encoders_in_use()] == [text_encoder().id]


def _promoted_by_itself(told: Told) -> None:
    experiment = told.promoted.experiments.get()
    assert experiment.decision == Experiment.Decision.PROMOTE
    assert [look.decision for look in experiment.looks.order_by("day")][-1] == Experiment.Decision.PROMOTE
    first, *later = ExperimentTransition.objects.filter(experiment=experiment).order_by("at", "id")
    assert first.actor.startswith("retraining:")
    assert [row.after for row in later] == ["running", "exposed 1", "promote_to_production"]
    move = ModelTransition.objects.get(after=told.promoted, kind="promote")
    assert move.actor == f"experiment:{experiment.key}"
    assert move.before is not None
    assert move.before.ships_with_code
    assert told.promoted.card["params"]["architecture"] == "preference"
    served = Reaction.objects.filter(recommendation__source="ml")
    before = served.filter(recommendation__model_version=move.before.key)
    after = served.filter(recommendation__model_version=told.promoted.key)
    assert _like_rate(after) > _like_rate(before) + 0.1


def _rolled_back_by_itself(told: Told) -> None:
    experiment = told.rejected.experiments.get()
    told.rejected.refresh_from_db()
    assert experiment.decision == Experiment.Decision.ROLLBACK
    assert told.rejected.state == ModelVersion.State.REJECTED
    assert not ModelTransition.objects.filter(after=told.rejected, kind="promote").exists()
    ended = ModelTransition.objects.get(before=told.rejected, kind="reject")
    assert ended.actor == f"experiment:{experiment.key}"
    assert experiment.ended_at is not None
    shown = Reaction.objects.filter(recommendation__model_version=told.rejected.key)
    assert shown.exists()
    assert not shown.filter(recommendation__created_at__gt=experiment.ended_at + timedelta(minutes=1)).exists()


def _drift_started_one_retraining(told: Told) -> None:
    assert told.alert.first_at > told.began + 29 * DAY, "nothing had drifted before the other people came"
    assert "season" in told.alert.details["features"]
    assert told.run.is_final
    runs = TrainingRun.objects.filter(trigger=TrainingRun.Trigger.ALERT)
    assert list(runs) == [told.run]
    with at(told.ended + timedelta(hours=1)):
        monitoring.check()
    assert runs.count() == 1, "the same alert starts no second run"


def _facts_are_kept(told: Told) -> None:
    assert Reaction.objects.count() == ReactionEntry.objects.count() == told.reactions
    assert Analysis.objects.filter(created_at__range=(told.began, told.ended)).count() == told.visits
    rows = ModelTransition.objects.filter(name=SCORER).order_by("id")
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    with pytest.raises(DatabaseError), transaction.atomic():
        ModelTransition.objects.update(reason="another")
    with pytest.raises(DatabaseError), transaction.atomic():
        ExperimentTransition.objects.all().delete()


def _a_photo_is_served_by_the_champion(upload: Callable[..., Any], client: Any) -> None:
    """Somebody of today, with a photo, through the queue and a worker."""
    champion = registry_reads.champion(SCORER)
    assert champion is not None
    assert get_store().resolve(SCORER).key == champion.key
    body = upload().json()
    shown = Recommendation.objects.filter(analysis=body["analysis_id"], experiment="")
    experiment = Experiment.objects.filter(state=Experiment.State.RUNNING).first()
    versions = set(Recommendation.objects.filter(analysis=body["analysis_id"]).values_list("model_version", flat=True))
    assert versions == {champion.key} or (experiment is not None and not shown.exists())
    said = {"analysis_id": body["analysis_id"], "style_name": body["data"]["recommendations"][0]["style_name"], "reaction": 1}
    assert client.post("/api/v2/feedback", json.dumps(said), content_type="application/json").status_code == 200


def _like_rate(reactions: Any) -> float:
    return float(reactions.aggregate(rate=Avg("reaction"))["rate"])
