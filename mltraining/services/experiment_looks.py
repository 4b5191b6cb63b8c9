"""One look a day at each running experiment: judge it, write it down, let more people in, or end it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from hairme.common.errors import ApplicationError
from recommendations.selectors import SCORER

from ..experiments import bayes, exploratory
from ..experiments.decide import Verdict, decide
from ..experiments.ratio import Moments, ratio
from ..models import Experiment, ExperimentLook
from ..registry.planner import planner
from ..selectors import experiments as reads
from ..selectors import registry as registry_reads
from ..selectors.experiments import ExperimentData
from . import registry
from .experiment_words import in_english
from .experiments import kill, locked, note, step_ramp, withdraw_challenger

log = structlog.get_logger(__name__)

State, Decision = Experiment.State, Experiment.Decision
DAY = timedelta(days=1)
LATE = timedelta(hours=2)  # a look, and the step it allows, comes this much after its day at most
NOT_MEASURED = (
    gettext_noop("Whether people went to a hairdresser with a style, and what they thought of it there."),
    gettext_noop("Effects that begin after the horizon, and people who came back after it."),
    gettext_noop("People who were never shown a list: the figures are of people who were."),
)


def watch(now: datetime | None = None) -> list[ExperimentLook]:
    """Take every look that is due by ``now``, those that were missed first. Safe to run at any time, and twice."""
    now = now or timezone.now()
    taken = []
    for experiment in reads.running():
        try:
            taken += _watch_one(experiment, now)
        except Exception:  # one experiment's trouble must not blind the others
            log.exception("experiment_not_watched", experiment=experiment.key)
    return taken


def _watch_one(experiment: Experiment, now: datetime) -> list[ExperimentLook]:
    promised = experiment.settings_json.get("champion", "")
    champion = registry_reads.champion(SCORER)
    if promised and (champion is None or champion.key != promised):
        kill(experiment, actor=actor_of(experiment), reason=f"The champion is no longer {promised}: the control has changed.")
        return []
    assert experiment.started_at is not None
    last = experiment.looks.order_by("-day").values_list("day", flat=True).first() or 0
    due = min((now - experiment.started_at) // DAY, experiment.horizon_days)
    taken = (take_look(experiment, day, now=now) for day in range(last + 1, due + 1))
    return [look for look in taken if look is not None]


def take_look(experiment: Experiment, day: int, *, now: datetime | None = None) -> ExperimentLook | None:
    """Judge what was known at the end of ``day`` and act on it. None where that look was taken, or the experiment has ended."""
    with transaction.atomic():
        experiment = locked(experiment)
        looks = list(experiment.looks.order_by("day"))
        if experiment.state != State.RUNNING or any(look.day == day for look in looks):
            return None
        assert experiment.started_at is not None
        until = experiment.started_at + day * DAY
        data = reads.experiment_data(experiment, until)
        rules = reads.rules_of(experiment)
        lowest = min((look.results["srm_p"] for look in looks if look.results["srm_p"] is not None), default=1.0)
        verdict = decide(rules, data.arms(), day, lowest)
        results = figures(verdict, data)
        look = ExperimentLook.objects.create(
            experiment=experiment,
            day=day,
            until=until,
            exposed_share=experiment.exposed_share,
            results=results,
            decision=verdict.decision,
            reason=in_english(verdict.reasons),
        )
        if verdict.decision == Decision.CONTINUE:
            _maybe_step(experiment, verdict, data, until)
        else:
            _end(experiment, verdict, results, day, now or timezone.now())
    planner.forget()
    return look


def actor_of(experiment: Experiment) -> str:
    return f"experiment:{experiment.key}"


def figures(verdict: Verdict, data: ExperimentData) -> dict[str, Any]:
    """All that a look found out, as JSON: the verdict, the arms, second opinions, and what is exploratory."""
    arms = data.arms()
    names = list(data.people)
    segments: dict[str, dict[tuple[str, str], Moments]] = {
        arm: {key: _pairs(units) for key, units in by.items()} for arm, by in data.segments.items()
    }
    return {
        **verdict.to_json(),
        "arms": {
            name: {
                "people": arm.people,
                "likes": int(arm.metric.sums[0]),
                "reactions": int(arm.metric.sums[1]),
                "rate": estimate.value if (estimate := ratio(arm.metric)) else None,
                "error": math.sqrt(estimate.variance) if estimate else None,
                "p95_seconds": data.p95.get(name),
            }
            for name, arm in arms.items()
        },
        "bayes": _second_opinion(arms, names),
        "switched": data.switched,
        "impressions": data.impressions,
        "exploratory": [asdict(finding) for finding in exploratory.findings(names, segments)],
    }


def _pairs(units: Mapping[str, list[int]]) -> Moments:
    reacted = [pair for pair in units.values() if pair[1]]
    return Moments.of(np.asarray(reacted, float).reshape(len(reacted), 2))


def _second_opinion(arms: Mapping[str, Any], names: list[str]) -> dict[str, dict[str, float]]:
    control = ratio(arms[names[0]].metric)
    opinions = {}
    for name in names[1:]:
        challenger = ratio(arms[name].metric)
        if control and challenger and control.variance > 0 and challenger.variance > 0:
            opinions[name] = {
                "better": bayes.probability_of_lift(control, challenger),
                "counts": bayes.probability_of_lift(control, challenger, 0.05),
            }
    return opinions


def _maybe_step(experiment: Experiment, verdict: Verdict, data: ExperimentData, until: datetime) -> None:
    """More people once a step has had its days and its people, and nothing speaks against it."""
    if experiment.ramp_step + 1 >= len(experiment.ramp):
        return
    since = reads.ramp_history(experiment)[-1][0]
    statistics = experiment.settings_json
    has_time = until + LATE - since >= statistics["ramp_days"] * DAY
    has_people = min(len(units) for units in data.people.values()) >= statistics["ramp_people"]
    if verdict.holds and has_time and has_people:
        step_ramp(experiment, actor=actor_of(experiment), reason="The step has had its days and people, and nothing got worse.")


def _end(experiment: Experiment, verdict: Verdict, results: dict[str, Any], day: int, now: datetime) -> None:
    actor, reason = actor_of(experiment), in_english(verdict.reasons)
    decision, reasons = verdict.decision, verdict.reasons
    short = {"day": day, "comparisons": results["comparisons"], "srm_p": results["srm_p"], "arms": results["arms"]}
    if decision == Decision.PROMOTE and experiment.challenger is not None:
        try:
            with transaction.atomic():
                registry.promote(experiment.challenger, actor=actor, reason=reason, metrics=short)
        except ApplicationError as error:
            decision, reasons = Decision.KEEP, (f"promotion_refused:{error.message}",)
            withdraw_challenger(experiment, actor=actor, reason=in_english(reasons))
    elif decision == Decision.ROLLBACK and experiment.challenger is not None and verdict.reasons != ("sample_ratio_mismatch",):
        registry.reject(experiment.challenger, actor=actor, reason=reason, metrics=short)
    else:
        withdraw_challenger(experiment, actor=actor, reason=reason)
    experiment.decision = decision
    experiment.state = State.DECIDED
    experiment.ended_at = now
    experiment.memo = memo(experiment, decision, reasons, verdict.winner if decision == Decision.PROMOTE else "", results, day)
    experiment.save()
    note(experiment, State.RUNNING, decision, actor=actor, reason=in_english(reasons))
    log.info("experiment_decided", experiment=experiment.key, decision=str(decision), day=day, reasons=list(reasons))


def memo(
    experiment: Experiment, decision: str, reasons: tuple[str, ...], winner: str, results: dict[str, Any], day: int
) -> dict[str, Any]:
    """What was promised, what was found, what was decided and why, and what nobody measured."""
    written: dict[str, Any] = {
        "hypothesis": experiment.hypothesis,
        "plan": {
            "metric": experiment.metric,
            "arms": experiment.arms,
            "challenger": experiment.challenger.key if experiment.challenger else "",
            "champion": experiment.settings_json.get("champion", ""),
            "min_lift": experiment.min_lift,
            "alpha": experiment.alpha,
            "horizon_days": experiment.horizon_days,
            "min_days": experiment.min_days,
            "min_people": experiment.min_people,
            "ramp": experiment.ramp,
            "guardrails": experiment.guardrails,
            "statistics": experiment.settings_json,
            "salt": experiment.salt,
        },
        "day": day,
        "figures": results,
        "decision": str(decision),
        "reasons": list(reasons),
        "not_measured": list(NOT_MEASURED),
    }
    if winner:
        written["winner"] = winner
    return written
