"""Typed, strict readers of the environment. A value that does not parse stops the start with a sentence naming the variable.

``.env`` beside ``manage.py`` is read first; the real environment wins over it. A secret may come from a file: ``NAME_FILE=/path``.
Every variable read here is remembered in ``DECLARED``, so that a mistyped ``HAIRME_...`` can be pointed out and the docs checked.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

DECLARED: Final[dict[str, str]] = {}  # variable -> help


def read_dotenv(path: Path) -> None:
    if not path.is_file():
        return
    try:
        environ.Env.read_env(str(path), overwrite=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{path} cannot be read as UTF-8 text ({type(error).__name__}). Correct it or remove it."
        ) from None


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
        number = math.nan
    if not math.isfinite(number):  # "nan" would pass every bound
        raise ImproperlyConfigured(f"{name}={value!r} is not a number.")
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
            value = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={file} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise ImproperlyConfigured(f"{name}_FILE={file} is not a text file.") from None
        if not value:
            raise ImproperlyConfigured(f"{name}_FILE={file} is empty. Write the value into it, or unset {name}_FILE.")
    return default if value is None else value


def path(name: str, default: Path, *, help: str) -> Path:
    value = _raw(name, help)
    try:
        return (Path(value).expanduser() if value is not None else default).resolve()
    except RuntimeError:  # ~nobody-of-that-name, or links in a circle
        raise ImproperlyConfigured(f"{name}={value} names no folder.") from None


_RATE: Final = re.compile(r"[1-9]\d{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)")


def rate(name: str, default: str, *, help: str) -> str:
    """How often something is allowed: ``60/min``."""
    value = text(name, default, help=help)
    if not _RATE.fullmatch(value):
        raise ImproperlyConfigured(f"{name}={value!r} is no rate. Write a number and a period, such as 60/min or 1000/day.")
    return value


def time_zone(name: str, default: str, *, help: str) -> str:
    value = text(name, default, help=help)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # unknown, not a zone's name, a folder of zones
        raise ImproperlyConfigured(f"{name}={value!r} is no time zone. Write one such as Asia/Seoul or UTC.") from None
    return value


def postgres(url: str, *, name: str = "DATABASE_URL") -> dict[str, object]:
    """Django's database settings from ``postgres://user:password@host:port/dbname``; a socket folder goes in ``?host=``."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"{name} must begin with postgres:// (HairMe needs PostgreSQL with pgvector).")
    try:
        parts = urlsplit(f"postgres://{rest}")
        parsed = environ.Env.db_url_config(f"postgres://{rest}")
        port = parts.port
    except ValueError:  # its message may quote a part of the password
        raise ImproperlyConfigured(
            f"{name} cannot be read. Write postgres://user:password@host:5432/name, with / : @ # ? % in the password as %2F %3A %40 "
            "%23 %3F %25."
        ) from None
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


def redis(url: str, *, name: str = "REDIS_URL") -> str:
    """``url`` where it can be one of Redis: ``redis://`` or, over TLS, ``rediss://``, with a host."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ImproperlyConfigured(f"{name} cannot be read. Write redis://:password@host:6379/0, or rediss://... over TLS.")
    return url
