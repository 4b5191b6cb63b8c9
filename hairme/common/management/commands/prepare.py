from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction
from django.db.models import Q

STAFF_LOGIN = "staff"


class Command(BaseCommand):
    help = (
        "Everything between an empty database and a working site: migrations, catalogue, models, style vectors, a staff login. "
        "Idempotent."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("load_catalogue", stdout=self.stdout)
        call_command("models", "register", stdout=self.stdout)
        call_command("build_style_embeddings", stdout=self.stdout)
        if not settings.PRODUCTION:
            self._staff_login()

    def _staff_login(self) -> None:
        """A superuser for this machine, its password in a file that only this user can read."""
        users = get_user_model().objects
        file: Path = settings.VAR_DIR / "run" / "staff-login.txt"
        if users.filter(Q(is_superuser=True) | Q(username=STAFF_LOGIN)).exists():
            return
        password = os.environ.get("HAIRME_STAFF_PASSWORD") or secrets.token_urlsafe(12)
        with transaction.atomic():  # a login whose password was never written down would be of no use to anybody
            users.create_superuser(STAFF_LOGIN, "staff@localhost", password)
            file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
                stream.write(f"{STAFF_LOGIN} {password}\n")
        self.stdout.write(f"staff login made: {STAFF_LOGIN} (password in {file})")
