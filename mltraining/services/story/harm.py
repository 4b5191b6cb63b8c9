"""A version that does harm on purpose: a preference scorer whose opinions are turned round."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.conf import settings

from hairme.ml.artifacts import ArtifactError, write_artifact

from ...learn import preference
from ...models import ModelVersion
from ...registry import folders
from ...registry.folders import Entry
from .. import registry
from ..training_catalogue import training_styles

#: What it knows of styles and faces; turned round, it shows what people like least. A person's own taste is left as it was.
TURNED: Final = ("rho", "beta", "offset", "interaction")
NOTE: Final = (
    "Made for the demonstration: the champion's opinions of styles and faces turned round. It shows what people like least."
)


def inverted(champion: ModelVersion, *, actor: str, user: Any = None) -> ModelVersion:
    """Register a candidate beside ``champion``, of the architecture ``preference``, with a card that says what it is.

    Raises ArtifactError where the champion is of another architecture.
    """
    artifact = folders.open_entry(Entry.of(champion))
    if artifact.card.params.get("architecture") != "preference":
        raise ArtifactError(f"{artifact.key} is no preference scorer")
    result = preference.load(artifact)
    turned = replace(result.model, **{name: -getattr(result.model, name) for name in TURNED})
    _encoder, styles = training_styles(str(artifact.card.features.get("encoder", "")))

    def fill(folder: Path) -> None:
        preference.write_files(replace(result, model=turned), folder)
        np.savez(folder / "golden.npz", **preference.golden(turned, styles.entries))  # type: ignore[arg-type]

    made = write_artifact(
        Path(settings.MODELS_DIR),
        name=champion.name,
        version=f"{champion.version}-inverted",
        fill=fill,
        dataset_hash=champion.dataset_hash,
        code_revision=champion.code_revision,
        parent=champion.key,
        features=artifact.card.features,
        params={"architecture": "preference", "demonstration": True},
        notes={"means": NOTE, "fails_where": "Everywhere: it must never serve."},
        replace=True,
    )
    return registry.register(made, actor=actor, reason=NOTE, parent=champion, user=user)
