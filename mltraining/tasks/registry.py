from __future__ import annotations

from celery import shared_task

from ..models import ModelVersion
from ..services import model_files


@shared_task(name="mltraining.verify_models")
def verify_models() -> None:
    """Hash and replay what an alias points at, before a process that starts finds out."""
    model_files.verify(ModelVersion.objects.filter(aliases__isnull=False).distinct(), actor="beat")
