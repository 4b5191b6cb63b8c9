from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.common.errors import ApplicationError
from hairme.ml.artifacts import ArtifactError
from mltraining.learn.off_policy import Interval
from mltraining.services.off_policy import Evaluation, evaluate_version
from recommendations.selectors import SCORER


class Command(BaseCommand):
    help = (
        "Estimate what share of a version's styles people would like from what was shown to them and how they reacted, before anyone "
        "sees its lists. Says so where the logged lists support no answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", default="", metavar="NAME@VERSION", help=f"a version of {SCORER}; default: the champion")
        parser.add_argument("--days", type=int, default=28, help="of shown lists")
        parser.add_argument("--lists", type=int, default=5000, help="at most this many, the newest")
        parser.add_argument("--clip", type=float, help="most that one reaction may weigh (default: sqrt(n) times the mean)")
        parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, model: str, days: int, lists: int, clip: float | None, seed: int, **options: Any) -> None:
        name, at, version = model.rpartition("@")
        if name not in ("", SCORER) or (at and not version) or min(days, lists) < 1 or (clip is not None and clip < 1):
            raise CommandError(f"--model takes {SCORER}@VERSION; --days, --lists and --clip are 1 or more")
        try:
            result = evaluate_version(version or None, days=days, most=lists, clip=clip, seed=seed)
        except (ArtifactError, ValueError, ApplicationError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_plain(asdict(result)), ensure_ascii=False))
        else:
            self._say(result)

    def _say(self, result: Evaluation) -> None:
        e = result.estimate
        self.stdout.write(f"{result.model} on {result.lists} lists shown to {e.people} people, {result.reactions} reactions")
        self.stdout.write(f"  {result.new_styles:.2f} styles of a list are new, {e.support:.1%} could have been shown")
        self.stdout.write(
            f"  {e.matches} reactions were to its styles, {e.explored_matches} of them to drawn ones; ESS {e.ess:.0f}; "
            f"clipped at {e.clip:.1f}, which takes {e.clipped:.1%} of the weight"
        )
        for label, interval in (("shown (measured)", e.logged), ("SNIPS", e.snips), ("doubly robust", e.doubly_robust)):
            self.stdout.write(f"  {label:17} {_words(interval)}")
        if e.problems:
            self.stdout.write("Too thin to rely on: " + "; ".join(e.problems) + ".")
        else:
            self.stdout.write("Enough support: the figures hold under the assumptions in docs/learning/serving.md.")


def _words(interval: Interval) -> str:
    if math.isnan(interval.value):
        return "no answer: nobody reacted to a style of this version"
    return f"{interval.value:.1%} liked (95 % {interval.low:.1%} to {interval.high:.1%})"


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
