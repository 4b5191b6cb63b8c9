"""The colour reading's figures as the page of measurements shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy

from .measured_figures import CHANGES, percent

#: The lights and exposures of ``evaluate_colour``, by the names it gives them; the others have the names of ``CHANGES``.
LIGHTS: Final = {
    "tungsten 2856 K": gettext_lazy("Light bulb (2856 K), not balanced"),
    "warm 4000 K": gettext_lazy("Warm light (4000 K), not balanced"),
    "fluorescent F2": gettext_lazy("Fluorescent lamp (F2), not balanced"),
    "cool 8000 K": gettext_lazy("Shade (8000 K), not balanced"),
    "cool 10000 K": gettext_lazy("Blue sky (10000 K), not balanced"),
    "slightly warm 5500 K": gettext_lazy("Slightly warm (5500 K)"),
    "slightly cool 7500 K": gettext_lazy("Slightly cool (7500 K)"),
    "green (G+15 %)": gettext_lazy("Greenish (green +15 %)"),
    "exposure x 0.5": gettext_lazy("Half the exposure"),
    "exposure x 0.7": gettext_lazy("Exposure × 0.7"),
    "exposure x 1.4": gettext_lazy("Exposure × 1.4"),
    "gamma 0.8": gettext_lazy("Lighter shadows (gamma 0.8)"),
    "gamma 1.2": gettext_lazy("Deeper shadows (gamma 1.2)"),
}


def present_colour(figures: Mapping[str, Any]) -> dict[str, Any]:
    """What the template needs of the figures that ``evaluate_colour --card`` wrote; percentages of photos."""
    base, everything = figures["as_they_are"], figures["all_changes"]
    return {
        "photos": base["photos"],
        "named": base["decisions"]["clear"] + base["decisions"]["mixed"],
        "refused": base["refused"],
        "readings": everything["pairs"],
        "flips": everything["flips"],
        "unmarked": everything["flips_unmarked"],
        "warm_cool": percent(figures["lights"]["inside_warm_cool"]),
        "light_deep": percent(figures["exposures"]["inside_light_deep"]),
        "changes": [
            {
                "label": str(LIGHTS.get(name) or CHANGES.get(name, name)),
                "same": percent(row["same_season"]),
                "named": percent(row["named"]),
                "refused": percent(row["refused"]),
                "unmarked": row["flips_unmarked"],
            }
            for name, row in figures["changes"].items()
            if row["pairs"]
        ],
    }
