"""Typed, strict readers of the environment. A value that does not parse stops the start with a sentence naming the variable.

``.env`` beside ``manage.py`` is read first; the real environment wins over it. A secret may come from a file: ``NAME_FILE=/path``.
Every variable read here is remembered in ``DECLARED``, so that a mistyped ``HAIRME_...`` can be pointed out and the docs checked.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

DECLARED: Final[dict[str, str]] = {}  # variable -> help


def read_dotenv(path: Path) -> None:
    if path.is_file():
        environ.Env.read_env(str(path), overwrite=False)


def _raw(name: str, help: str) -> str | None:
    DECLARED[name] = help
    value = os.environ.get(name)
    return None if value is None or not value.strip() else value.strip()


def text(name: str, default: str = "", *, help: str) -> str:
    value = _raw(name, help)
    return default if value is None else value


def boolean(name: str, default: bool, *, help: str) -> bool:
    value = _raw(name, help)
    if value is None:
        return default
    if value.lower() in ("1", "true", "yes", "on"):
        return True
    if value.lower() in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither true nor false. Write {name}=true or {name}=false.")


def integer(name: str, default: int, *, low: int | None = None, high: int | None = None, help: str) -> int:
    value = _raw(name, help)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from None
    return int(_bounded(name, number, low, high))


def real(name: str, default: float, *, low: float | None = None, high: float | None = None, help: str) -> float:
    value = _raw(name, help)
    if value is None:
        return default
    try:
        number = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a number.") from None
    return _bounded(name, number, low, high)


def _bounded(name: str, number: float, low: float | None, high: float | None) -> float:
    if (low is not None and number < low) or (high is not None and number > high):
        raise ImproperlyConfigured(
            f"{name}={number} is out of range: {low if low is not None else '…'} to {high if high is not None else '…'}."
        )
    return number


def choice(name: str, default: str, options: Sequence[str], *, help: str) -> str:
    value = _raw(name, help)
    if value is None:
        return default
    if value not in options:
        raise ImproperlyConfigured(f"{name}={value!r} is not one of {', '.join(options)}.")
    return value


def words(name: str, default: Sequence[str] = (), *, help: str) -> list[str]:
    """Comma-separated."""
    value = _raw(name, help)
    return list(default) if value is None else [word.strip() for word in value.split(",") if word.strip()]


def secret(name: str, default: str = "", *, help: str) -> str:
    """``NAME``, or the contents of the file that ``NAME_FILE`` names."""
    value = _raw(name, help)
    file = _raw(f"{name}_FILE", f"A file holding {name}.")
    if value is not None and file is not None:
        raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set. Keep one.")
    if file is not None:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={file} cannot be read: {error.strerror}.") from None
    return default if value is None else value


def path(name: str, default: Path, *, help: str) -> Path:
    value = _raw(name, help)
    return (Path(value).expanduser() if value is not None else default).resolve()


def postgres(url: str, *, name: str = "DATABASE_URL") -> dict[str, object]:
    """Django's database settings from ``postgres://user:password@host:port/dbname``; a socket folder goes in ``?host=``."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"{name} must begin with postgres:// (pgvector needs PostgreSQL); it begins with {parts.scheme or 'nothing'}."
        )
    try:
        parsed = environ.Env.db_url_config(url.replace("postgresql://", "postgres://", 1))
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}.") from None
    options = dict(parsed.get("OPTIONS", {}))
    host = options.pop("host", None) or unquote(parts.hostname or "")
    if not parsed.get("NAME"):
        raise ImproperlyConfigured(f"{name} names no database: postgres://user:password@host:5432/NAME.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parsed["NAME"],
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port or options.pop("port", "") or "",
        "OPTIONS": options,
    }
