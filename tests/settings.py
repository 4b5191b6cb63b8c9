"""Settings of the test run: its own embedded PostgreSQL and Redis, started here because pytest-django reads settings first.

Under xdist the controller starts them and its workers inherit the addresses.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

if "HAIRME_TEST_SERVICES" not in os.environ:
    from tests.services import start_services

    folder = Path(tempfile.mkdtemp(prefix="hairme-test-"))
    running = start_services(folder)
    os.environ.update(
        HAIRME_TEST_SERVICES=str(folder),
        DATABASE_URL=running.database_url,
        REDIS_URL=running.redis_url,
        HAIRME_VAR=str(folder / "var"),
        HAIRME_ENV="local",
    )
    os.environ["HAIRME_EXPLORATION_RATE"] = "0"  # the same list every time; tests about chance set it themselves
    for name in ("GEMINI_API_KEY", "GEMINI_ENDPOINT", "HAIRME_TEXT_ENCODER", "SECRET_KEY"):
        os.environ[name] = ""

if number := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
    # A Redis database and a folder each, or one worker's Celery would run another's jobs.
    os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{int(number) + 1}"
    os.environ["HAIRME_VAR"] = f"{os.environ['HAIRME_TEST_SERVICES']}/var-{number}"

from hairme.env import DECLARED
from hairme.settings import *  # noqa: F403

DECLARED["HAIRME_TEST_SERVICES"] = "Folder of the test run's services."
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # thousands of logins, no secrets
