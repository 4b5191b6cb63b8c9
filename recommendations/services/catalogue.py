"""Bring the catalogue under version control into the database. Running it again changes nothing; what staff edited stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, transaction

from ..engine.catalogue import MULTIPLE, SINGLE, TEXTS, Catalogue, StyleEntry
from ..engine.catalogue import Cut as CutData
from ..models import Cut, Style

_LOCK = 0x6361_7461
Row = TypeVar("Row", Style, Cut)


@dataclass(slots=True)
class LoadReport:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    kept_by_staff: int = 0  # fields left as staff wrote them


class NameTaken(ValueError):
    """Staff gave a style or cut the name that the catalogue gives to another."""


def load_catalogue(catalogue: Catalogue) -> LoadReport:
    """Create and update cuts and styles by slug. A style that left the catalogue is no longer offered, never deleted.

    What staff wrote in the admin stays. Raises NameTaken where the catalogue can only be loaded after staff have renamed something.
    """
    report = LoadReport()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cuts = _bring_in(Cut, {cut.slug: _cut_fields(cut) for cut in catalogue.cuts}, LoadReport())
        wanted = {entry.slug: {**style_fields(entry), "cut": cuts[entry.cut], "is_active": True} for entry in catalogue.entries}
        styles = _bring_in(Style, wanted, report)
        for slug, style in styles.items():
            if slug not in wanted and style.is_active and "is_active" not in style.staff_edited:
                style.is_active = False
                style.save(update_fields=["is_active", "updated_at"])
                report.withdrawn += 1
    return report


def _bring_in(model: type[Row], wanted: Mapping[str, Mapping[str, Any]], report: LoadReport) -> dict[str, Row]:
    """Make the rows of ``model`` say what is ``wanted`` (slug -> fields), but for what staff edited. Returns all rows by slug."""
    rows: dict[str, Row] = {row.slug: row for row in model._default_manager.all()}
    _let_go_of_names(rows, wanted)
    new: list[Row] = []
    for slug, fields in wanted.items():
        row = rows.get(slug)
        if row is None:
            new.append(model(slug=slug, **fields))
            continue
        report.kept_by_staff += sum(getattr(row, name) != fields[name] for name in row.staff_edited if name in fields)
        fresh = {name: value for name, value in fields.items() if name not in row.staff_edited and getattr(row, name) != value}
        for name, value in fresh.items():
            setattr(row, name, value)
        if fresh:
            row.save()  # a few rows; it keeps updated_at honest
        report.updated += bool(fresh)
        report.unchanged += not fresh
    model._default_manager.bulk_create(new)
    report.created += len(new)
    return rows | {row.slug: row for row in new}


def _let_go_of_names(rows: Mapping[str, Row], wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """Names are unique, and a new catalogue may give a row's name to another: the row that has it parks under its slug.

    It gets its own new name afterwards; one that left the catalogue keeps the parked name.
    """
    for name in ("name_ko", "name_en"):
        holders = {getattr(row, name): row for row in rows.values()}
        for slug, fields in wanted.items():
            row, holder = rows.get(slug), holders.get(fields[name])
            if holder is None or holder.slug == slug or (row is not None and name in row.staff_edited):
                continue
            if name in holder.staff_edited:
                raise NameTaken(
                    f"{name} {fields[name]!r} belongs to {slug} in the catalogue, but staff gave it to {holder.slug}: "
                    f"rename {holder.slug} in the admin, then load again"
                )
            setattr(holder, name, f"{holder.slug} ({fields[name]})"[:80])
            holder.save()


def _cut_fields(cut: CutData) -> dict[str, Any]:
    return {"family": cut.family, "name_ko": cut.name.ko, "name_en": cut.name.en, "aliases": list(cut.aliases)}


def style_fields(entry: StyleEntry) -> dict[str, Any]:
    """The columns of ``Style`` that an entry fills by itself (``cut`` is a row of its own)."""
    fields: dict[str, Any] = {name: getattr(entry, name) for name in SINGLE}
    fields |= {name: list(getattr(entry, name)) for name in MULTIPLE}
    fields |= {f"{text}_{language}": getattr(entry, text)[language] for text in TEXTS for language in ("ko", "en")}
    fields |= {"name_ko": entry.name.ko, "name_en": entry.name.en, "aliases": list(entry.aliases)}
    fields |= {"flatters": dict(entry.flatters), "salon_weeks": entry.salon_weeks, "daily_minutes": entry.daily_minutes}
    return fields


def mark_staff_edits(row: Style | Cut, changed: list[str]) -> None:
    """Remember which fields staff changed, so that a reload leaves them alone."""
    row.staff_edited = sorted({*row.staff_edited, *changed})
