from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations.engine.catalogue import CatalogueError, load_catalogue
from recommendations.services.catalogue import NameTaken
from recommendations.services.catalogue import load_catalogue as load_into_database


class Command(BaseCommand):
    help = "Load the hairstyle catalogue into the database. Safe to run again; staff edits stay."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            catalogue = load_catalogue()
        except CatalogueError as error:
            raise CommandError(str(error)) from None
        try:
            report = load_into_database(catalogue)
        except NameTaken as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"catalogue {catalogue.revision}: {len(catalogue.cuts)} cuts, {len(catalogue.entries)} styles; {report.created} new, "
            f"{report.updated} changed, {report.unchanged} unchanged, {report.withdrawn} withdrawn, "
            f"{report.kept_by_staff} fields kept as staff wrote them"
        )
