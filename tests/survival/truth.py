"""What must be true of an analysis whatever has happened to the site: the same for who asks and for who reads the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.survival.whole_site import FINAL, Site, until

MAY_FAIL_WITH = ("worker_lost", "took_too_long", "database_unavailable")


def assert_true_end(site: Site, analysis_id: int) -> str:
    """It succeeded with exactly one list of seven, or failed, says so clearly and can be tried again. Returns its state."""
    job, answer = site.job(analysis_id), site.analysis(analysis_id)
    body = answer.json()
    assert job["state"] in FINAL
    assert body["status"] == job["state"]
    shown = site.rows("SELECT * FROM recommendations_recommendation WHERE analysis_id = %s ORDER BY rank", analysis_id)
    told = [event for event in site.events(analysis_id) if event["topic"] == "recommendations.shown"]
    if job["state"] == "succeeded":
        assert answer.status_code == 200
        items = body["data"]["recommendations"]
        assert [item["id"] for item in items] == [row["id"] for row in shown]
        assert [item["rank"] for item in items] == list(range(1, 8))
        assert len({item["cut"] for item in items}) == 7
        assert len(told) == 1
        assert [item["id"] for item in told[0]["payload"]["items"]] == [row["id"] for row in shown]
        assert job["photo"] == ""
    else:
        assert (answer.status_code, body["success"], body["can_retry"]) == (503, False, True)
        assert body["error"]["code"] == job["error_code"] in MAY_FAIL_WITH
        assert body["error"]["message"]
        assert (shown, told) == ([], [])
        assert job["photo"].removeprefix("uploads/") in site.uploads
    return str(job["state"])


def assert_true_ends(site: Site, ids: Iterable[int]) -> Counter[str]:
    """As above for all of them, once they are over; how many came to which end."""
    ids = list(ids)
    assert len(set(ids)) == len(ids)
    site.finished(ids)
    return Counter(assert_true_end(site, analysis_id) for analysis_id in ids)


def assert_no_stray_photo(site: Site) -> None:
    """Private storage holds the photos that rows name and no other."""

    def named() -> list[str]:
        return sorted(row["photo"] for row in site.rows("SELECT photo FROM recommendations_analysis WHERE photo <> ''"))

    until(lambda: named() == [f"uploads/{name}" for name in site.uploads], 5, "photos and rows agree")


def assert_all_events_relayed(site: Site) -> None:
    """Every event of the outbox is in the stream."""
    until(lambda: not site.rows("SELECT id FROM common_outboxevent WHERE relayed_at IS NULL"), 30, "the outbox is empty")
    in_stream = {int(fields[b"id"]) for _id, fields in site.redis().xrange("hairme:events")}
    assert {row["id"] for row in site.rows("SELECT id FROM common_outboxevent")} <= in_stream
