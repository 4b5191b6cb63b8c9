from __future__ import annotations

from typing import Any

from celery import current_app, shared_task, signals
from django.conf import settings

from . import remote_embedding
from .selectors import text_encoder
from .services import analyses, corrections, photo_check, photos

_LIMITS = {"time_limit": settings.INFERENCE_SECONDS, "soft_time_limit": settings.INFERENCE_SECONDS - 2}


@shared_task(name=analyses.TASK, acks_late=True, reject_on_worker_lost=True, **_LIMITS)
def analyze(job_id: int) -> None:
    analyses.run_analysis(job_id)


@shared_task(name=corrections.TASK, acks_late=True, reject_on_worker_lost=True, **_LIMITS)
def revise(job_id: int) -> None:
    corrections.run_revision(job_id)


@shared_task(name="recommendations.delete_expired_uploads")
def delete_expired_uploads() -> None:
    photos.delete_expired_uploads()


@shared_task(name=remote_embedding.TASK, expires=remote_embedding.WAIT_SECONDS, **_LIMITS)
def embed_query(text: str, reply_to: str) -> None:
    encoder = text_encoder()
    remote_embedding.answer(reply_to, encoder.id, encoder.encode([text])[0])


@shared_task(name=photo_check.TASK, expires=photo_check.WAIT_SECONDS, **_LIMITS)
def check_photo(name: str, reply_to: str) -> None:
    photo_check.answer(name, reply_to)


@signals.worker_process_init.connect
def _warm(**kwargs: Any) -> None:
    """A process of the inference worker loads its models before it takes its first photo."""
    if "inference" in current_app.amqp.queues.consume_from:
        analyses.warm()
