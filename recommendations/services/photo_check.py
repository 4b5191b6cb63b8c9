"""One frame of a camera, looked at by a worker while its person waits: kept only between the two, never longer.

The frame travels as a file in private storage, not through Redis: Redis writes what it is told to an append-only file, where a
deleted frame would stay until that file is rewritten. The worker deletes it as soon as it has its bytes, and the web process
deletes it again in case no worker came; what both left behind (a crash between) goes with the strays of
``delete_expired_uploads``.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import structlog
from django.core.files.base import ContentFile
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from hairme.common import wake
from hairme.common.errors import ApplicationError
from hairme.common.images import ImageRejected, clean_copy, decode_image

from ..engine.frame_check import check_frame
from ..models import private_storage

log = structlog.get_logger(__name__)

TASK = "recommendations.check_photo"
WAIT_SECONDS = 2.0  # an answer about an older frame helps nobody
REPLY_SECONDS = 10  # how long Redis keeps an answer that nobody fetched
MAX_BYTES = 128 * 1024
MAX_SIDE = 640  # pixels; frames are about 256 by 320


def ask(content: bytes) -> dict[str, Any]:
    """``FrameCheck.to_json`` of the frame. Raises ApplicationError: what the image gate rejects, ``check_unavailable`` where no
    worker answers in time."""
    from hairme.celery import app

    if len(content) > MAX_BYTES:
        raise ApplicationError("payload_too_large", field="file")
    try:
        _info, content = clean_copy(content)
    except ImageRejected as rejection:
        raise ApplicationError(rejection.code, field="file", params=rejection.params) from rejection
    storage, name = private_storage(), f"uploads/{uuid.uuid4().hex}"
    reply_to = f"hairme:photo-check:{uuid.uuid4().hex}"
    try:
        storage.save(name, ContentFile(content))
        app.send_task(TASK, args=[name, reply_to], queue="inference", expires=WAIT_SECONDS)
        reply = wake.client().blpop([reply_to], timeout=WAIT_SECONDS)
    except (RedisError, KombuError, OSError) as error:
        raise ApplicationError("check_unavailable") from error
    finally:
        storage.delete(name)
    if reply is None:
        raise ApplicationError("check_unavailable")
    answer: dict[str, Any] = json.loads(reply[1])
    if code := answer.get("rejected"):
        raise ApplicationError(code, field="file")
    return answer


def answer(name: str, reply_to: str) -> None:
    """The worker's half: take the frame, delete it, judge it, send what was found."""
    storage = private_storage()
    try:
        with storage.open(name, "rb") as stream:
            content = stream.read()
    except FileNotFoundError:
        return  # its person no longer waits
    storage.delete(name)
    try:
        found = check_frame(decode_image(content, max_side=MAX_SIDE)).to_json()
    except ImageRejected as rejection:
        found = {"rejected": rejection.code}
    pipe = wake.client().pipeline(transaction=False)
    pipe.rpush(reply_to, json.dumps(found))
    pipe.expire(reply_to, REPLY_SECONDS)
    pipe.execute()
