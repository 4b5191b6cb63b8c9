"""A circuit breaker that all processes share through Redis: after repeated failures nobody asks until a probe has succeeded.

States: *closed* (everyone may call), *open* (nobody may, for the cool-down), *half open* (one caller may: the probe; its success
closes, its failure opens again). Every transition is one Lua script, so it is atomic. Time is Redis' own, by key expiry.
Without Redis the breaker behaves as closed: it protects a budget of seconds, it never stops the work.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

PATIENCE: Final = 0.5  # seconds that Redis may take to connect or to answer; the breaker guards a budget of a few seconds

_ENTER: Final = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 'open' end
if redis.call('EXISTS', KEYS[3]) == 0 then return 'closed' end
if redis.call('SET', KEYS[4], ARGV[1], 'NX', 'PX', ARGV[2]) then return 'probe' end
return 'open'
"""
_SUCCEED: Final = """
if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('DEL', KEYS[1]) return 'closed' end
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 'open' end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return 'closed'
"""
_FAIL: Final = """
local tripped = redis.call('EXISTS', KEYS[3]) == 1
if tripped and redis.call('GET', KEYS[4]) ~= ARGV[1] then return 'open' end
if not tripped then
  local failures = redis.call('INCR', KEYS[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  if failures < tonumber(ARGV[2]) then return 'closed' end
end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
redis.call('SET', KEYS[3], '1')
redis.call('DEL', KEYS[1], KEYS[4])
return 'open'
"""


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """A client that gives up soon: the usual one backs off and tries again for seconds."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 1)
    )


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to call once; give it back by ``succeeded`` or ``failed``. A lost probe frees its place after ``probe_seconds``."""

    kind: Literal["closed", "probe"]
    token: str


class CircuitBreaker:
    def __init__(
        self, name: str, *, failures: int = 5, cool_down: float = 30.0, probe_seconds: float = 20.0, memory: float = 600.0
    ) -> None:
        """``failures`` in a row, each within ``memory`` seconds of the one before, open the circuit for ``cool_down`` seconds.

        ``probe_seconds`` must be more than a call can take. Raises ValueError for less than one failure or times of zero.
        """
        if failures < 1 or min(cool_down, probe_seconds, memory) <= 0:
            raise ValueError("a breaker needs at least one failure and positive times")
        self._keys = [f"hairme:breaker:{{{name}}}:{part}" for part in ("failures", "open", "tripped", "probe")]
        self._failures = failures
        self._cool_down = cool_down
        self._probe_seconds = probe_seconds
        self._memory = memory

    def enter(self) -> Ticket | None:
        """Leave to call, or None while the circuit is open."""
        token = uuid.uuid4().hex
        state = self._run(_ENTER, token, _ms(self._probe_seconds))
        if state == "open":
            return None
        return Ticket("probe" if state == "probe" else "closed", token)

    def succeeded(self, ticket: Ticket) -> None:
        """The service answered, whatever it said. Closes the circuit where the ticket is the probe's."""
        self._run(_SUCCEED, ticket.token)

    def failed(self, ticket: Ticket, *, at_once_for: float | None = None) -> None:
        """The service failed. ``at_once_for`` seconds opens the circuit without counting, for what will not heal by itself."""
        failures, seconds = (1, at_once_for) if at_once_for is not None else (self._failures, self._cool_down)
        self._run(_FAIL, ticket.token, str(failures), _ms(seconds), _ms(self._memory))

    def reset(self) -> None:
        """Forget everything, as after a repair."""
        self._run("return redis.call('DEL', unpack(KEYS))")

    def _run(self, script: str, *arguments: str) -> str:
        try:
            answer: Any = client().eval(script, len(self._keys), *self._keys, *arguments)
        except (RedisError, OSError):
            return "closed"
        return answer.decode() if isinstance(answer, bytes) else str(answer)


def _ms(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
