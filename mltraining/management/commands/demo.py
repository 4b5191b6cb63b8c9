from __future__ import annotations

from typing import Any

import numpy as np
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from feedback.services import react
from hairme.common import heartbeat
from hairme.common.models import Job
from mltraining.learn.face_population import FacePopulation
from mltraining.services.story import plot
from mltraining.services.story.people import SharedTaste
from mltraining.services.story.visits import NO_PHOTO, as_stored
from recommendations.engine.types import FaceReading, Wishes
from recommendations.models import Analysis, Style
from recommendations.services.analyses import TASK, store_result
from recommendations.services.recommend import recommend

USERS = ("demo-minji", "demo-jun", "demo-sara")
PRESENTATIONS = ("feminine", "masculine", None)


class Command(BaseCommand):
    help = (
        "Fill the database with a demonstration set, no photo involved. First the story: five weeks of simulated people who use the "
        "site through its API, a version that is trained on what they say and promoted by an experiment, a harmful one that is rolled "
        "back, a drift that starts a retraining (staff page: The story so far). Then accounts `demo-...` with analyses of their own. "
        "What is there already is left as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--analyses", type=int, default=8, help="per account")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--again",
            action="store_true",
            help="make the accounts' analyses anew; the story, whose history is only ever added to, is told once per database",
        )
        parser.add_argument("--no-story", action="store_true", help="accounts only")

    def handle(self, *args: Any, analyses: int, seed: int, again: bool, no_story: bool, **options: Any) -> None:
        if Style._meta.db_table not in connection.introspection.table_names():
            call_command("prepare", stdout=self.stdout)
        if not no_story:
            self._story(seed)
        if get_user_model().objects.filter(username__in=USERS).exists() and not again:
            self.stdout.write("The demonstration accounts are there (--again makes their analyses anew)")
        else:
            self._accounts(analyses, np.random.default_rng(seed))
        plot.catch_up()

    # --- the story -------------------------------------------------------------------------------------------------------------

    def _story(self, seed: int) -> None:
        if plot.is_told():
            self.stdout.write("The story is there: /staff/story/")
            return
        if plot.has_history():
            self.stdout.write(
                "The story is not told: this site has a learning history of its own, which it would stand between. "
                "Elsewhere: HAIRME_VAR=another-folder make demo"
            )
            return
        if heartbeat.alive_queues():
            self.stdout.write(
                "The story is not told while the site runs, whose workers would do their part of it today: stop it, then make demo again"
            )
            return
        try:
            told = plot.tell(plot.Plot(seed=seed), SharedTaste, self._say)
        except plot.StoryBroken as broken:
            raise CommandError(str(broken)) from broken
        self.stdout.write(
            f"{told.people} people, {told.visits} lists, {told.reactions} reactions. /staff/story/ tells it; "
            f"manage.py changepassword {plot.STAFF} lets the demonstration's staff in"
        )

    def _say(self, line: str) -> None:
        self.stdout.write(f"  {line}")
        self.stdout.flush()

    # --- the accounts ----------------------------------------------------------------------------------------------------------

    def _accounts(self, analyses: int, rng: np.random.Generator) -> None:
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
                self._analysis(user, as_stored(reading), presentation, rng)
                count += 1
                self.stdout.write(f"  {count}/{analyses * len(USERS)}", ending="\r")
        self.stdout.write(
            f"{count} analyses of {len(USERS)} demonstration accounts (they have no password; staff see them in the admin)"
        )

    def _analysis(self, user: Any, reading: FaceReading, presentation: str | None, rng: np.random.Generator) -> None:
        wishes = Wishes(presentation=presentation)
        with transaction.atomic():
            job = Job.objects.create(
                task=TASK, queue="inference", state=Job.State.SUCCEEDED, finished_at=timezone.now(), request_id="demo"
            )
            row = Analysis.objects.create(user=user, job=job, language="ko", wishes=wishes.to_json(), photo_sha256="")
            advice = recommend(
                image=NO_PHOTO, reading=reading, wishes=wishes, language="ko", unit=row.unit, ask_advisor=False, draw=row.pk
            )
            store_result(row, reading, advice, request_id="demo")
        for item in row.recommendations.all():
            if rng.random() < 0.6:
                react(user=user, analysis_id=row.pk, impression_id=item.pk, reaction=int(rng.random() < item.ml_score / 100))
