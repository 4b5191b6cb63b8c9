"""What share of a version's styles people would like, before anyone sees its lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.utils import timezone

from hairme.ml.artifacts import get_store
from recommendations.engine.scoring import Scorer, load_scorer
from recommendations.engine.types import RankedStyle, Suggestion
from recommendations.selectors import SCORER, catalogue_snapshot
from recommendations.services.history import MOST
from recommendations.services.request import Request, encoder_of, score_with

from ..learn.off_policy import NewLists, OffPolicyEstimate, Reacted, cross_fitted, estimate
from ..selectors.impressions import ShownItem, ShownList, shown_lists


@dataclass(frozen=True)
class Evaluation:
    model: str
    lists: int
    reactions: int
    new_styles: float  # mean number of styles in a list of this version that the shown list did not hold
    estimate: OffPolicyEstimate


def evaluate_version(
    version: str | None, *, days: int, most: int, clip: float | None = None, resamples: int = 1000, seed: int = 0
) -> Evaluation:
    """The version (None: the champion) against the newest ``most`` lists of the last ``days`` days.

    Its lists are made by the site's own ranking with the advice that was given then; only the learned places differ.
    Raises ArtifactError for a version that cannot be read, ValueError where nobody reacted to anything.
    """
    scorer = load_scorer(get_store().resolve(SCORER, version))
    lists = shown_lists(timezone.now() - timedelta(days=days), most=most)
    return _evaluate(scorer, lists, clip=clip, resamples=resamples, seed=seed)


@dataclass(frozen=True)
class _Compared:
    """One shown list beside the version's."""

    shown: ShownList
    request: Request
    new: list[RankedStyle]

    @property
    def wanted(self) -> set[str]:
        return {item.slug or item.name for item in self.new}

    @property
    def supported(self) -> int:
        """Styles of the new list that were shown, or that chance could have put there."""
        items = self.shown.items
        shown, cuts, names = {_key(item) for item in items}, {item.cut for item in items}, {item.name for item in items}
        explores = any(item.candidate == "explored" or item.propensity < 1 for item in items)
        return sum(
            (item.slug or item.name) in shown or (explores and item.cut not in cuts and item.name not in names)
            for item in self.new
        )


def _key(item: ShownItem) -> str:
    return item.slug or item.name


def _evaluate(scorer: Scorer, lists: Sequence[ShownList], *, clip: float | None, resamples: int, seed: int) -> Evaluation:
    encoder = encoder_of(scorer)
    catalogue = catalogue_snapshot(encoder.id)
    row = {entry.slug: i for i, entry in enumerate(catalogue.entries)}
    units: dict[str, int] = {}
    compared = []
    for shown in lists:
        units.setdefault(shown.unit, len(units))
        request = score_with(
            scorer,
            encoder,
            catalogue,
            reading=shown.reading,
            wishes=shown.wishes,
            language=shown.language,
            past=shown.past[-MOST:],
        )
        compared.append(_Compared(shown, request, _new_list(request, shown)))
    given = [(c, item) for c in compared for item in c.shown.items if item.liked is not None]
    if not given:
        raise ValueError("nothing was shown in that time that anybody reacted to")
    person = np.array([units[c.shown.unit] for c, _item in given])
    liked = np.array([float(bool(item.liked)) for _c, item in given])
    scores = np.array([float(c.request.scores[row[i.slug]]) if i.slug in row else i.score for c, i in given])
    lengths = np.array([len(c.new) for c in compared])
    list_person = np.array([units[c.shown.unit] for c in compared])
    new_scores = np.array([item.ml_score for c in compared for item in c.new])
    predicted, new_predicted = cross_fitted(scores, liked, person, new_scores, np.repeat(list_person, lengths))
    reacted = Reacted(
        person=person,
        wanted=np.array([_key(item) in c.wanted for c, item in given]),
        propensity=np.array([item.propensity for _c, item in given]),
        liked=liked,
        predicted=predicted,
    )
    new = NewLists(
        person=list_person,
        length=lengths,
        supported=np.array([c.supported for c in compared]),
        predicted=np.bincount(np.repeat(np.arange(len(compared)), lengths), new_predicted, minlength=len(compared)),
    )
    fresh = [len(c.wanted - {_key(item) for item in c.shown.items}) for c in compared]
    return Evaluation(
        model=scorer.key,
        lists=len(compared),
        reactions=len(given),
        new_styles=float(np.mean(fresh)),
        estimate=estimate(reacted, new, people=len(units), clip=clip, resamples=resamples, seed=seed),
    )


def _new_list(request: Request, shown: ShownList) -> list[RankedStyle]:
    """The version's list on the advice of that time; as long as the one that was shown."""
    advised = [item for item in shown.items if item.candidate == "advised"]
    suggestions = [Suggestion(item.name, item.slug or None, item.cut or None, "", item.source) for item in advised]
    return request.merged(suggestions, len(advised), len(shown.items) - len(advised))
