"""An experiment's life in the database: promises kept, looks taken once, people counted once, decisions carried out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from feedback.models import Reaction
from hairme.common.errors import ApplicationError
from mltraining.experiments.decide import Guardrail
from mltraining.models import Experiment, ExperimentLook, ModelVersion
from mltraining.selectors import experiments as reads
from mltraining.selectors import registry as registry_reads
from mltraining.services import experiment_looks, experiments, registry
from tests.mltraining.experiment_people import WHO, fail, live, long_ago, registered, started, visit
from tests.mltraining.registry_folders import toy
from tests.recommendations.pages import load_styles

pytestmark = pytest.mark.django_db


@pytest.fixture
def styles() -> None:
    load_styles()


@pytest.fixture
def versions(settings: Any, tmp_path: Path) -> list[ModelVersion]:
    settings.MODELS_DIR = tmp_path / "models"
    settings.MODELS_REFRESH_SECONDS = 0.0
    first, second = toy(settings.MODELS_DIR, "1"), toy(settings.MODELS_DIR, "2")
    registry.promote(first, **WHO)
    return [first, second]


def serving() -> str:
    found = registry_reads.champion("toy")
    assert found
    return found.version


def test_what_was_promised_is_frozen_once_it_runs() -> None:
    draft = registered()
    draft.min_lift = 0.01
    draft.save()
    running = experiments.start(draft, **WHO)
    for field, value in {
        "min_lift": 0.2,
        "salt": "x",
        "arms": [],
        "horizon_days": 3,
        "settings_json": {},
        "guardrails": [],
    }.items():
        changed = Experiment.objects.get(pk=running.pk)
        setattr(changed, field, value)
        with pytest.raises(TypeError, match=field):
            changed.save()
    with pytest.raises(TypeError, match="drafts"):
        running.delete()
    assert Experiment.objects.get(pk=running.pk).min_lift == 0.01


def test_one_runs_at_a_time_and_only_once() -> None:
    first, second = registered("a"), registered("b")
    experiments.start(first, **WHO)
    for experiment, code in ((second, "experiment_layer_busy"), (first, "experiment_not_draft")):
        with pytest.raises(ApplicationError) as refused:
            experiments.start(experiment, **WHO)
        assert refused.value.code == code
    experiments.kill(first, **WHO)
    experiments.start(second, **WHO)
    with pytest.raises(ApplicationError) as refused:
        registered("a")
    assert refused.value.code == "experiment_taken"
    with pytest.raises(ApplicationError) as refused:
        experiments.kill(second, actor="test", reason=" ")
    assert refused.value.code == "experiment_reason"


@pytest.mark.parametrize(
    "wrong",
    [
        {"arms": ({"name": "a", "weight": 1, "params": {"method": "hybrid"}},)},
        {"arms": tuple({"name": "a", "weight": 1, "params": {"method": "hybrid"}} for _ in range(2))},
        {"ramp": (0.5, 0.1)},
        {"ramp": ()},
        {"min_days": 20},
        {"metric": "clicks"},
        {"people_per_day": 0},
    ],
)
def test_nonsense_is_not_registered(wrong: dict[str, Any]) -> None:
    with pytest.raises(ApplicationError) as refused:
        registered(**wrong)
    assert refused.value.code == "experiment_invalid"
    assert not Experiment.objects.exists()


def test_a_better_challenger_is_promoted_with_a_memo(styles: None, versions: list[ModelVersion]) -> None:
    experiment = started(long_ago(), challenger=versions[1])
    assert registry_reads.aliases("toy")["challenger"] == versions[1]
    looks = live(experiment, 9, {"champion": 0.3, "challenger": 0.7})
    assert [look.decision for look in looks] == ["continue_experiment"] * 6 + ["promote_to_production"]
    assert "whole week" in looks[5].reason
    experiment.refresh_from_db()
    assert (experiment.state, experiment.decision) == ("decided", "promote_to_production")
    assert serving() == "2"
    move = registry_reads.transitions("toy")[0]
    assert (move.kind, move.actor) == ("promote", "experiment:spring")
    memo = experiment.memo
    assert memo["winner"] == "challenger"
    assert memo["hypothesis"] == "H"
    assert memo["plan"]["guardrails"] == experiment.guardrails
    assert memo["figures"]["arms"]["challenger"]["people"] == 7 * 40
    assert memo["figures"]["bayes"]["challenger"]["counts"] > 0.99
    assert memo["not_measured"]


def test_a_harmful_challenger_is_rolled_back_before_the_week_is_over(styles: None, versions: list[ModelVersion]) -> None:
    experiment = started(long_ago(), challenger=versions[1])
    looks = live(experiment, 9, {"champion": 0.7, "challenger": 0.3})
    assert looks[-1].decision == "rollback"
    assert looks[-1].day < 7
    versions[1].refresh_from_db()
    assert versions[1].state == ModelVersion.State.REJECTED
    assert "liked less" in versions[1].reason
    assert serving() == "1"
    assert "challenger" not in registry_reads.aliases("toy")


def test_no_difference_keeps_the_champion_at_the_horizon(styles: None, versions: list[ModelVersion]) -> None:
    experiment = started(long_ago(), challenger=versions[1], horizon_days=8)
    looks = live(experiment, 10, {"champion": 0.5, "challenger": 0.5}, people=20)
    assert [look.decision for look in looks] == ["continue_experiment"] * 7 + ["keep_champion"]
    versions[1].refresh_from_db()
    assert versions[1].state == ModelVersion.State.CANDIDATE
    assert serving() == "1"
    assert "challenger" not in registry_reads.aliases("toy")


def test_a_winner_whose_files_are_gone_is_not_promoted(styles: None, versions: list[ModelVersion], settings: Any) -> None:
    experiment = started(long_ago(), challenger=versions[1])
    (settings.MODELS_DIR / "toy" / "2" / "weights.bin").write_text("rotten")
    live(experiment, 8, {"champion": 0.3, "challenger": 0.7})
    experiment.refresh_from_db()
    assert experiment.decision == "keep_champion"
    assert experiment.memo["reasons"][0].startswith("promotion_refused:")
    assert serving() == "1"


def test_lost_people_end_it_without_judging_the_version(styles: None, versions: list[ModelVersion]) -> None:
    experiment = started(long_ago(), challenger=versions[1])
    assert experiment.started_at
    at = experiment.started_at + timedelta(hours=3)
    visit(experiment, "champion", [f"a{n}" for n in range(400)], 200, at)
    visit(experiment, "challenger", [f"b{n}" for n in range(200)], 100, at)
    look = experiment_looks.take_look(experiment, 1)
    assert look
    assert look.decision == "rollback"
    assert look.results["reasons"] == ["sample_ratio_mismatch"]
    versions[1].refresh_from_db()
    assert versions[1].state == ModelVersion.State.CANDIDATE


def test_looks_are_taken_once_and_missed_ones_are_caught_up(styles: None) -> None:
    experiment = started(long_ago(), ramp=(0.1, 0.25, 0.5, 1.0), ramp_people=5)
    assert experiment.started_at
    for day in range(3):
        for arm in ("champion", "challenger"):
            at = experiment.started_at + timedelta(days=day, hours=1)
            visit(experiment, arm, [f"{arm}{day}-{n}" for n in range(10)], 5, at)
    with time_machine.travel(experiment.started_at + timedelta(days=3, hours=1), tick=False):
        assert [look.day for look in experiment_looks.watch()] == [1, 2, 3]
        assert experiment_looks.watch() == []
    assert [look.results["arms"]["champion"]["people"] for look in experiment.looks.order_by("day")] == [10, 20, 30]
    experiment.refresh_from_db()
    assert experiment.exposed_share == 0.25, "three looks at once are not three days on three steps"
    with transaction.atomic(), pytest.raises(IntegrityError):
        ExperimentLook.objects.create(
            experiment=experiment,
            day=1,
            until=experiment.started_at,
            exposed_share=1,
            results={},
            decision="rollback",
            reason="x",
        )


def test_the_ramp_goes_up_a_step_a_day_and_waits_for_people(styles: None) -> None:
    experiment = started(long_ago(), ramp=(0.1, 0.25, 0.5, 1.0), ramp_people=30)
    live(experiment, 1, {"champion": 0.5, "challenger": 0.5}, people=20)
    experiment.refresh_from_db()
    assert experiment.exposed_share == 0.1
    shares = []
    assert experiment.started_at
    for day in range(1, 5):
        at = experiment.started_at + timedelta(days=day, hours=2)
        for arm in ("champion", "challenger"):
            visit(experiment, arm, [f"{arm}+{day}-{n}" for n in range(20)], 10, at)
        with time_machine.travel(experiment.started_at + timedelta(days=day + 1, minutes=day * 10), tick=False):
            experiment_looks.watch()
        experiment.refresh_from_db()
        shares.append(experiment.exposed_share)
    assert shares == [0.25, 0.5, 1.0, 1.0]
    assert [share for _at, share in reads.ramp_history(experiment)] == [0.1, 0.25, 0.5, 1.0]


def test_errors_of_the_challenger_stop_it(styles: None) -> None:
    experiment = started(long_ago(), guardrails=(Guardrail("error_rate", margin=0.02),))
    assert experiment.started_at
    at = experiment.started_at + timedelta(hours=3)
    visit(experiment, "champion", [f"a{n}" for n in range(150)], 75, at)
    seen = [f"b{n}" for n in range(150)]
    visit(experiment, "challenger", seen, 75, at)
    fail(seen[:60], at + timedelta(hours=1))
    fail([f"b{n}" for n in range(60)], at, code="no_face")  # their photo, not our fault
    look = experiment_looks.take_look(experiment, 1)
    assert look
    assert look.results["reasons"] == ["guardrail_worse:error_rate"]
    assert look.results["guardrails"][0]["challenger"] == pytest.approx(60 / 210)


def test_who_counts_and_what_counts(styles: None) -> None:
    start = long_ago()
    visit(None, "champion", ["a"], 1, start - timedelta(days=3))
    experiment = started(start)
    visit(experiment, "champion", ["a", "b", "both"], 2, start + timedelta(hours=1), seconds=20)
    visit(experiment, "champion", ["a"], 0, start + timedelta(hours=2))
    visit(experiment, "challenger", ["c", "both"], 1, start + timedelta(hours=1))
    visit(experiment, "champion", ["late"], 1, start + timedelta(hours=30))
    visit(None, "champion", ["unexposed"], 1, start + timedelta(hours=1))
    data = reads.experiment_data(experiment, start + timedelta(days=1))
    assert {arm: set(units) for arm, units in data.people.items()} == {
        "champion": {"visitor:a", "visitor:b"},
        "challenger": {"visitor:c"},
    }
    assert data.switched == 1
    a = data.people["champion"]["visitor:a"]
    assert (a.likes, a.reactions, a.dislikes, a.impressions, a.lists, a.families) == (1, 2, 1, 6, 2, 6)
    assert (a.likes_before, a.reactions_before, a.timed, a.late) == (1, 1, 2, 1)
    assert data.people["champion"]["visitor:b"].reactions_before == 0


def test_a_reaction_after_the_look_is_not_in_it(styles: None) -> None:
    start = long_ago()
    experiment = started(start)
    analysis = visit(experiment, "champion", ["a"], 1, start + timedelta(hours=1))[0]
    Reaction.objects.filter(analysis=analysis).update(created_at=start + timedelta(days=2))
    early, later = (reads.experiment_data(experiment, start + timedelta(days=d)).people["champion"]["visitor:a"] for d in (1, 3))
    assert (early.reactions, early.impressions, later.reactions) == (0, 3, 1)


def test_the_unit_in_sql_is_the_unit_in_python(styles: None, django_user_model: Any) -> None:
    from recommendations.models import Analysis

    user = django_user_model.objects.create_user("kim", password="long enough 1")
    rows = visit(None, "champion", ["v-1", "", "v-2"], 0, long_ago())
    Analysis.objects.filter(pk=rows[2].pk).update(user=user)
    for analysis in Analysis.objects.annotate(who=reads.unit_of()):
        assert analysis.who == analysis.unit


def test_three_methods_one_winner_serves_everybody_until_it_is_taken_back(styles: None) -> None:
    from mltraining.registry.planner import ExperimentPlanner

    start = long_ago()
    with time_machine.travel(start, tick=False):
        experiment = experiments.create_ready_made(
            "gemini-ml-hybrid", actor="test", ramp=(1.0,), people_per_day=40, min_people=100
        )
        experiment = experiments.start(experiment, **WHO)
    looks = live(experiment, 8, {"hybrid": 0.3, "gemini": 0.3, "ml": 0.75})
    assert looks[-1].decision == "promote_to_production"
    assert looks[-1].results["winner"] == "ml"
    assert {c["arm"]: c["level"] for c in looks[-1].results["comparisons"]} == {"ml": 0.025, "gemini": 0.05}
    planner = ExperimentPlanner(seconds=0)
    assert planner.plan_for("recommendations", "user:1").params == {"method": "ml"}
    assert planner.plan_for("recommendations", "user:1").experiment == ""
    experiment.refresh_from_db()
    experiments.take_out_of_force(experiment, **WHO)
    assert planner.plan_for("recommendations", "user:1").params == {}
    with pytest.raises(ApplicationError):
        experiments.take_out_of_force(experiment, **WHO)
    assert experiments.create_ready_made("gemini-ml-hybrid", actor="test").key == "gemini-ml-hybrid-2"


def test_a_changed_champion_stops_the_experiment(styles: None, versions: list[ModelVersion], monkeypatch: Any) -> None:
    for module in ("mltraining.services.experiments", "mltraining.services.experiment_looks"):
        monkeypatch.setattr(f"{module}.SCORER", "toy")
    experiment = started(long_ago())
    registry.promote(versions[1], **WHO)
    assert live(experiment, 1, {"champion": 0.5, "challenger": 0.5}) == []
    experiment.refresh_from_db()
    assert experiment.state == "killed"
    assert "toy@1" in experiment.transitions.order_by("-id")[0].reason


def test_history_is_append_only() -> None:
    experiment = experiments.start(registered(), **WHO)
    move = experiment.transitions.first()
    with pytest.raises(TypeError):
        move.save()
    with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE mltraining_experimenttransition SET reason = 'other'")
