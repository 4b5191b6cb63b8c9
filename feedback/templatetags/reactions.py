"""Reaction buttons for pages of lower apps, which may not import this one."""

from __future__ import annotations

from typing import Any

from django import template

from ..services import reactions_of

register = template.Library()


register.simple_tag(reactions_of)


@register.inclusion_tag("feedback/partials/reaction_buttons.html")
def reaction_buttons(analysis_id: int, impression_id: int, given: dict[int, int]) -> dict[str, Any]:
    return {"analysis_id": analysis_id, "impression_id": impression_id, "current": given.get(impression_id), "changed": False}
