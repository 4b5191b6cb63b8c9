"""Settings as processes read them: each case is a process of its own, because settings are read once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "HAIRME_ENV": "production",
    "SECRET_KEY": "x" * 60,
    "ALLOWED_HOSTS": "hairme.example",
    "DATABASE_URL": "postgres://hairme@localhost/hairme",
    "REDIS_URL": "redis://localhost:6379/0",
}


def start(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LD_LIBRARY_PATH")}
    blank = dict.fromkeys(
        ("GEMINI_API_KEY", "GEMINI_ENDPOINT", "HAIRME_TEXT_ENCODER"), ""
    )  # a developer's .env is not this test's
    return subprocess.run(
        [sys.executable, *code.split("|")], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env={**inherited, **blank, "HAIRME_VAR": str(folder), **environment},
    )  # fmt: skip


def value_of(expression: str, folder: Path, **environment: str) -> str:
    done = start(f"-c|from hairme import settings; print({expression})", folder, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_production_without_what_it_needs_is_one_sentence(missing: str, tmp_path: Path) -> None:
    done = start("manage.py|check", tmp_path, **{**PRODUCTION, missing: ""})
    assert done.returncode == 2
    assert missing in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("HAIRME_ENV", "prod"),
        ("TIME_ZONE", "Seoul"),
        ("HAIRME_RATE_READ", "often"),
        ("REDIS_URL", "http://redis"),
        ("DATABASE_URL", "mysql://x/y"),
        ("GEMINI_SECONDS", "nan"),
        ("HAIRME_VAR", "/dev/null"),
        ("HAIRME_VAR", "/proc/nowhere"),
    ],
)
def test_a_value_that_cannot_serve_is_one_sentence(name: str, value: str, tmp_path: Path) -> None:
    done = start("manage.py|check", tmp_path, **{name: value})
    assert done.returncode == 2, done.stderr
    assert name in done.stderr
    assert done.stderr.count("\n") == 1


def test_mistyped_variable_is_pointed_out(tmp_path: Path) -> None:
    done = start("manage.py|check", tmp_path, HAIRME_LOG_LEVL="DEBUG")
    assert done.returncode == 0, done.stderr
    assert "hairme.W001" in done.stderr
    assert "Did you mean HAIRME_LOG_LEVEL?" in done.stderr


def test_secret_key_is_made_once_for_this_user_only(tmp_path: Path) -> None:
    first = value_of("settings.SECRET_KEY", tmp_path)
    assert len(first) >= 50
    assert value_of("settings.SECRET_KEY", tmp_path) == first
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    code = "from hairme import settings; print(settings.SECRET_KEY)"
    environment = {**os.environ, "HAIRME_VAR": str(tmp_path), "SECRET_KEY": ""}
    together = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(4)
    ]
    keys = {process.communicate(timeout=60)[0].strip() for process in together}
    assert len(keys) == 1
    assert len(keys.pop()) >= 50


def test_key_file_that_was_never_finished_is_finished(tmp_path: Path) -> None:
    (tmp_path / "secret-key").touch()
    assert len(value_of("settings.SECRET_KEY", tmp_path)) >= 50


def test_production_closes_what_must_be_closed(tmp_path: Path) -> None:
    names = (
        "DEBUG", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS > 0", "WHITENOISE_USE_FINDERS",
    )  # fmt: skip
    shown = value_of(", ".join(f"settings.{name}" for name in names), tmp_path, **PRODUCTION)
    assert shown == "False True True True True False"
    assert (
        value_of("settings.ALLOWED_HOSTS, settings.REST_FRAMEWORK['NUM_PROXIES']", tmp_path, **PRODUCTION)
        == "['hairme.example'] 1"
    )


def test_check_deploy_is_silent_in_production(tmp_path: Path) -> None:
    done = start("manage.py|check|--deploy|--fail-level|WARNING", tmp_path, **{**PRODUCTION, "SECRET_KEY": "aB3-xyz" * 10})
    assert done.returncode == 0, done.stderr


def test_settings_reference_prints_what_the_docs_hold(tmp_path: Path) -> None:
    done = start("manage.py|settings_reference", tmp_path)
    assert done.stdout == (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in ("`PORT`", "`WEB_CONCURRENCY`", "`GEMINI_API_KEY`"):
        assert name in done.stdout
    assert "_FILE`" not in done.stdout.replace("NAME_FILE", "")
