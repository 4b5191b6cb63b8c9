from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from feedback.services import react
from hairme.common.models import Job
from mltraining.learn.face_population import FacePopulation
from recommendations.engine.face_shape import model
from recommendations.engine.measurements import NAMES
from recommendations.engine.sketch import neutral_features
from recommendations.engine.types import FaceReading, Measurement, Wishes
from recommendations.models import Analysis
from recommendations.services.analyses import TASK, store_result
from recommendations.services.recommend import recommend

USERS = ("demo-minji", "demo-jun", "demo-sara")
PRESENTATIONS = ("feminine", "masculine", None)


def _value(name: str, percentile: float) -> float:
    """The measurement that the reference faces have at this percentile: a sampled face knows its rank only."""
    quantiles = model().quantiles[NAMES.index(name)]
    return float(np.interp(percentile, np.linspace(0, 100, len(quantiles)), quantiles))


class Command(BaseCommand):
    help = (
        "Fill the database with a demonstration set: accounts `demo-...` with analyses of synthetic faces and reactions to what the "
        "real engine recommends them. Running it again replaces them. No photo is involved."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--analyses", type=int, default=8, help="per account")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, analyses: int, seed: int, **options: Any) -> None:
        rng = np.random.default_rng(seed)
        users = get_user_model().objects
        with transaction.atomic():
            Job.objects.filter(analysis__in=(old := Analysis.objects.filter(user__username__in=USERS))).update(request_id="demo")
            old.delete()
            Job.objects.filter(request_id="demo").delete()
            users.filter(username__in=USERS).delete()
        count = 0
        for name, presentation in zip(USERS, PRESENTATIONS, strict=True):
            user = users.create_user(name, password=None)
            for reading in FacePopulation.load().sample(analyses, rng):
                self._analysis(user, reading, presentation, rng)
                count += 1
                self.stdout.write(f"  {count}/{analyses * len(USERS)}", ending="\r")
        self.stdout.write(
            f"{count} analyses of {len(USERS)} demonstration accounts (they have no password; staff see them in the admin)"
        )

    def _analysis(self, user: Any, reading: FaceReading, presentation: str | None, rng: np.random.Generator) -> None:
        reading = replace(
            reading,
            measurements={
                name: Measurement(_value(name, m.percentile), m.percentile) for name, m in reading.measurements.items()
            },
            features=neutral_features(reading.face_shape.label),
        )
        wishes = Wishes(presentation=presentation)
        with transaction.atomic():
            job = Job.objects.create(
                task=TASK, queue="inference", state=Job.State.SUCCEEDED, finished_at=timezone.now(), request_id="demo"
            )
            row = Analysis.objects.create(user=user, job=job, language="ko", wishes=wishes.to_json(), photo_sha256="")
            advice = recommend(
                image=np.zeros((64, 64, 3), np.uint8),
                reading=reading,
                wishes=wishes,
                language="ko",
                unit=str(row.pk),
                ask_advisor=False,
            )
            store_result(row, reading, advice, request_id="demo")
        for item in row.recommendations.all():
            if rng.random() < 0.6:
                react(user=user, analysis_id=row.pk, impression_id=item.pk, reaction=int(rng.random() < item.ml_score / 100))
