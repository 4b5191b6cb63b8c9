"""Redis and PostgreSQL killed with -9 while people use the site."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests

from tests.survival.traffic import Traffic, at_once, traffic
from tests.survival.truth import assert_all_events_relayed, assert_no_stray_photo, assert_true_ends
from tests.survival.whole_site import PATIENCE, WAIT_SECONDS, Site, until

Since = Callable[[float, str], None]


def count(seen: Traffic) -> int:
    return min(len(answers) for answers in seen.asked.values())


def assert_answered(seen: Traffic) -> None:
    """Everybody was answered, in time, and by nothing worse than a typed 503 with a request id."""
    assert seen.broken == []
    assert seen.statuses() <= {200, 202, 503}
    assert max(told.seconds for answers in seen.asked.values() for told in answers) < PATIENCE
    for response in seen.outages():
        assert response.headers["X-Request-ID"]
        if "json" in response.headers["Content-Type"]:
            assert response.json()["error"]["code"] == "database_unavailable"
            assert response.json()["error"]["message"]
        else:
            assert "503" in response.text


def assert_no_confirmed_reaction_is_lost(site: Site, analysis_id: int, seen: Traffic) -> None:
    """A style's reaction is the last confirmed one, or one sent after it whose answer was an error."""
    rows = site.rows("SELECT hairstyle, reaction FROM feedback_reaction WHERE analysis_id = %s", analysis_id)
    kept = {row["hairstyle"]: row["reaction"] for row in rows}
    possible: dict[str, set[int | None]] = {}
    for name, value, confirmed in seen.reactions:
        possible[name] = {value} if confirmed else possible.get(name, {None}) | {value}
    assert any(confirmed for _name, _value, confirmed in seen.reactions)
    for name, values in possible.items():
        assert kept.get(name) in values, name


def test_redis_killed(site: Site, face_jpeg: bytes, since: Since) -> None:
    analysis_id, names = site.result(face_jpeg)
    with traffic(site, face_jpeg, analysis_id, names) as seen:
        until(lambda: count(seen) >= 2, 30, "everybody was answered before")
        begin = time.monotonic()
        site.kill("redis")
        away = [site.react(analysis_id, name, 1).status_code for name in names]
        taken_on = site.analyze(face_jpeg, wait=False)
        site.heal()
        since(begin, "from the kill of Redis to a site that is ready")
        reached = count(seen)
        until(lambda: count(seen) >= reached + 3, 60, "everybody is answered afterwards")
        site.finished([taken_on.json()["analysis_id"]])
        since(begin, "from the kill of Redis to the end of a photo taken on without it, at most")
    assert_answered(seen)
    assert away == [200] * 7  # reactions need no Redis
    assert {told.status for told in seen.asked["reaction"]} == {200}
    assert taken_on.status_code == 202  # nor does taking a photo on
    ids = [*seen.analyses, taken_on.json()["analysis_id"]]
    assert assert_true_ends(site, ids) == {"succeeded": len(ids)}
    assert_all_events_relayed(site)
    assert_no_stray_photo(site)


def test_redis_hangs(site: Site, face_jpeg: bytes, since: Since) -> None:
    """Worse than dead: it takes connections and never answers."""
    analysis_id, names = site.result(face_jpeg)
    redis = site.child("redis")
    redis.suspend()
    begin = time.monotonic()
    try:
        liked, taken_on = at_once(lambda: site.react(analysis_id, names[0], 1), lambda: site.analyze(face_jpeg))
        since(begin, f"until both a reaction and a photo (wait limit {WAIT_SECONDS:.0f} s) are answered while Redis hangs")
    finally:
        redis.resume()
    assert (liked.status_code, taken_on.status_code) == (200, 202)
    assert assert_true_ends(site, [taken_on.json()["analysis_id"]]) == {"succeeded": 1}
    assert site.rows("SELECT reaction FROM feedback_reaction WHERE analysis_id = %s", analysis_id) == [{"reaction": 1}]
    assert_all_events_relayed(site)


def test_postgres_killed(site: Site, face_jpeg: bytes, since: Since) -> None:
    analysis_id, names = site.result(face_jpeg)
    waiting = site.submit(face_jpeg)
    running, process = site.freeze([waiting])
    with traffic(site, face_jpeg, analysis_id, names) as seen:
        until(lambda: count(seen) >= 2, 60, "everybody was answered before")
        begin = time.monotonic()
        site.kill("postgres")
        process.resume()
        outage = until(lambda: seen.outages(), 10, "somebody is told of the outage")[0]
        site.heal()
        since(begin, "from the kill of PostgreSQL to a site that is ready")
        site.finished([running])
        since(begin, "from the kill of PostgreSQL to the end of the analysis it interrupted")
        reached = count(seen)
        until(lambda: count(seen) >= reached + 3, 60, "everybody is answered afterwards")
    assert_answered(seen)
    assert outage.headers["X-Request-ID"]
    assert assert_true_ends(site, [*seen.analyses, running]) == {"succeeded": len(seen.analyses) + 1}
    assert site.job(running)["attempts"] == 2
    assert_no_confirmed_reaction_is_lost(site, analysis_id, seen)
    assert_all_events_relayed(site)
    assert_no_stray_photo(site)
    assert requests.get(site.address("/readyz"), timeout=PATIENCE).json()["ready"] is True
