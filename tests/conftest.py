"""Fixtures that every test may use."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

#: Fixtures that let a test reach the database.
DATABASE_FIXTURES = {"db", "transactional_db", "catalogue", "admin_client", "admin_user", "live_server"}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Tests that know of no database read the models that ship with the code; see ``model_store``."""
    from hairme.ml import artifacts

    artifacts.set_store(artifacts.FolderStore(artifacts.PRETRAINED_ROOT))


@pytest.fixture(autouse=True)
def model_store(request: pytest.FixtureRequest, shipped_models: Any) -> None:
    """A test with a database asks its registry which model serves, as the site does, and remembers nothing of the test before."""
    from hairme.ml import artifacts
    from mltraining.registry.store import RegistryStore

    with_database = DATABASE_FIXTURES & set(request.fixturenames) or request.node.get_closest_marker("django_db")
    artifacts.set_store(RegistryStore(shipped_models) if with_database else shipped_models)


@pytest.fixture(scope="session")
def shipped_models() -> Any:
    """One store for the whole run: it hashes every shipped file once."""
    from hairme.ml import artifacts

    return artifacts.FolderStore(artifacts.PRETRAINED_ROOT)


SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that is not part of the repository; tests that need it skip where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the repository")
    return folder


@pytest.fixture(scope="session")
def face_photo() -> np.ndarray:
    """A real face, public domain: astronaut Eileen Collins, NASA (512, 512, 3) uint8."""
    from skimage import data

    return np.asarray(data.astronaut())


@pytest.fixture(scope="session")
def face_jpeg(face_photo: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(face_photo).save(stream, "JPEG", quality=92)
    return stream.getvalue()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any) -> None:
    """The test database, made for ``catalogue`` too, which pytest-django's own fixture does not look for.

    It is not dropped: the server goes away with the run.
    """
    from django.test.utils import setup_databases

    with django_db_blocker.unblock():
        setup_databases(verbosity=0, interactive=False, aliases={"default"})


#: Tables that hold the catalogue: the ``catalogue`` fixture fills them once per process and leaves them filled.
KEPT_TABLES = {
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "recommendations_cut",
    "recommendations_style",
    "recommendations_stylevector",
}


@pytest.fixture
def catalogue(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A database with the whole catalogue and its vectors, with real commits; every other table is emptied afterwards.

    Use it instead of ``transactional_db``, which would empty the catalogue too and fill it again for every test; and make users with
    ``get_user_model()``: the ``django_user_model`` fixture brings ``db``, whose transaction never commits.
    """
    from django.db import connection, connections

    from recommendations.engine.catalogue import load_catalogue
    from recommendations.models import StyleVector
    from recommendations.selectors import text_encoder
    from recommendations.services.catalogue import load_catalogue as load_into_database
    from recommendations.services.style_vectors import build_style_vectors

    with django_db_blocker.unblock():
        if not StyleVector.objects.filter(encoder=text_encoder().id).exists():
            load_into_database(load_catalogue())
            build_style_vectors(text_encoder())
        yield
        with connection.cursor() as cursor:
            tables = [table for table in connection.introspection.table_names(cursor) if table not in KEPT_TABLES]
            cursor.execute(f"TRUNCATE {', '.join(connection.ops.quote_name(table) for table in tables)} RESTART IDENTITY")
        connections.close_all()


@pytest.fixture
def worker() -> Iterator[Any]:
    """A real Celery worker of all queues in this process, on this test's database and the run's Redis."""
    from celery.contrib.testing.worker import start_worker
    from django.conf import settings
    from django.db import connections

    from hairme.celery import app
    from hairme.common import wake

    wake.client().delete(*settings.QUEUES)
    app.loader.import_default_modules()
    with start_worker(app, pool="solo", perform_ping_check=False, queues=list(settings.QUEUES), loglevel="ERROR") as running:
        yield running
    connections.close_all()


@pytest.fixture
def upload(client: Any, face_jpeg: bytes) -> Callable[..., Any]:
    """Send a photo to analyze-hybrid: ``upload(content=..., **form fields)``; header arguments as Django's client takes them."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    def send(
        content: bytes | None = None, name: str = "face_photo.jpg", headers: dict[str, str] | None = None, **fields: Any
    ) -> Any:
        file = SimpleUploadedFile(name, face_jpeg if content is None else content, content_type="application/octet-stream")
        return client.post("/api/v2/analyze-hybrid", {"file": file, **fields}, headers=headers or {})

    return send
