"""How often the quality gate says the right thing of planted damage, and how often it complains of photos as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from mltraining.learn.face_shape_photos import attempt
from mltraining.learn.quality_damage import DAMAGE
from recommendations.engine import landmarks
from recommendations.engine.quality import CODES
from recommendations.engine.types import FaceReading

#: Who wears glasses in the first photograph of each person of the AT&T set (folders s1 to s40), by eye.
ATT_GLASSES: Final = frozenset({2, 4, 6, 13, 14, 17, 19, 20, 27, 28, 31, 34, 37})


def codes_of(image: np.ndarray) -> frozenset[str]:
    """Everything that the gate says: the refusal alone, or the warnings."""
    found = attempt(image)
    return frozenset({found} if isinstance(found, str) else (issue.code for issue in found.quality.issues))


def evaluate(photos: Sequence[tuple[Path, np.ndarray]], *, say: Callable[[str], None]) -> dict[str, Any]:
    """Codes of the photos as they are, and of each kind of damage on those that can be read; ValueError where none can be.

    A damage counts as found where a code that names it appears that the photo did not have before; photos that had one already
    are left out of that row.
    """
    before = [codes_of(image) for _, image in photos]
    alarms = Counter(code for codes in before for code in codes)
    readable = [
        (image, codes) for (_, image), codes in zip(photos, before, strict=True) if not any(CODES[c] == "stop" for c in codes)
    ]
    if not readable:
        raise ValueError("none of these photos can be read")
    say(f"{len(readable)} of {len(photos)} photos can be read")
    faces = [landmarks.finder().find(image)[0] for image, _ in readable]
    rows: dict[str, dict[str, Any]] = {}
    for damage in DAMAGE:
        after: list[frozenset[str]] = []
        for (image, had), face in zip(readable, faces, strict=True):
            if had & damage.expected or (damage.needs_colour and "no_colour" in had):
                continue
            after.append(codes_of(np.ascontiguousarray(damage.plant(image, face))))
        if after:
            others = Counter(code for codes in after for code in codes - damage.expected)
            rows[damage.name] = {
                "expected": sorted(damage.expected),
                "photos": len(after),
                "found": float(np.mean([bool(codes & damage.expected) for codes in after])),
                "refused": float(np.mean([any(CODES[c] == "stop" for c in codes) for codes in after])),
                "others": dict(others.most_common(3)),
            }
            say(f"  {damage.name}")
    return {
        "photos": len(photos),
        "read": len(readable),
        "as_they_are": {code: alarms[code] / len(photos) for code in CODES if alarms[code]},
        "damage": rows,
        "glasses": _glasses(photos),
    }


def _glasses(photos: Sequence[tuple[Path, np.ndarray]]) -> dict[str, Any] | None:
    """The AT&T set's first photographs: wearers by eye against the warning. None for other photos."""
    seen: list[tuple[bool, bool]] = []
    for path, image in photos:
        person = path.parent.name.removeprefix("s")
        if path.stem == "1" and person.isdecimal() and isinstance(found := attempt(image), FaceReading):
            seen.append((int(person) in ATT_GLASSES, any(issue.code == "glasses" for issue in found.quality.issues)))
    if not any(worn for worn, _ in seen):
        return None
    wearers, others = [said for worn, said in seen if worn], [said for worn, said in seen if not worn]
    return {
        "wearers": len(wearers),
        "found": float(np.mean(wearers)),
        "others": len(others),
        "false_alarms": float(np.mean(others)) if others else 0.0,
    }


def report(result: dict[str, Any]) -> str:
    lines = [f"{result['read']} of {result['photos']} photos read. Said of the photos as they are (share of photos):"]
    lines += [f"  {code:<18} {share:.3f}  ({CODES[code]})" for code, share in result["as_they_are"].items()]
    lines.append("planted damage: photos, found, refused; then what else was said")
    for name, row in result["damage"].items():
        more = ", ".join(f"{code} {count}" for code, count in row["others"].items())
        lines.append(f"  {name:<34} {row['photos']:>4}  {row['found']:.2f}  {row['refused']:.2f}  {more}")
    if glasses := result["glasses"]:
        lines.append(
            f"glasses worn, by eye: {glasses['wearers']} wearers, found {glasses['found']:.2f}; "
            f"{glasses['others']} others, false alarms {glasses['false_alarms']:.2f}"
        )
    return "\n".join(lines)
