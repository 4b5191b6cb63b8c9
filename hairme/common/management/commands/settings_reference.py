from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from hairme import env


def reference() -> str:
    lines = [
        "# Settings",
        "",
        "Read from the environment, or from `.env` beside `manage.py` (the environment wins). A secret may come from a file:",
        "`NAME_FILE=/path`. A value that does not parse stops the start with a sentence; a `HAIRME_...` that nothing reads is pointed",
        "out by `manage.py check`. This page is printed by `python manage.py settings_reference`; a test keeps it current.",
        "",
        "| variable | meaning |",
        "|---|---|",
    ]
    names = sorted(name for name in env.DECLARED if not name.endswith("_FILE") and name != "HAIRME_TEST_SERVICES")
    lines += [f"| `{name}` | {env.DECLARED[name]} |" for name in names]
    return "\n".join(lines) + "\n"


class Command(BaseCommand):
    help = "Print docs/settings.md: every variable that is read, and what it means."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(reference(), ending="")
