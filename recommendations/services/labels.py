"""What people said about their readings as training labels: beside what was measured, without photo, outline or any id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..engine import corrections
from ..models import Analysis
from ..selectors import said_about


def labels() -> Iterator[dict[str, Any]]:
    """A line per correction or answer that stands: its field, value and kind, and the measured reading that it is about.

    ``face`` numbers the faces of this export from 1, so that labels of one face can be kept on one side of a split; another export
    numbers them anew. What was taken back, and what belonged to a deleted analysis, is not there.
    """
    told = Analysis.objects.filter(corrections__isnull=False, reading__isnull=False).distinct()
    face = 0
    for analysis in told.order_by("pk").iterator(chunk_size=200):  # random numbers: the order says nothing of when or who
        reading = analysis.reading or {}
        said = said_about(analysis)
        face += bool(said)
        for field, value in said.items():
            yield {
                "face": face,
                "field": field,
                "value": value,
                "source": corrections.kind(field),
                "measurements": {name: m["value"] for name, m in reading["measurements"].items()},
                "face_shape": reading["face_shape"]["probabilities"],
                "colour": reading["colour"],
                "warnings": [issue["code"] for issue in reading["quality"]["issues"]],
                "versions": reading.get("versions", {}),
            }
