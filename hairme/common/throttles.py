"""Rate limits per person (or address), counted in Redis. Where Redis is away the request passes: availability before counting."""

from __future__ import annotations

from typing import Any

import structlog
from redis.exceptions import RedisError
from rest_framework.throttling import ScopedRateThrottle

log = structlog.get_logger(__name__)


class ScopedThrottle(ScopedRateThrottle):
    """Uses the view's ``throttle_scope``; views without one are counted as ``read``."""

    def allow_request(self, request: Any, view: Any) -> bool:
        if not getattr(view, "throttle_scope", None):
            view.throttle_scope = "read"
        try:
            return super().allow_request(request, view)
        except (RedisError, OSError) as error:
            log.warning("throttle_skipped", error=type(error).__name__)
            return True
