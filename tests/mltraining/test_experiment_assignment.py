"""Who gets which arm: the published vectors, the ramp, and that arms and exposure know nothing of each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltraining.experiments import assignment
from mltraining.experiments.assignment import Share, arm_of, bucket, is_exposed

PUBLISHED: dict[str, Any] = json.loads((Path(assignment.__file__).parent / "assignment_vectors.json").read_text(encoding="utf-8"))
TWO = [Share("control", 1), Share("challenger", 1)]


@pytest.mark.parametrize("vector", PUBLISHED["vectors"], ids=lambda v: ascii(v["salt"][:8] + v["unit"][:12]))
def test_published_vectors(vector: dict[str, Any]) -> None:
    salt, unit = vector["salt"], vector["unit"]
    assert bucket(salt, "exposure", unit) == vector["exposure"]
    assert bucket(salt, "arm", unit) == vector["arm"]
    for name in ("two", "three"):
        arms = [Share(arm, weight) for arm, weight in PUBLISHED["arms"][name]]
        assert arm_of(salt, unit, arms) == vector[name]


def test_vectors_hold_what_other_languages_get_wrong() -> None:
    units = {vector["unit"] for vector in PUBLISHED["vectors"]}
    assert {"é", "e\u0301", "😀", "민지", ""} <= units


@given(st.text(max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_more_exposure_only_adds(unit: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert is_exposed("salt", unit, high) or not is_exposed("salt", unit, low)
    assert is_exposed("salt", unit, 1.0)
    assert not is_exposed("salt", unit, 0.0)


def test_arms_are_even_at_every_exposure_and_salts_are_independent() -> None:
    units = [f"user:{i}" for i in range(20_000)]
    for share in (0.1, 0.5, 1.0):
        exposed = [unit for unit in units if is_exposed("s1", unit, share)]
        assert abs(len(exposed) / len(units) - share) < 0.015
        control = sum(arm_of("s1", unit, TWO) == "control" for unit in exposed) / len(exposed)
        assert abs(control - 0.5) < 0.04
    both = sum(arm_of("s1", unit, TWO) == arm_of("s2", unit, TWO) for unit in units) / len(units)
    assert abs(both - 0.5) < 0.02


def test_weights_share_people_out() -> None:
    arms = [Share("a", 3), Share("b", 1)]
    share = sum(arm_of("w", f"user:{i}", arms) == "a" for i in range(20_000)) / 20_000
    assert abs(share - 0.75) < 0.015
    with pytest.raises(ValueError, match="weight"):
        arm_of("w", "user:1", [Share("a", 0)])
    with pytest.raises(ValueError, match="arms"):
        arm_of("w", "user:1", [])
