"""The ablation trains on the same reactions at every share and judges on later ones, on slices that add up."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from mltraining.learn import dataset as datasets
from mltraining.learn import hold_out
from mltraining.learn.ablation import slices_of
from mltraining.learn.simulated_dataset import simulate
from mltraining.learn.simulation.simulators import LatentTaste
from mltraining.services import snapshots
from recommendations.engine.catalogue import load_catalogue
from tests.mltraining.test_dataset import build, row

SIMULATOR = "mltraining.learn.simulation.simulators:LatentTaste"


@pytest.fixture
def few_faces(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(snapshots, "SYNTHETIC_FACES", 30)
    monkeypatch.setattr(hold_out, "AUC_DRAWS", 20)


@pytest.mark.usefixtures("few_faces")
def test_command_prints_every_share_on_every_slice() -> None:
    out, err = StringIO(), StringIO()
    call_command(
        "ablate_synthetic_share", "--simulator", SIMULATOR, "--users", "8", "--rounds", "3", "--json",
        "--architecture", "preference", stdout=out, stderr=err,
    )  # fmt: skip
    said = json.loads(out.getvalue())
    results = said["results"]
    assert {(r["share"], r["slice"]) for r in results} == {
        (share, name)
        for share in (0.0, 0.3, 0.5, 0.7, 1.0)
        for name in ("all", "cold people", "warm people", "cold styles", "warm styles")
    }
    for share in (0.0, 1.0):
        rows = {r["slice"]: r["rows"] for r in results if r["share"] == share}
        assert rows["all"] == rows["cold people"] + rows["warm people"] == rows["cold styles"] + rows["warm styles"] > 0
    assert all(r["auc_interval"][0] <= r["auc"] <= r["auc_interval"][1] for r in results if r["slice"] == "all")
    assert len({round(r["log_loss"], 9) for r in results if r["slice"] == "all"}) > 1


@pytest.mark.usefixtures("few_faces")
def test_what_cannot_be_ablated_is_a_sentence() -> None:
    with pytest.raises(CommandError, match=r"no\.such"):
        call_command("ablate_synthetic_share", "--simulator", "no.such:World", stdout=StringIO())
    with pytest.raises(CommandError, match="later ones"):
        call_command("ablate_synthetic_share", "--simulator", SIMULATOR, "--users", "1", "--rounds", "1", stdout=StringIO())


def test_simulated_reactions_are_the_same_for_a_seed_and_in_order_of_time() -> None:
    entries = load_catalogue().entries

    def made(seed: int) -> datasets.Dataset:
        return simulate(LatentTaste(entries, 1), entries, [], users=6, rounds=3, share=0.7, seed=seed)

    data = made(0)
    assert made(0).hash == data.hash != made(1).hash
    assert (data.given_at > data.shown_at).all()
    assert 6 < len(np.unique(data.unit)) < 18  # some come back
    returning = data.shown_at > data.shown_at.min() + 12 * 3_600_000_000
    assert any(data.pasts(np.flatnonzero(returning)))


def test_slices_tell_new_people_and_rare_styles() -> None:
    rows = [row("u", i, "a") for i in range(3)] + [row("u", 10, "a"), row("new", 11, "b")]
    data = build(rows)
    slices = slices_of(data, np.arange(3), np.arange(3, 5))
    assert {name: mask.tolist() for name, mask in slices.items()} == {
        "all": [True, True],
        "cold people": [False, True],
        "warm people": [True, False],
        "cold styles": [False, True],
        "warm styles": [True, False],
    }
