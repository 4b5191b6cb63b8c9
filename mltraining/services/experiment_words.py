"""Sentences for the reasons that a decision gives as words, in the active language."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import translation
from django.utils.translation import gettext_lazy as _

METRICS = {
    "like_rate": _("like rate"),
    "dislike_rate": _("dislikes per style shown"),
    "error_rate": _("failed analyses"),
    "latency_p95": _("slow analyses"),
    "list_diversity": _("kinds of cuts per list"),
}
_REASONS = {
    "sample_ratio_mismatch": _(
        "The arms do not hold as many people as they should: something loses people, so no figure can be trusted."
    ),
    "guardrail_worse": _("A guardrail is worse beyond doubt: {detail}."),
    "worse": _("{detail} is liked less, beyond doubt and by more than counts."),
    "better": _("{detail} is liked more, beyond doubt and by enough to count, and no guardrail got worse."),
    "too_few_people": _("Too few people yet."),
    "too_few_days": _("Not a whole week yet."),
    "lift_too_small": _("The lift is smaller than what counts."),
    "not_certain": _("The always-valid bounds include no lift at all."),
    "guardrail_open": _("Not shown yet to be no worse: {detail}."),
    "horizon_reached": _("The horizon is reached."),
    "nothing_measured": _("Nobody has reacted in both arms yet."),
    "promotion_refused": _("The winner could not be promoted: {detail}"),
}


def sentences(reasons: Iterable[str]) -> list[str]:
    found = []
    for reason in reasons:
        word, _colon, detail = reason.partition(":")
        found.append(str(_REASONS[word]).format(detail=METRICS.get(detail, detail)) if word in _REASONS else reason)
    return found


def in_english(reasons: Iterable[str]) -> str:
    """As it is stored: rows outlive the language that somebody reads them in."""
    with translation.override("en"):
        return " ".join(sentences(reasons))
