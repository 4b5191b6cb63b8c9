"""Bring the catalogue under version control into the database. Running it again changes nothing; what staff edited stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from ..engine.catalogue import MULTIPLE, SINGLE, TEXTS, Catalogue, StyleEntry
from ..engine.catalogue import Cut as CutData
from ..models import Cut, Style

_LOCK = 0x6361_7461


@dataclass(slots=True)
class LoadReport:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    kept_by_staff: int = 0  # fields left as staff wrote them


def load_catalogue(catalogue: Catalogue) -> LoadReport:
    """Create and update cuts and styles by slug. A style that left the catalogue is no longer offered, never deleted."""
    report = LoadReport()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cuts = _load_cuts(catalogue.cuts)
        known = {style.slug: style for style in Style.objects.all()}
        new: list[Style] = []
        changed: list[Style] = []
        for entry in catalogue.entries:
            fields = {**style_fields(entry), "cut_id": cuts[entry.cut].pk}
            style = known.pop(entry.slug, None)
            if style is None:
                new.append(Style(slug=entry.slug, **fields))
                continue
            report.kept_by_staff += sum(getattr(style, name) != fields[name] for name in style.staff_edited if name in fields)
            fresh = {name: value for name, value in fields.items() if name not in style.staff_edited}
            if "is_active" not in style.staff_edited:
                fresh["is_active"] = True
            if any(getattr(style, name) != value for name, value in fresh.items()):
                for name, value in fresh.items():
                    setattr(style, name, value)
                changed.append(style)
            else:
                report.unchanged += 1
        Style.objects.bulk_create(new)
        for style in changed:  # a few rows; save() keeps updated_at honest
            style.save()
        report.created, report.updated = len(new), len(changed)
        for style in known.values():
            if style.is_active and "is_active" not in style.staff_edited:
                style.is_active = False
                style.save(update_fields=["is_active", "updated_at"])
                report.withdrawn += 1
    return report


def _load_cuts(cuts: tuple[CutData, ...]) -> dict[str, Cut]:
    loaded: dict[str, Cut] = {}
    for data in cuts:
        values = {"family": data.family, "name_ko": data.name.ko, "name_en": data.name.en, "aliases": list(data.aliases)}
        loaded[data.slug], _created = Cut.objects.update_or_create(slug=data.slug, defaults=values)
    return loaded


def style_fields(entry: StyleEntry) -> dict[str, Any]:
    """The columns of ``Style`` that an entry fills."""
    fields: dict[str, Any] = {name: getattr(entry, name) for name in SINGLE}
    fields |= {name: list(getattr(entry, name)) for name in MULTIPLE}
    fields |= {f"{text}_{language}": getattr(entry, text)[language] for text in TEXTS for language in ("ko", "en")}
    fields |= {"name_ko": entry.name.ko, "name_en": entry.name.en, "aliases": list(entry.aliases)}
    fields |= {"flatters": dict(entry.flatters), "salon_weeks": entry.salon_weeks, "daily_minutes": entry.daily_minutes}
    return fields


def mark_staff_edits(style: Style, changed: list[str]) -> None:
    """Remember which fields staff changed, so that a reload leaves them alone."""
    style.staff_edited = sorted({*style.staff_edited, *changed})
