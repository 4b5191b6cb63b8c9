"""From a catalogue entry's words to the numbers its hair is drawn with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from .texture import Texture, choose_texture

#: Where hanging hair ends, in head coordinates (0 eyes, 1 chin).
END_BY_LENGTH: Final = {"buzz": -0.3, "crop": -0.2, "short": 0.36, "chin": 0.98, "shoulder": 1.5, "long": 2.3, "very_long": 3.3}
PART_BY_WORD: Final = {"none": 0.0, "centre": 0.0, "off_centre": 0.2, "side": 0.42, "deep_side": 0.6}
_FADES: Final = ("low_fade", "mid_fade", "high_fade")
_BACK: Final = ("swept_back", "ponytail", "bun", "cornrows")
_ROPES: Final = {"braids": "braid", "twists": "twist", "locs": "loc"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Numbers in head coordinates unless said otherwise (see face.py); defaults are a plain one-length cut."""

    texture: Texture
    model: str = "fall"  # fall | crop | back | halo | buzz
    part: float = 0.0  # u of the parting, + = image right
    parted: bool = True
    lift: float = 0.13  # above the skull
    side: float = 0.12  # beyond the skull at the temples
    tilt: float = 0.0  # + raises the image-right half of the dome, - the left
    boxy: float = 0.9  # exponent of the dome: smaller is squarer
    cheek: float = 1.16  # u of the outline at cheek height
    jaw: float = 1.12  # ... and at the chin
    end: float = 1.0  # v where the outline ends
    end_u: float = 1.1
    front: float = 1.0  # v where the face-framing edge ends
    front_u: float = 0.8
    open: float = 0.0  # + lets more forehead and cheek show, - less
    ends: str = "soft"  # blunt | soft | ragged | tassel
    tips: int = 5
    tip_depth: float = 3.0  # pixels
    flip: float = 0.0  # + ends turn out, - ends turn in
    slope: float = 0.0  # image-right side this much longer (v)
    back: float | None = None  # v where the hair behind ends; None = as the front
    back_u: float | None = None
    flicks: int = 0  # pieces that leave the outline
    flick: float = 7.0  # pixels they leave it by
    flick_from: float = 0.5  # fraction of the strand above which none leaves
    flick_curl: float = 0.0
    pieces: int = 0  # face-framing pieces that curve over the cheek
    piece: float = 5.0  # pixels they curve in by
    piece_from: float = 0.5
    tuck: str = "none"  # none | left | right | both: behind the ear
    sides: str = "full"
    top: str = "fall"  # fall | forward | back | up | spiky
    fringe: str = "none"
    fringe_v: float | None = None
    fringe_tips: int = 0
    arrangement: str = "loose"
    rope: str = ""  # braid | twist | loc: the hair hangs in ropes
    ropes: int = 9
    sleek: float = 1.0  # strength of the shine
    extras: tuple[str, ...] = field(default=())
    scale: float = 88.0  # face width in pixels
    eye_y: float = 108.0
    params: dict[str, float] = field(default_factory=dict)  # numbers for extras
    tier: dict[str, Any] = field(default_factory=dict)  # what differs in a second, shorter tier laid over the first

    def has(self, extra: str) -> bool:
        return extra in self.extras

    def number(self, name: str, default: float) -> float:
        return float(self.params.get(name, default))


class Words(NamedTuple):
    """The attributes of a catalogue entry that shape the drawing."""

    length: str
    fringe: str
    layers: str
    sides: str
    texture: str
    perm: str
    volume: str
    parting: str
    arrangement: str


def shape_from_words(entry: Words, *, masculine: bool) -> Shape:
    """``masculine``: the style is worn by men only; short hair then shows its sides."""
    hangs = entry.length in ("chin", "shoulder", "long", "very_long")
    texture = choose_texture(entry.texture, entry.perm, hangs)
    values: dict[str, Any] = {"texture": texture, "sides": entry.sides, "fringe": entry.fringe, "arrangement": entry.arrangement}
    end = END_BY_LENGTH[entry.length]
    values |= {"end": end, "front": end, "model": "fall" if hangs or entry.length == "short" else "crop"}
    values |= _scale(entry.length)
    values |= _ends(entry)
    values["part"] = PART_BY_WORD[entry.parting]
    values["parted"] = entry.parting != "none"
    values |= _outline(entry, end, texture)
    values |= _top(entry, masculine)
    if entry.layers in ("medium", "heavy") and hangs:
        values["flicks"] = {"medium": 1, "heavy": 3}[entry.layers]
        values["pieces"] = {"medium": 1, "heavy": 2}[entry.layers]
    if entry.perm == "c_curl":
        values["flip"] = -0.75
    if entry.perm == "down":
        values["side"] = max(values["side"] - 0.06, 0.02)
    if entry.perm == "root":
        values["lift"] += 0.05
    if entry.perm == "straightening":
        values["sleek"] = 1.6
    return Shape(**values)


def _scale(length: str) -> dict[str, float]:
    if length in ("buzz", "crop", "short"):
        return {"scale": 103.0, "eye_y": 130.0}
    return {
        "chin": {"scale": 100.0, "eye_y": 124.0},
        "shoulder": {"scale": 95.0, "eye_y": 116.0},
        "long": {"scale": 87.0, "eye_y": 104.0},
    }.get(length, {"scale": 78.0, "eye_y": 92.0})


def _ends(entry: Words) -> dict[str, Any]:
    return {
        "none": {"ends": "blunt", "tips": 4, "tip_depth": 0.8},
        "subtle": {"ends": "soft", "tips": 5, "tip_depth": 3.0},
        "medium": {"ends": "soft", "tips": 5, "tip_depth": 8.0},
        "heavy": {"ends": "ragged", "tips": 6, "tip_depth": 13.0},
        "graduated": {"ends": "soft", "tips": 5, "tip_depth": 4.0},
    }[entry.layers]


def _outline(entry: Words, end: float, texture: Texture) -> dict[str, Any]:
    wide = texture.widen
    lift, side, cheek, jaw = 0.13, 0.1 + 0.5 * wide, 1.15 + wide, 1.12 + wide
    end_u = jaw + 0.03 * max(end - 1, 0)
    match entry.volume:
        case "flat":
            lift, side, cheek, jaw, end_u = lift - 0.05, side - 0.05, cheek - 0.05, jaw - 0.05, end_u - 0.06
        case "crown":
            lift, end_u = lift + 0.1, end_u - 0.04
        case "sides":
            side, cheek, jaw, end_u = side + 0.09, cheek + 0.18, jaw + 0.16, end_u + 0.08
        case "ends":
            cheek, jaw, end_u = cheek + 0.03, jaw + 0.14, end_u + 0.24
        case "full":
            lift, side, cheek, jaw, end_u = lift + 0.07, side + 0.08, cheek + 0.15, jaw + 0.17, end_u + 0.16
    if entry.layers in ("medium", "heavy") and end > 1.3:
        end_u -= 0.12 if entry.layers == "medium" else 0.2
    front_u = 0.84 if end < 1.3 else 0.74 if end < 2 else 0.62
    values: dict[str, Any] = {
        "lift": lift + 0.12 * wide, "side": side, "cheek": cheek, "jaw": jaw, "end_u": end_u, "front_u": front_u
    }  # fmt: skip
    if entry.layers == "graduated" and end > 0:
        values["back"] = end - 0.24
        values["front"] = end + 0.05
    if texture.kind == "coily" and entry.length in ("crop", "short", "chin") and entry.arrangement == "loose":
        values["model"] = "halo" if entry.sides == "full" else "crop"
    return values


def _top(entry: Words, masculine: bool) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if entry.length == "buzz" or (entry.sides == "shaved" and entry.length in ("buzz", "crop")):
        values["model"] = "buzz"
    if entry.arrangement in _BACK:
        values["model"] = "back" if entry.arrangement != "swept_back" or entry.length not in ("crop", "short") else "crop"
        values["top"] = "back"
        if entry.arrangement == "swept_back" and entry.length in ("chin", "shoulder", "long", "very_long"):
            values["model"] = "fall"
    elif entry.arrangement in ("swept_up", "spiky"):
        values["top"] = "up" if entry.arrangement == "swept_up" else "spiky"
        if entry.length in ("crop", "short"):
            values["model"] = "crop"
    elif entry.arrangement in _ROPES:
        values["rope"] = _ROPES[entry.arrangement]
    if entry.sides not in ("full", "tapered") and entry.length in ("crop", "short") and values.get("model") != "buzz":
        values["model"] = "crop"
    if masculine and entry.length in ("crop", "short") and "model" not in values and entry.texture != "coily":
        values["model"] = "crop"
    if values.get("model") == "crop" and "top" not in values:
        values["top"] = "side" if entry.parting != "none" else "forward"
    return values
