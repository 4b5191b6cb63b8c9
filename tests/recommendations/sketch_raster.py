"""A small rasteriser for the sketch's own SVG dialect, so that tests can compare what two sketches show.

Knows what the sketch writes and no more: one group scaled to pixels, paths of m, l, c, s, q and z, gradients taken at their mean
colour, <use>, clip paths ignored, strokes with width. Anything else raises, so that a new kind of mark is not overlooked.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image, ImageDraw

SVG = "{http://www.w3.org/2000/svg}"
_TOKEN = re.compile(r"[MmlcsqzZ]|-?\d+")
_ARGUMENTS = {"m": 2, "l": 2, "c": 6, "s": 4, "q": 4}
_WIDTH, _HEIGHT = 120, 150
_STEPS = 4

Polygon = list[tuple[float, float]]


def flatten(data: str) -> list[Polygon]:
    """Subpaths as polylines, in the path's own units."""
    tokens = _TOKEN.findall(data)
    assert "".join(tokens) == re.sub(r"\s+", "", data), f"unknown path syntax in {data[:60]!r}"
    out: list[Polygon] = []
    here, handle = 0j, 0j
    command, index = "", 0
    while index < len(tokens):
        if tokens[index].lower() in _ARGUMENTS or tokens[index] in "zZ":
            command = tokens[index]
            index += 1
            if command in "zZ":
                here = complex(*out[-1][0])
                out.append([(here.real, here.imag)])
                continue
        count = _ARGUMENTS[command.lower()]
        numbers = [float(token) for token in tokens[index : index + count]]
        index += count
        origin = 0j if command == "M" else here
        points = [complex(x, y) + origin for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        if command.lower() == "m":
            out.append([(points[0].real, points[0].imag)])
            command = "l"
        elif command == "l":
            out[-1].append((points[0].real, points[0].imag))
        else:
            first = points[0] if command == "c" else 2 * here - handle
            for step in range(1, _STEPS + 1):
                t = step / _STEPS
                if command == "q":
                    p = (1 - t) ** 2 * here + 2 * t * (1 - t) * points[0] + t * t * points[1]
                else:
                    p = (1 - t) ** 3 * here + 3 * t * (1 - t) ** 2 * first + 3 * t * t * (1 - t) * points[-2] + t**3 * points[-1]
                out[-1].append((p.real, p.imag))
        handle = points[-2] if command in "cs" else points[-1]
        here = points[-1]
    return out


def rasterise(svg: str) -> np.ndarray:
    """(150, 120, 3) float array of sRGB values 0..255."""
    root = ElementTree.fromstring(svg)
    box = [float(n) for n in root.attrib["viewBox"].split()]
    group = root.find(f"{SVG}g")
    assert group is not None
    unit = float(re.fullmatch(r"scale\(([.\d]+)\)", group.attrib["transform"]).group(1))  # type: ignore[union-attr]
    scale = unit * _WIDTH / box[2]
    paints, shapes = _definitions(group)
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "#fff")
    for element in group:
        tag = element.tag.removeprefix(SVG)
        if tag == "defs":
            continue
        if tag == "rect":
            polygons: list[Polygon] = [[(0, 0), (_WIDTH, 0), (_WIDTH, _HEIGHT), (0, _HEIGHT)]]
        elif tag in ("circle", "ellipse"):
            polygons = [_ellipse(element, scale)]
        else:
            assert tag in ("path", "use"), tag
            data = element.attrib["d"] if tag == "path" else shapes[element.attrib["href"][1:]]
            dx, dy = (float(n) for n in re.findall(r"-?[\d.]+", element.attrib.get("transform", "0 0")))
            polygons = [[((x + dx) * scale, (y + dy) * scale) for x, y in polygon] for polygon in flatten(data)]
        _paint(image, element, polygons, paints, scale)
    return np.asarray(image, dtype=float)


def _definitions(group: ElementTree.Element) -> tuple[dict[str, tuple[str, float]], dict[str, str]]:
    paints: dict[str, tuple[str, float]] = {}
    shapes: dict[str, str] = {}
    for element in group.find(f"{SVG}defs") or ():
        tag, key = element.tag.removeprefix(SVG), element.attrib["id"]
        if tag == "path":
            shapes[key] = element.attrib["d"]
        elif tag.endswith("Gradient"):
            stops = [(_rgb(stop.attrib["stop-color"]), float(stop.attrib.get("stop-opacity", 1))) for stop in element]
            mean = np.mean([colour for colour, _ in stops], axis=0)
            paints[key] = ("#" + "".join(f"{round(c):02x}" for c in mean), float(np.mean([opacity for _, opacity in stops])))
        else:
            assert tag == "clipPath", tag
    return paints, shapes


def _rgb(colour: str) -> tuple[int, ...]:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    return tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4))


def _ellipse(element: ElementTree.Element, scale: float) -> Polygon:
    a = element.attrib
    rx, ry = float(a.get("rx", a.get("r", 0))), float(a.get("ry", a.get("r", 0)))
    turns = np.linspace(0, 2 * np.pi, 24)
    return [((float(a["cx"]) + rx * np.cos(t)) * scale, (float(a["cy"]) + ry * np.sin(t)) * scale) for t in turns]


def _paint(
    image: Image.Image, element: ElementTree.Element, polygons: list[Polygon], paints: dict[str, tuple[str, float]], scale: float
) -> None:
    opacity = float(element.attrib.get("opacity", 1))
    if (fill := element.attrib.get("fill", "none")) != "none":
        colour, strength = paints[fill[5:-1]] if fill.startswith("url(#") else (fill, 1.0)
        mask = Image.new("L", image.size)
        draw = ImageDraw.Draw(mask)
        for polygon in polygons:
            if len(polygon) > 2:
                draw.polygon(polygon, fill=round(255 * opacity * strength))
        image.paste(colour, mask=mask)
    if (stroke := element.attrib.get("stroke", "none")) != "none":
        strength = float(element.attrib.get("stroke-opacity", 1)) * opacity
        width = float(element.attrib["stroke-width"]) * scale
        if "stroke-dasharray" in element.attrib:
            strength /= 2
        mask = Image.new("L", image.size)
        draw = ImageDraw.Draw(mask)
        for polygon in polygons:
            if len(polygon) > 1:
                draw.line(polygon, fill=round(255 * min(strength * min(width, 1), 1)), width=max(round(width), 1))
        image.paste(stroke, mask=mask)
