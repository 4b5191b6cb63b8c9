"""Rules of the house that a machine can hold: who imports whom, how large a file may be, what the web process may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hairme", "recommendations", "matching", "feedback", "mltraining")
HARD_LIMIT = 500
ENGINES = {"engine", "ml", "learn"}


def sources() -> list[Path]:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts]
    assert len(found) > 60, "the sources were not found"
    return found


def test_import_contracts() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-4000:]


def test_no_file_is_above_the_hard_limit() -> None:
    paths = [*sources(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "templates").rglob("*.html"), *(ROOT / "static").rglob("*.js")]
    large = {
        str(path.relative_to(ROOT)): n for path in paths if (n := len(path.read_text(encoding="utf-8").splitlines())) > HARD_LIMIT
    }
    assert not large


def test_web_process_loads_no_heavy_library() -> None:
    """After every page and API module has been imported, none of the worker's libraries is there."""
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "import hairme.wsgi; from django.urls import get_resolver; get_resolver().url_patterns\n"
        "from hairme.ml.text_encoder import load_text_encoder; load_text_encoder('').encode(['단발'])\n"
        "heavy = [m for m in ('torch', 'mediapipe', 'transformers', 'sentence_transformers', 'google.generativeai', 'cv2', 'sklearn')"
        " if m in sys.modules]\n"
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]


def test_every_task_that_is_sent_by_name_is_registered() -> None:
    from hairme.celery import app
    from recommendations import remote_embedding
    from recommendations.services import analyses

    app.loader.import_default_modules()
    from django.conf import settings

    sent = {analyses.TASK, remote_embedding.TASK, *(entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values())}
    assert sent <= set(app.tasks)


def test_late_acknowledged_tasks_end_before_redis_hands_them_out_again() -> None:
    from django.conf import settings

    from hairme.celery import app

    app.loader.import_default_modules()
    late = [task for task in app.tasks.values() if task.acks_late]
    assert late
    for task in late:
        assert task.time_limit < settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"], task.name


@pytest.mark.parametrize(
    "path", [p for p in sources() if ENGINES & set(p.parts) and p.name != "__init__.py"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_engine_modules_say_what_they_are(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no module docstring"


def test_no_migration_is_missing(db: None) -> None:
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
