"""A growing list of SVG elements with ids that stay unique on a page holding many sketches."""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from .face import HEIGHT, WIDTH
from .geometry import GRID, Path, merge

Attribute = str | float | None

_LENGTHS: Final = ("stroke_width", "cx", "cy", "r", "rx", "ry", "width", "height", "stroke_dasharray")


def _attributes(values: dict[str, Attribute]) -> str:
    out = ""
    for name, value in values.items():
        if value is None:
            continue
        if name in _LENGTHS:
            value = " ".join(f"{float(part) * GRID:.0f}" for part in str(value).split())
        text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        out += f" {name.rstrip('_').replace('_', '-')}={quoteattr(text)}"
    return out


class Drawing:
    """Elements in painting order."""

    def __init__(self, uid: str) -> None:
        self.uid = re.sub(r"[^A-Za-z0-9_-]", "-", uid) or "sketch"
        self._defs: list[str] = []
        self._body: list[str] = []
        self._names: set[str] = set()

    def _id(self, name: str) -> str:
        if name in self._names:
            raise ValueError(f"id {name!r} is used twice in one drawing")
        self._names.add(name)
        return f"{self.uid}-{name}"

    def path(self, shape: Path, fill: str, **attributes: Attribute) -> None:
        self._body.append(f'<path d="{shape.d()}"{_attributes({"fill": fill, **attributes})}/>')

    def lines(self, shapes: list[Path], stroke: str, width: float, **attributes: Attribute) -> None:
        """Many open strokes as one element."""
        data = "".join(shape.d() for shape in shapes)
        if data:
            extra = _attributes({"stroke": stroke, "stroke_width": width, **attributes})
            self._body.append(f'<path d="{data}"{extra}/>')

    def shapes(self, shapes: list[Path], fill: str, **attributes: Attribute) -> None:
        """Many closed shapes of one colour as one element."""
        if shapes:
            self.path(merge(shapes), fill, **attributes)

    def element(self, tag: str, **attributes: Attribute) -> None:
        self._body.append(f"<{tag}{_attributes(attributes)}/>")

    def define_path(self, name: str, shape: Path) -> str:
        """Put a path in <defs>; ``use`` paints it, so one outline can be shadow, fill and edge."""
        key = self._id(name)
        self._defs.append(f'<path id="{key}" d="{shape.d()}"/>')
        return key

    def use(self, key: str, **attributes: Attribute) -> None:
        self._body.append(f'<use href="#{key}"{_attributes(attributes)}/>')

    def vertical(self, name: str, top: float, bottom: float, *stops: tuple[float, str, float]) -> str:
        """A vertical gradient between two heights (pixels); stops are (offset, colour, opacity). Returns the paint."""
        key = self._id(name)
        inner = "".join(
            f'<stop offset="{offset:g}" stop-color="{colour}"' + (f' stop-opacity="{opacity:g}"' if opacity < 1 else "") + "/>"
            for offset, colour, opacity in stops
        )
        self._defs.append(
            f'<linearGradient id="{key}" gradientUnits="userSpaceOnUse" x1="0" x2="0" y1="{top * GRID:.0f}" y2="{bottom * GRID:.0f}">'
            f"{inner}</linearGradient>"
        )
        return f"url(#{key})"

    def radial(self, name: str, *stops: tuple[float, str, float]) -> str:
        key = self._id(name)
        inner = "".join(
            f'<stop offset="{o:g}" stop-color="{colour}" stop-opacity="{opacity:g}"/>' for o, colour, opacity in stops
        )
        self._defs.append(f'<radialGradient id="{key}">{inner}</radialGradient>')
        return f"url(#{key})"

    def clip(self, name: str, shape: Path) -> str:
        key = self._id(name)
        self._defs.append(f'<clipPath id="{key}"><path d="{shape.d()}"/></clipPath>')
        return f"url(#{key})"

    def svg(self, title: str, description: str) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="sketch" '
            f'aria-labelledby="{self.uid}-t {self.uid}-d"><title id="{self.uid}-t">{escape(title)}</title>'
            f'<desc id="{self.uid}-d">{escape(description)}</desc><g transform="scale(.2)" fill="none" stroke-linecap="round">'
            f"<defs>{''.join(self._defs)}</defs>{''.join(self._body)}</g></svg>"
        )
