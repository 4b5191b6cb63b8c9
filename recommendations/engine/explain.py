"""Why a style, and what speaks against it, from what was measured on this face."""

from __future__ import annotations

from .catalogue import StyleEntry
from .stylist_rules import Voice, voices
from .types import FaceReading
from .vocabulary import EFFECTS, FACE_SHAPES

#: Korean clauses for what a style does, as a drawback says it.
_DOES_KO = {
    "lengthens_face": "얼굴을 더 길어 보이게 해서",
    "shortens_face": "얼굴을 더 짧아 보이게 해서",
    "adds_width": "옆 폭을 더해서",
    "sharpens_jaw": "턱선을 더 도드라지게 해서",
    "opens_forehead": "이마를 드러내서",
    "covers_forehead": "이마를 덮어서",
    "fills_chin": "턱 주변을 채워서",
    "adds_height": "정수리를 높여서",
    "slims_cheeks": "볼 옆을 가려서",
    "softens_jaw": "턱선을 가려서",
    "frames_eyes": "시선을 눈으로 모아서",
    "lengthens_neck": "목선을 드러내서",
}

_NEUTRAL_KO = "얼굴 비율 가운데 이 스타일에 크게 유리하거나 불리한 것은 없어요."
_NEUTRAL_EN = "None of your proportions speaks strongly for or against it."

NOTABLE = 2.0  # points below which a rule is not worth a sentence
LIKELY = 0.15  # probability below which a face shape is no reason


def explain(reading: FaceReading, entry: StyleEntry, language: str) -> tuple[str, str]:
    """(reason, drawback) in ``language``: the measured rule that speaks most for the style with what the style does about it,
    and the rule that speaks most against it or, where none does, what the style costs."""
    speaking = voices(reading)
    best = max(speaking, key=lambda voice: voice.points(entry.effects), default=None)
    worst = min(speaking, key=lambda voice: voice.points(entry.effects), default=None)
    why = entry.why[language]
    reason = (
        f"{_measured(best, language)} {why}"
        if best is not None and best.points(entry.effects) >= NOTABLE
        else _by_shape(reading, entry, language)
    )
    cost = entry.cost[language]
    if worst is not None and worst.points(entry.effects) <= -NOTABLE:
        return reason, f"{_against(worst, entry, language)} {cost}"
    return reason, cost


def _measured(voice: Voice, language: str) -> str:
    return f"{voice.sentence(language)}."


def _by_shape(reading: FaceReading, entry: StyleEntry, language: str) -> str:
    """No measurement stands out: say how likely the shape is that speaks most for the style, or what the likeliest shape says."""
    probabilities = reading.face_shape.probabilities
    likely = [shape for shape in FACE_SHAPES if probabilities[shape] >= LIKELY]  # never empty: five shapes share 1
    suited = max(likely, key=lambda shape: probabilities[shape] * entry.flatters[shape])
    korean = language.startswith("ko")
    if entry.flatters[suited] <= 0:
        return f"{_NEUTRAL_KO if korean else _NEUTRAL_EN} {_of_likeliest(reading, entry, korean)} {entry.why[language]}"
    percent, label = round(100 * probabilities[suited]), FACE_SHAPES[suited]
    if korean:
        return f"{label.ko}일 가능성 {percent}%인 얼굴에 맞춰 골랐어요. {entry.why.ko}"
    return f"Chosen for a face that reads {percent} % {label.en}. {entry.why.en}"


def _of_likeliest(reading: FaceReading, entry: StyleEntry, korean: bool) -> str:
    """What the style does for the shape that the face most probably has, where that is nothing good."""
    shape = max(FACE_SHAPES, key=lambda name: reading.face_shape.probabilities[name])
    percent, label = round(100 * reading.face_shape.probabilities[shape]), FACE_SHAPES[shape]
    harms = entry.flatters[shape] < 0
    if korean:
        return f"{label.ko}일 가능성이 {percent}%인데, {label.ko}에는 {'덜 어울려요' if harms else '무난해요'}."
    judged = "for which there are better ones" if harms else "to which it does neither good nor harm"
    return f"Your face reads {percent} % {label.en}, {judged}."


def _against(voice: Voice, entry: StyleEntry, language: str) -> str:
    effect = max((e for e in entry.effects if e in voice.rule.avoids), key=lambda e: voice.rule.avoids[e])
    if language.startswith("ko"):
        return f"{voice.sentence(language)}. 이 스타일은 {_DOES_KO[effect]} 길이와 볼륨을 조절하면 좋아요."
    return f"{voice.sentence(language)}, and this style {EFFECTS[effect].en}: ask your stylist to adjust it."
