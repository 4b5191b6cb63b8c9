from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mltraining.learn.face_population import FILE, FacePopulation, rule_measures
from recommendations.engine.face_shape import model
from recommendations.engine.measurements import NAMES, measure_array, percentiles


class Command(BaseCommand):
    help = "Rebuild the synthetic face population (aggregates only) from reference landmarks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--data", type=Path, required=True, help="landmarks.npz with an array `landmarks` (n, 478, 3) in pixels"
        )

        parser.add_argument("--out", type=Path, default=FILE, help="where the aggregates go (default: the file that is shipped)")

    def handle(self, *args: Any, data: Path, out: Path, **options: Any) -> None:
        try:
            with np.load(data) as arrays:
                landmarks = arrays["landmarks"].astype(np.float64)
        except (OSError, KeyError, ValueError) as error:
            raise CommandError(f"{data} holds no landmarks: {error}") from None
        if landmarks.ndim != 3 or landmarks.shape[1:] != (478, 3) or len(landmarks) < 50:
            raise CommandError(f"{data}: landmarks are {landmarks.shape}, not (n, 478, 3) with at least 50 faces")
        shape = model()
        logits = shape.logits(landmarks)
        logits -= logits.mean(axis=1, keepdims=True)
        measures = rule_measures()
        columns = [NAMES.index(name) for name in measures]
        percent = np.stack([percentiles(row, shape.quantiles) for row in measure_array(landmarks)])[:, columns]
        FacePopulation.fit(measures, percent, logits).save(out)
        self.stdout.write(f"{len(landmarks)} faces, {len(measures)} measurements -> {out}")
