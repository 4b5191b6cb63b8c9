from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommendations.services.labels import labels


class Command(BaseCommand):
    help = (
        "Write what people said about their readings as labels, one JSON line each: measurements, colour features, field, value and "
        "source. No photo, no outline, no id of a person."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="the JSONL file; replaced when the export is complete")

    def handle(self, *args: Any, out: Path, **options: Any) -> None:
        counts = Counter[str]()
        partial = out.with_name(f"{out.name}.part")
        try:
            with partial.open("w", encoding="utf-8") as file:
                for line in labels():
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                    counts[line["field"]] += 1
            partial.replace(out)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}") from None
        said = ", ".join(f"{field} {count}" for field, count in counts.most_common())
        self.stdout.write(f"{counts.total()} labels in {out}{': ' + said if said else ''}")
