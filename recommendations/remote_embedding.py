"""Ask a worker to embed a search query, for encoders too heavy for the web process. Answers travel through Redis and are cached."""

from __future__ import annotations

import hashlib
import json
import uuid

import numpy as np
from django.conf import settings
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from hairme.common import wake
from hairme.common.errors import ApplicationError

TASK = "recommendations.embed_query"
WAIT_SECONDS = 5.0
KEEP_SECONDS = 3600


def ask(text: str) -> tuple[str, np.ndarray]:
    """(encoder id, (384,) float32). Raises ``search_unavailable`` where no worker answers in time."""
    from hairme.celery import app

    remembered = f"hairme:query-vector:{hashlib.sha256(f'{settings.TEXT_ENCODER}|{text}'.encode()).hexdigest()}"
    reply_to = f"hairme:query-reply:{uuid.uuid4().hex}"
    try:
        if cached := wake.client().get(remembered):
            return _read(cached)
        app.send_task(TASK, args=[text, reply_to], queue="inference", expires=WAIT_SECONDS)
        reply = wake.client().blpop([reply_to], timeout=WAIT_SECONDS - 0.5)
        if reply is None:
            raise ApplicationError("search_unavailable")
        wake.client().set(remembered, reply[1], ex=KEEP_SECONDS)
    except (RedisError, KombuError, OSError) as error:
        raise ApplicationError("search_unavailable") from error
    return _read(reply[1])


def answer(reply_to: str, encoder: str, vector: np.ndarray) -> None:
    """The worker's half."""
    pipe = wake.client().pipeline(transaction=False)
    pipe.rpush(reply_to, json.dumps({"encoder": encoder, "vector": [round(float(x), 7) for x in vector]}))
    pipe.expire(reply_to, 30)
    pipe.execute()


def _read(raw: bytes | str) -> tuple[str, np.ndarray]:
    data = json.loads(raw)
    return data["encoder"], np.asarray(data["vector"], dtype=np.float32)
