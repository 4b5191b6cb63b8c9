"""Figures as people read them; what was not counted is a dash."""

from __future__ import annotations

import math

from django import template

register = template.Library()
NOTHING = "–"


@register.filter
def percent(share: float) -> str:
    """0.1234 -> "12.3 %"."""
    return NOTHING if math.isnan(share) else f"{100 * share:.1f} %"


@register.filter
def percent_range(ends: tuple[float, float]) -> str:
    low, high = ends
    return NOTHING if math.isnan(low) else f"{100 * low:.1f}–{100 * high:.1f} %"


@register.filter
def milliseconds(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:,.0f} ms"


@register.filter
def fraction(value: float) -> str:
    """Two decimals."""
    return NOTHING if math.isnan(value) else f"{value:.2f}"
