"""System checks of what every process shares; each has an id and says what to do."""

from __future__ import annotations

import difflib
import os
import tempfile
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection
from django.db.utils import Error as DatabaseError

from hairme import env

from .models import Job

PROXY_SECONDS = 55  # nginx and the load balancers of the large clouds wait 60 s for an answer


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
        near = difflib.get_close_matches(name, env.DECLARED, n=1, cutoff=0.8)  # they share their first letters
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


@register(Tags.compatibility)
def check_photo_lives_longer_than_its_work(**kwargs: Any) -> list[CheckMessage]:
    longest = settings.INFERENCE_SECONDS * Job._meta.get_field("max_attempts").default
    if longest < settings.UPLOAD_KEEP_MINUTES * 60:
        return []
    return [
        Error(
            f"HAIRME_UPLOAD_KEEP_MINUTES={settings.UPLOAD_KEEP_MINUTES} deletes a photo while it may still be worked on ({longest} s).",
            hint=f"Keep photos for more than {longest // 60} minutes, or lower HAIRME_INFERENCE_SECONDS.",
            id="hairme.E007",
        )
    ]


@register(Tags.security)
def check_production_is_closed(**kwargs: Any) -> list[CheckMessage]:
    """What no production site may have; looked at by every command, not only by ``check --deploy``."""
    if not settings.PRODUCTION:
        return []
    messages: list[CheckMessage] = []
    if settings.DEBUG:
        messages.append(
            Error(
                "HAIRME_DEBUG is on in production: error pages would show settings and source.",
                hint="Unset HAIRME_DEBUG.",
                id="hairme.E008",
            )
        )
    if not settings.ALLOWED_HOSTS:
        messages.append(
            Error(
                "ALLOWED_HOSTS is empty in production: every request is answered 400.",
                hint="Set ALLOWED_HOSTS to the site's names, separated by commas.",
                id="hairme.E009",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        messages.append(
            Warning(
                "ALLOWED_HOSTS=* lets a request choose the host that links are made with.",
                hint="Name the site's hosts.",
                id="hairme.W004",
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
    if (
        settings.REDIS_URL.startswith("redis://")
        and not urlsplit(settings.REDIS_URL).password
        and not _is_near(settings.REDIS_URL)
    ):
        messages.append(
            Warning(
                "REDIS_URL reaches another machine without a password.", hint="Use rediss://:password@host.", id="hairme.W003"
            )
        )
    if settings.PRODUCTION and settings.REST_FRAMEWORK["NUM_PROXIES"] == 0:
        messages.append(
            Warning(
                "HAIRME_PROXIES=0 behind the proxy that ends TLS: all visitors share one address, and so one rate limit.",
                hint="Set HAIRME_PROXIES to the number of proxies that add to X-Forwarded-For.",
                id="hairme.W005",
            )
        )
    if settings.ANALYZE_WAIT_SECONDS > PROXY_SECONDS:
        messages.append(
            Warning(
                f"ANALYZE_WAIT_SECONDS={settings.ANALYZE_WAIT_SECONDS:g}: most proxies give up after 60 s and answer in our place.",
                hint=f"Wait at most {PROXY_SECONDS} s; the answer is then 202 with an address to ask again.",
                id="hairme.W006",
            )
        )
    return messages


def _is_near(url: str) -> bool:
    """This machine, or a name without a dot: a neighbour on a container's private network."""
    host = urlsplit(url).hostname or ""
    return host in ("127.0.0.1", "::1") or ("." not in host and ":" not in host)


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
