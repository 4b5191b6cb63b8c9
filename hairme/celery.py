"""The Celery application: ``celery -A hairme worker``. Queues: default, inference, training."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hairme.settings")

app = Celery("hairme")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def _keep_django_logging(**kwargs: Any) -> None:
    """Django's LOGGING is the only one: connecting here stops Celery from installing its own."""


@signals.worker_init.connect
def _bind_request_context(**kwargs: Any) -> None:
    """The request id that came with a message is bound to every line its task logs."""
    from django_structlog.celery.receivers import CeleryReceiver

    _receivers.append(receiver := CeleryReceiver())
    receiver.connect_worker_signals()


_receivers: list[Any] = []  # Celery holds signal receivers weakly
