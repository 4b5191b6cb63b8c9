"""What becomes of a trained version: rejected with the reason, tried on people, or promoted because somebody said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from hairme.common.errors import ApplicationError
from hairme.ml.artifacts import Artifact

from ..experiments.decide import Guardrail
from ..learn.offline_gate import BETTER, TOO_FEW, WORSE, Gate
from ..learn.sanity import Check
from ..models import Experiment, ModelVersion, TrainingRun
from . import experiments, registry, retraining

log = structlog.get_logger(__name__)

LAYER = "recommendations"
#: A person who starts a run looks after it; a run that nobody watches needs evidence before people meet its version.
WATCHED = (TrainingRun.Trigger.COMMAND, TrainingRun.Trigger.STAFF)


@dataclass(frozen=True)
class Decision:
    accepted: bool
    promote: bool
    reason: str


def decide(run: TrainingRun, gate: Gate, checks: Sequence[Check]) -> Decision:
    """Failed checks always reject. A version that is better by its bound is tried. Where the hold-out is too small to tell, one that a
    person asked for is tried unless the few rows speak against it; everything else is rejected, unless it was forced."""
    failed = [f"{check.name} {check.value:.4g} (limit {check.limit:.4g})" for check in checks if not check.passed]
    if failed:
        return Decision(False, False, f"Failed its sanity checks: {', '.join(failed)}.")
    wanted = bool(run.params.get("promote_reason"))
    if gate.outcome == BETTER:
        return Decision(True, wanted, gate.reason)
    if wanted and gate.outcome != WORSE:
        return Decision(True, True, f"{gate.reason} Promoted all the same: {run.params['promote_reason']}")
    if run.params.get("force_experiment"):
        return Decision(True, False, f"{gate.reason} Tried on people all the same, as asked.")
    if gate.outcome == TOO_FEW and run.trigger in WATCHED:
        interval = gate.figures.get("saved_interval")
        if interval is None or interval[1] >= 0:
            return Decision(True, False, f"{gate.reason} Nothing speaks against it, so an experiment decides.")
        return Decision(False, False, f"{gate.reason} What there is speaks against it.")
    return Decision(False, False, gate.reason)


def carry_out(run: TrainingRun, artifact: Artifact, parent: ModelVersion | None, decision: Decision) -> None:
    """Register and reject, try or promote, and end the run. Must run inside the transaction that ends its job."""
    actor, reason = f"retraining:{run.pk}", decision.reason
    version = registry.register(artifact, actor=actor, reason=f"made by run {run.pk}", parent=parent)
    figures = run.metrics.get("gate", {})
    state, what = TrainingRun.State.ACCEPTED, ""
    if not decision.accepted:
        registry.reject(version, actor=actor, reason=reason, metrics=figures)
        state = TrainingRun.State.REJECTED
    elif decision.promote:
        registry.promote(version, actor=str(run.params["actor"]), reason=run.params["promote_reason"], metrics=figures)
        what = "It serves now."
    else:
        what = _try(version, actor, reason, run.params.get("experiment", {}))
    retraining.end(run, state, f"{reason} {what}".strip(), version=version, stage="done")
    log.info("retraining_done", run=run.pk, version=version.key, accepted=decision.accepted, reason=reason)


def _try(version: ModelVersion, actor: str, reason: str, registered: Mapping[str, Any]) -> str:
    """Start the champion against this version where no experiment has the people; returns what was done."""
    other = Experiment.objects.filter(layer=LAYER, state=Experiment.State.RUNNING).first()
    if other is not None:
        return f"It waits as a candidate: experiment {other.key} has the people."
    try:
        fields = dict(registered)
        if "guardrails" in fields:
            fields["guardrails"] = [Guardrail(**guardrail) for guardrail in fields["guardrails"]]
        experiment = experiments.create_for(version, actor=actor, **fields)
        experiments.start(experiment, actor=actor, reason=reason)
    except ApplicationError as error:
        registry.challenge(version, actor=actor, reason=reason)
        return f"It is the challenger; no experiment could be started: {error.message}"
    return f"It is the challenger in experiment {experiment.key}."
