from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommendations.services.batch import find_files, read_files


class Command(BaseCommand):
    help = "Read the faces in many photos: one JSON line per file, with the code that the site uses. Needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, help="files and folders")
        parser.add_argument("--jsonl", type=Path, help="write the lines here (default: standard output)")
        parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one per processor)")

    def handle(self, *args: Any, paths: list[Path], jsonl: Path | None, workers: int, **options: Any) -> None:
        try:
            files, skipped = find_files(paths)
        except OSError as error:
            raise CommandError(str(error)) from None
        if not files:
            others = f" ({skipped} other files skipped)" if skipped else ""
            raise CommandError(f"no JPEG, PNG, WebP or HEIC there{others}")
        if skipped:
            self.stderr.write(f"{skipped} other file{'' if skipped == 1 else 's'} skipped")
        start, codes = time.perf_counter(), Counter[str]()
        with ExitStack() as stack:
            out: TextIO = stack.enter_context(jsonl.open("w", encoding="utf-8")) if jsonl else sys.stdout
            for number, line in enumerate(read_files(files, min(workers, len(files))), start=1):
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                out.flush()
                codes[line["error"]["code"] if line["error"] else "ok"] += 1
                if sys.stderr.isatty() or number % 100 == 0 or number == len(files):
                    self.stderr.write(f"  {number}/{len(files)}", ending="\r")
        seconds = time.perf_counter() - start
        summary = ", ".join(f"{code} {count}" for code, count in codes.most_common())
        self.stderr.write(f"\n{len(files)} photos in {seconds:.1f} s ({len(files) / seconds:.1f} per second): {summary}")
