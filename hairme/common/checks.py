"""System checks of what every process shares; each has an id and says what to do."""

from __future__ import annotations

import difflib
import os
import tempfile
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection
from django.db.utils import Error as DatabaseError

from hairme import env


@register(Tags.files)
def check_var_folder(**kwargs: Any) -> list[CheckMessage]:
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=settings.VAR_DIR):
            pass
    except OSError as error:
        return [
            Error(
                f"{settings.VAR_DIR} cannot be written: {error.strerror}.",
                hint="Set HAIRME_VAR to a folder this user can write, or free space.",
                id="hairme.E001",
            )
        ]
    return []


@register(Tags.compatibility)
def check_unknown_variables(**kwargs: Any) -> list[CheckMessage]:
    unknown = [name for name in os.environ if name.startswith("HAIRME_") and name not in env.DECLARED]
    messages: list[CheckMessage] = []
    for name in sorted(unknown):
        near = difflib.get_close_matches(name, env.DECLARED, n=1)
        messages.append(
            Warning(
                f"{name} is set, but nothing reads it.",
                hint=f"Did you mean {near[0]}?" if near else "Unset it; docs/settings.md lists the variables.",
                id="hairme.W001",
            )
        )
    return messages


@register(Tags.compatibility)
def check_time_budgets(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if settings.GEMINI_SECONDS + 10 > settings.INFERENCE_SECONDS:
        messages.append(
            Error(
                f"GEMINI_SECONDS={settings.GEMINI_SECONDS:g} leaves no time within HAIRME_INFERENCE_SECONDS={settings.INFERENCE_SECONDS}.",
                hint="Keep GEMINI_SECONDS at least 10 s below HAIRME_INFERENCE_SECONDS.",
                id="hairme.E002",
            )
        )
    if settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] <= settings.INFERENCE_SECONDS:
        messages.append(
            Error(
                "The broker's visibility timeout is not above the inference time limit: Redis would deliver running tasks twice.",
                hint="Raise visibility_timeout above HAIRME_INFERENCE_SECONDS.",
                id="hairme.E003",
            )
        )
    return messages


@register(Tags.security, deploy=True)
def check_production(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if not settings.PRODUCTION:
        messages.append(
            Warning(
                "HAIRME_ENV is not production.", hint="Set HAIRME_ENV=production on a server others can reach.", id="hairme.W002"
            )
        )
    if settings.REDIS_URL.startswith("redis://") and "@" not in settings.REDIS_URL and not _is_local(settings.REDIS_URL):
        messages.append(
            Warning(
                "REDIS_URL reaches another machine without a password.", hint="Use rediss://:password@host.", id="hairme.W003"
            )
        )
    return messages


def _is_local(url: str) -> bool:
    return any(host in url for host in ("127.0.0.1", "localhost", "[::1]"))


@register(Tags.database)
def check_pgvector(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Runs where a database is named (migrate, check --database default)."""
    if not databases:
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version_num')::int, EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')"
            )
            version, available = cursor.fetchone()
    except DatabaseError as error:
        return [Error(f"The database does not answer: {error}", hint="Start `make run`, or set DATABASE_URL.", id="hairme.E004")]
    messages: list[CheckMessage] = []
    if version < 150000:
        messages.append(Error(f"PostgreSQL {version // 10000} is too old.", hint="Use PostgreSQL 15 or newer.", id="hairme.E005"))
    if not available:
        messages.append(
            Error(
                "The database server lacks the pgvector extension.",
                hint="Install pgvector 0.8 or newer on the server.",
                id="hairme.E006",
            )
        )
    return messages
