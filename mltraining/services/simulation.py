"""Simulations over the shipped catalogue: what policies start from, and many runs side by side."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any

import numpy as np

from hairme.ml.artifacts import PRETRAINED_ROOT, open_artifact

from ..learn import preference, preference_data, scorer_data
from ..learn.simulation.policies import SYNTHETIC_SHARE, Material, make_policy
from ..learn.simulation.run import Outcome, Setting, run
from ..learn.synthetic import stylist_faces
from .seed_mlp import catalogue_vectors

FACES = 1000  # synthetic faces that the learning policies know, as the shipped models do
SHIPPED = {"seed-mlp": "seed-mlp-1", "challenger": "preference-1"}


@cache
def material() -> Material:
    """The shipped models and the synthetic data that they were made of; no reaction is in it."""
    from safetensors.torch import load_file

    from ..learn.simulation.seed_mlp import SeedLearner

    encoder, entries, vectors = catalogue_vectors()
    faces = [face for candidate in islice(stylist_faces(entries, seed=0), FACES) if (face := candidate.label()) is not None]
    synthetic = preference_data.from_synthetic(faces, entries)
    scores = scorer_data.build(faces, dict(zip((entry.slug for entry in entries), vectors, strict=True)), encoder)
    root = PRETRAINED_ROOT / "hairstyle-scorer"
    weights = load_file(str(root / SHIPPED["seed-mlp"] / "weights.safetensors"))
    number = {cut: i for i, cut in enumerate(sorted({entry.cut for entry in entries}))}
    return Material(
        entries,
        vectors,
        np.array([number[entry.cut] for entry in entries]),
        synthetic,
        preference.train(synthetic, preference.load(open_artifact(root / SHIPPED["challenger"]))),
        lambda seed: SeedLearner(weights, scores.inputs, scores.scores, vectors, SYNTHETIC_SHARE, seed),
    )


def simulator_class(path: str) -> type[Any]:
    """``module:Class``. Raises ValueError where it is not there or lacks what the protocol asks for."""
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{path!r} is no simulator (module:Class): {error}") from None
    missing = [method for method in ("sample_person", "react") if not callable(getattr(found, method, None))]
    if not isinstance(found, type) or missing:
        raise ValueError(f"{path!r} is no simulator: it lacks {', '.join(missing) or 'a class'}")
    return found


@dataclass(frozen=True, slots=True)
class Job:
    simulator: str
    policy: str
    setting: Setting


def simulate(job: Job) -> Outcome:
    world = simulator_class(job.simulator)(material().entries, job.setting.seed)
    return run(make_policy(job.policy, material(), world, job.setting.seed), world, material(), job.setting)


def simulate_all(
    simulators: Sequence[str], policies: Sequence[str], setting: Setting, seeds: int, processes: int
) -> Iterator[tuple[Job, Outcome]]:
    """Every policy in every world of ``seeds`` seeds from the setting's on, as they finish."""
    jobs = [
        Job(simulator, policy, replace(setting, seed=setting.seed + number))
        for number in range(seeds)
        for simulator in simulators
        for policy in policies
    ]
    if processes < 2 or len(jobs) < 2:
        for job in jobs:
            yield job, simulate(job)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_start) as pool:
        waiting = {pool.submit(simulate, job): job for job in jobs}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def _start() -> None:
    """In a fresh process: one thread each, since there is one process per core."""
    import django
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = "1"
    threadpool_limits(1)
    django.setup()
