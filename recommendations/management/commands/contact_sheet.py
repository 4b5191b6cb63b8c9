from __future__ import annotations

import html
import statistics
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommendations.engine.catalogue import CatalogueError, StyleEntry, load_catalogue
from recommendations.engine.sketch import draw_sketch, neutral_features
from recommendations.engine.sketch.palette import Lab
from recommendations.engine.vocabulary import FACE_SHAPES


class Command(BaseCommand):
    requires_system_checks = ()  # pure drawing: needs no model, database or broker
    help = "Write an HTML page with the sketch of every canonical cut on all five face shapes, to be looked at."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="the HTML file to write")
        parser.add_argument("--entries", action="store_true", help="every style on the oval face, not only each cut's first")
        parser.add_argument("--dark", action="store_true", help="on a dark page")
        parser.add_argument("--hair", type=_lab, default=None, metavar="L,a,b", help="hair colour in CIELAB (write --hair=...)")
        parser.add_argument("--skin", type=_lab, default=None, metavar="L,a,b", help="skin colour in CIELAB (write --skin=...)")
        parser.add_argument("--width", type=int, default=200, help="width of one sketch in pixels")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            catalogue = load_catalogue()
        except CatalogueError as error:
            raise CommandError(str(error)) from None
        entries = catalogue.entries if options["entries"] else _first_of_each_cut(catalogue.entries)
        shapes = ["oval"] if options["entries"] else list(FACE_SHAPES)
        figures, sizes = [], []
        for entry in entries:
            for face_shape in shapes:
                svg = draw_sketch(
                    entry,
                    features=neutral_features(face_shape),
                    hair_lab=options["hair"],
                    skin_lab=options["skin"],
                    title=entry.name.en,
                    description=entry.description.en,
                    uid=f"{entry.slug}-{face_shape}",
                )
                sizes.append(len(svg.encode()))
                figures.append(f"<figure>{svg}<figcaption>{html.escape(entry.slug)} · {face_shape}</figcaption></figure>")
        paper, ink = ("#141210", "#f3eee7") if options["dark"] else ("#faf7f2", "#1d1916")
        style = (
            f"body{{margin:12px;background:{paper};color:{ink};font:11px system-ui;display:grid;gap:12px;"
            f"grid-template-columns:repeat(auto-fill,{options['width']}px)}}figure{{margin:0}}svg{{display:block;border-radius:10px}}"
        )
        page = f"<!doctype html><meta charset=utf-8><title>Sketches</title><style>{style}</style>{''.join(figures)}"
        try:
            options["path"].write_text(page, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"cannot write {options['path']}: {error.strerror}") from error
        self.stdout.write(
            f"{len(sizes)} sketches of {len(entries)} styles: median {statistics.median(sizes) / 1000:.1f} kB, "
            f"largest {max(sizes) / 1000:.1f} kB -> {options['path']}"
        )


def _first_of_each_cut(entries: tuple[StyleEntry, ...]) -> list[StyleEntry]:
    first: dict[str, StyleEntry] = {}
    for entry in entries:
        first.setdefault(entry.cut, entry)
    return list(first.values())


def _lab(text: str) -> Lab:
    try:
        lightness, a, b = (float(part) for part in text.split(","))
    except ValueError:
        raise CommandError(f"{text!r} is not three numbers like 52,14,24") from None
    return lightness, a, b
