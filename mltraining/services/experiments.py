"""The life of an experiment: registered as a draft, started, stopped by hand. Looks and decisions are in ``experiment_looks``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_noop

from hairme.common.errors import ApplicationError
from recommendations.selectors import SCORER

from ..experiments import defaults
from ..experiments.decide import Guardrail
from ..models import Experiment, ExperimentTransition, ModelAlias, ModelVersion
from ..registry.planner import WITHDRAWN, planner
from ..selectors import registry as registry_reads
from ..selectors.experiments import EXPOSED
from . import registry

log = structlog.get_logger(__name__)

METHODS = ("hybrid", "gemini", "ml")
PEOPLE_PER_DAY = 200  # per arm; only tunes the bounds, which hold whatever comes

#: Experiments that staff can register and start with one press.
READY_MADE: Mapping[str, Mapping[str, Any]] = {
    "gemini-ml-hybrid": {
        "title": gettext_noop("Gemini, the learned model, or both"),
        "hypothesis": gettext_noop(
            "Lists from Gemini alone or from the learned model alone are liked at least a twentieth more often than lists from both."
        ),
        "arms": (
            {"name": "hybrid", "weight": 1.0, "params": {"method": "hybrid"}},
            {"name": "gemini", "weight": 1.0, "params": {"method": "gemini"}},
            {"name": "ml", "weight": 1.0, "params": {"method": "ml"}},
        ),
        # a list from one source is meant to be of another variety and another speed; only faults and dislikes stop it
        "guardrails": tuple(g for g in defaults.GUARDRAILS if g.metric in ("dislike_rate", "error_rate")),
    }
}


def create(
    key: str,
    *,
    title: str,
    hypothesis: str,
    arms: Sequence[Mapping[str, Any]],
    actor: str,
    challenger: ModelVersion | None = None,
    guardrails: Sequence[Guardrail] = defaults.GUARDRAILS,
    people_per_day: float = PEOPLE_PER_DAY,
    ramp: Sequence[float] = defaults.RAMP,
    ramp_days: int = defaults.RAMP_DAYS,
    ramp_people: int = defaults.RAMP_PEOPLE,
    user: Any = None,
    **registered: Any,
) -> Experiment:
    """Register a draft. ``people_per_day``: expected per arm at full exposure. ``registered``: further fields of ``Experiment``.

    Raises ApplicationError: experiment_taken, experiment_invalid (with the problem).
    """
    experiment = Experiment(
        key=key,
        title=title,
        hypothesis=hypothesis,
        salt=f"{key[:30]}-{secrets.token_hex(4)}",
        arms=[dict(arm) for arm in arms],
        challenger=challenger,
        guardrails=[asdict(guardrail) for guardrail in guardrails],
        ramp=list(ramp),
        **registered,
    )
    _check(experiment, people_per_day)
    horizon = [ramp[min(day // ramp_days, len(ramp) - 1)] for day in range(experiment.horizon_days)]
    planned = people_per_day * len(arms) * sum(horizon)
    experiment.settings_json = {
        "planned_people": round(planned),
        "tuning": round(planned * defaults.TUNING_SHARE),
        "guardrail_alpha": 0.01,
        "srm_alpha": 0.001,
        "latency_budget_seconds": defaults.LATENCY_BUDGET_SECONDS,
        "ramp_days": ramp_days,
        "ramp_people": ramp_people,
    }
    try:
        with transaction.atomic():
            experiment.save()
            note(experiment, "", Experiment.State.DRAFT, actor=actor, reason="registered", user=user)
    except IntegrityError:
        raise ApplicationError("experiment_taken", field="key", params={"key": key}) from None
    return experiment


def create_ready_made(key: str, *, actor: str, user: Any = None, **registered: Any) -> Experiment:
    """Register one of ``READY_MADE``; where it has been tried before, under the next free key. Raises experiment_no_template."""
    template = READY_MADE.get(key)
    if template is None:
        raise ApplicationError("experiment_no_template", params={"key": key})
    return create(free_key(key), actor=actor, user=user, **{**template, **registered})


def create_for(challenger: ModelVersion, *, actor: str, user: Any = None, **registered: Any) -> Experiment:
    """Register the champion against a new version of the scorer, both in lists from all sources."""
    fields: dict[str, Any] = {
        "title": f"{challenger.key} against the champion",
        "hypothesis": f"Lists scored by {challenger.key} are liked at least 5 % more often than lists scored by the champion.",
        "arms": (
            {"name": "champion", "weight": 1.0, "params": {"method": "hybrid"}},
            {"name": "challenger", "weight": 1.0, "params": {"method": "hybrid", "scorer": challenger.version}},
        ),
    }
    key = free_key(slugify(f"scorer-{challenger.version}")[:54])
    return create(key, challenger=challenger, actor=actor, user=user, **{**fields, **registered})


def free_key(key: str) -> str:
    taken = set(Experiment.objects.filter(key__startswith=key).values_list("key", flat=True))
    return next(name for name in (key, *(f"{key}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def start(experiment: Experiment, *, actor: str, reason: str, user: Any = None) -> Experiment:
    """Let the first people in. From here on nothing that was registered can change; the challenger gets its alias.

    Raises ApplicationError: experiment_not_draft, experiment_layer_busy, experiment_reason, and what ``registry.challenge`` raises.
    """
    _need(reason)
    try:
        with transaction.atomic():
            experiment = locked(experiment)
            if experiment.state != Experiment.State.DRAFT:
                raise ApplicationError("experiment_not_draft", params={"key": experiment.key})
            if experiment.challenger is not None:
                registry.challenge(experiment.challenger, actor=actor, reason=reason, user=user)
            champion = registry_reads.champion(SCORER)
            experiment.settings_json = {**experiment.settings_json, "champion": champion.key if champion else ""}
            experiment.state = Experiment.State.RUNNING
            experiment.started_at = timezone.now()
            experiment.save()
            note(experiment, Experiment.State.DRAFT, Experiment.State.RUNNING, actor=actor, reason=reason, user=user)
    except IntegrityError:
        other = Experiment.objects.filter(layer=experiment.layer, state=Experiment.State.RUNNING).first()
        raise ApplicationError("experiment_layer_busy", params={"key": other.key if other else experiment.layer}) from None
    planner.forget()
    log.info("experiment_started", experiment=experiment.key, actor=actor)
    return experiment


def kill(experiment: Experiment, *, actor: str, reason: str, user: Any = None) -> Experiment:
    """Stop at once: everybody gets the champion within about a second. The challenger stays a candidate.

    Raises ApplicationError: experiment_not_running, experiment_reason.
    """
    _need(reason)
    with transaction.atomic():
        experiment = locked(experiment)
        if experiment.state != Experiment.State.RUNNING:
            raise ApplicationError("experiment_not_running", params={"key": experiment.key})
        experiment.state = Experiment.State.KILLED
        experiment.ended_at = timezone.now()
        experiment.save()
        note(experiment, Experiment.State.RUNNING, Experiment.State.KILLED, actor=actor, reason=reason, user=user)
        withdraw_challenger(experiment, actor=actor, reason=reason, user=user)
    planner.forget()
    log.warning("experiment_killed", experiment=experiment.key, actor=actor, reason=reason)
    return experiment


def take_out_of_force(experiment: Experiment, *, actor: str, reason: str, user: Any = None) -> Experiment:
    """Let the method that won a comparison no longer serve everybody. Raises experiment_not_in_force, experiment_reason."""
    _need(reason)
    with transaction.atomic():
        experiment = locked(experiment)
        if not is_in_force(experiment):
            raise ApplicationError("experiment_not_in_force", params={"key": experiment.key})
        note(experiment, experiment.decision, WITHDRAWN, actor=actor, reason=reason, user=user)
    planner.forget()
    return experiment


def is_in_force(experiment: Experiment) -> bool:
    """Whether this comparison of methods was won by an arm that has not been taken out of force."""
    won = experiment.challenger_id is None and experiment.decision == Experiment.Decision.PROMOTE
    return won and not experiment.transitions.filter(after=WITHDRAWN).exists()


def step_ramp(experiment: Experiment, *, actor: str, reason: str) -> None:
    """Let the next share of people in; nobody who is in moves. Must run on a locked row, in a transaction."""
    before = experiment.exposed_share
    experiment.ramp_step += 1
    experiment.save()
    note(experiment, f"{EXPOSED}{before:g}", f"{EXPOSED}{experiment.exposed_share:g}", actor=actor, reason=reason)


def withdraw_challenger(experiment: Experiment, *, actor: str, reason: str, user: Any = None) -> None:
    """Take the alias from this experiment's challenger, unless another version has it by now."""
    challenger = experiment.challenger
    if challenger is None:
        return
    if registry_reads.aliases(challenger.name).get(ModelAlias.Alias.CHALLENGER) == challenger:
        registry.withdraw(challenger.name, actor=actor, reason=reason, user=user)


def note(experiment: Experiment, before: str, after: str, *, actor: str, reason: str, user: Any = None) -> ExperimentTransition:
    person = user if user is not None and user.is_authenticated else None
    return ExperimentTransition.objects.create(
        experiment=experiment, before=before, after=after, actor=actor[:80], reason=reason, user=person
    )


def locked(experiment: Experiment) -> Experiment:
    """The row as it is now, locked until the transaction ends."""
    return Experiment.objects.select_for_update(of=("self",)).select_related("challenger").get(pk=experiment.pk)


def _need(reason: str) -> None:
    if not reason.strip():
        raise ApplicationError("experiment_reason", field="reason")


def _check(experiment: Experiment, people_per_day: float) -> None:
    names = [arm.get("name", "") for arm in experiment.arms]
    ramp = experiment.ramp
    problems = [
        (len(names) < 2, "it needs a control and at least one other arm"),
        (not all(names) or len(set(names)) < len(names), "every arm needs a name of its own"),
        (any(len(name) > 40 for name in names), "names of arms have at most 40 characters"),
        (any(float(arm.get("weight", 0)) <= 0 for arm in experiment.arms), "every arm needs a positive weight"),
        (any(arm.get("params", {}).get("method") not in METHODS for arm in experiment.arms), f"methods are {', '.join(METHODS)}"),
        (not ramp or any(not 0 < s <= 1 for s in ramp) or list(ramp) != sorted(set(ramp)), "a ramp only rises, up to 1"),
        (experiment.metric != "like_rate", "the only primary metric is like_rate"),
        (not experiment.hypothesis.strip(), "it needs a hypothesis"),
        (not 0 < experiment.min_lift < 1 or not 0 < experiment.alpha < 0.5, "the lift and the error rate are shares"),
        (not 0 < experiment.base_rate < 1, "the base rate is a share"),
        (not 0 < experiment.min_days <= experiment.horizon_days, "the fewest days must lie within the horizon"),
        (people_per_day <= 0 or experiment.min_people < 2, "it needs people"),
    ]
    problem = next((text for is_wrong, text in problems if is_wrong), None)
    if problem:
        raise ApplicationError("experiment_invalid", params={"problem": problem})
