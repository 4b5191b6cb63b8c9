"""Puts a sketch together back to front: paper, hair behind, shoulders, face, hair in front, fringe, what is tied."""

from __future__ import annotations

from recommendations.engine.catalogue import StyleEntry

from .arrangements import bun, draw_tied_behind, draw_tied_front
from .crop import draw_buzz, draw_crop_top, draw_ridge
from .drawing import Drawing
from .face import Face, Features, build_face
from .fringe import build_fringe
from .hair_back import draw_back, draw_nape
from .hair_top import draw_fall, fall_sheets
from .halo import draw_halo_back, draw_halo_front
from .jitter import Jitter
from .overrides import apply_overrides, words_of
from .palette import Lab, Palette, make_palette
from .portrait import draw_backdrop, draw_body, draw_ears, draw_features, draw_head
from .ropes import draw_ropes_back, draw_ropes_front, draw_short_ropes
from .shape import Shape, shape_from_words
from .sides import draw_sides
from .updo import (
    draw_behind_cornrows,
    draw_crown_plait,
    draw_fulani,
    draw_half_up,
    draw_knots_behind,
    draw_puff,
    draw_pulled_back,
    draw_strand,
    draw_temple_plaits,
)


def derive_shape(entry: StyleEntry) -> Shape:
    """The entry's words as numbers, then its cut's own line."""
    masculine = entry.presentations[0] == "masculine"
    shape = shape_from_words(words_of(entry), masculine=masculine)
    return apply_overrides(entry, shape, lambda words: shape_from_words(words, masculine=masculine))


def compose(entry: StyleEntry, *, features: Features | None, hair_lab: Lab | None, skin_lab: Lab | None, uid: str) -> Drawing:
    shape = derive_shape(entry)
    soft = {"feminine": 1.0, "masculine": 0.0}.get(entry.presentations[0], 0.5)
    if set(entry.presentations) >= {"feminine", "masculine"}:
        soft = 0.5
    face = build_face(features, eye_y=shape.eye_y, scale=shape.scale)
    palette = make_palette(hair_lab, skin_lab, accent=0.35 + 0.65 * soft)
    drawing = Drawing(uid)
    rng = Jitter(entry.slug)
    draw_backdrop(drawing, palette)
    _behind(drawing, face, shape, palette, rng)
    draw_body(drawing, face, palette, broad=1 - soft)
    draw_ears(drawing, face, palette)
    draw_head(drawing, face, palette)
    draw_features(drawing, face, palette, soft=soft)
    fringe = build_fringe(face, shape, rng)
    if fringe:
        fringe.shadow(drawing, palette)
    _front(drawing, face, shape, palette, rng)
    if fringe:
        fringe.paint(drawing, face, palette)
    return drawing


def _behind(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    if shape.model == "halo":
        draw_halo_back(drawing, face, shape, palette, rng)
    elif shape.model == "fall":
        sheets = fall_sheets(face, shape)
        if shape.rope:
            draw_ropes_back(drawing, face, shape, palette, rng)
        else:
            draw_back(drawing, face, shape, palette, sheets, rng)
        if shape.has("twin_knots"):
            for sign in (-1, 1):
                bun(
                    drawing,
                    shape,
                    palette,
                    rng,
                    face.pt(sign * 0.72, -1.08),
                    face.w * shape.number("bun", 0.3),
                    name=f"bn{sign + 1}",
                )
        if shape.has("top_knot") and not shape.has("temple_plaits"):
            radius = face.w * shape.number("bun", 0.3)
            bun(drawing, shape, palette, rng, face.pt(0, -1.0 - shape.lift) - 0.5j * radius, radius, name="bn")
    elif shape.model == "back":
        if shape.has("puff"):
            draw_puff(drawing, face, shape, palette, rng)
        elif shape.has("knots"):
            draw_knots_behind(drawing, face, shape, palette, rng)
        elif shape.has("rows_hang") and shape.arrangement != "bun":
            draw_behind_cornrows(drawing, face, shape, palette, rng)
        else:
            draw_tied_behind(drawing, face, shape, palette, rng)
    draw_nape(drawing, face, shape, palette, rng)


def _front(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    match shape.model:
        case "buzz":
            draw_buzz(drawing, face, shape, palette, rng)
        case "halo":
            draw_halo_front(drawing, face, shape, palette, rng)
        case "crop":
            _crop(drawing, face, shape, palette, rng)
        case "back":
            draw_pulled_back(drawing, face, shape, palette, rng)
        case _ if shape.rope:
            draw_ropes_front(drawing, face, shape, palette, fall_sheets(face, shape), rng)
        case _:
            draw_fall(drawing, face, shape, palette, rng)
            draw_tied_front(drawing, face, shape, palette, rng)
    if shape.arrangement == "half_up" and shape.model == "fall":
        if shape.has("temple_plaits"):
            draw_temple_plaits(drawing, face, palette)
        else:
            draw_half_up(drawing, face, shape, palette, rng)
        if shape.has("crown_plait"):
            draw_crown_plait(drawing, face, shape, palette)
    if shape.has("fulani"):
        draw_fulani(drawing, face, shape, palette, rng)


def _crop(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    if shape.has("ridge"):
        draw_buzz(drawing, face, shape, palette, rng)
        draw_ridge(drawing, face, shape, palette, rng)
        return
    draw_sides(drawing, face, shape, palette)
    if shape.rope:
        draw_short_ropes(drawing, face, shape, palette, rng)
        return
    draw_crop_top(drawing, face, shape, palette, rng)
    if shape.has("strand"):
        draw_strand(drawing, face, shape, palette)
    if shape.has("low_ridge"):
        draw_ridge(drawing, face, shape, palette, rng)
