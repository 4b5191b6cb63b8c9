"""Workers killed with -9 in mid-analysis."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.survival.traffic import at_once
from tests.survival.truth import assert_no_stray_photo, assert_true_end, assert_true_ends
from tests.survival.whole_site import Site, until

Since = Callable[[float, str], None]


def test_a_killed_process_of_the_worker_costs_no_analysis(site: Site, face_jpeg: bytes, since: Since) -> None:
    ids = [site.submit(face_jpeg) for _ in range(6)]
    caught, process = site.freeze(ids)
    begin = time.monotonic()
    process.kill()
    site.finished([caught])
    since(begin, "from the kill of a worker's process to the end of the analysis it was in")
    assert assert_true_ends(site, ids) == {"succeeded": 6}
    assert site.job(caught)["attempts"] == 2
    assert_no_stray_photo(site)


def test_a_killed_worker_costs_no_analysis(site: Site, face_jpeg: bytes, since: Since) -> None:
    ids = [site.submit(face_jpeg) for _ in range(6)]
    caught, process = site.freeze(ids)
    family = [site.child("worker-inference"), *site.pool()]
    assert process in family
    begin = time.monotonic()
    for member in family:
        member.kill()
    late = site.analyze(face_jpeg)  # while there is no worker at all
    assert late.status_code in (200, 202)
    site.finished(ids)
    since(begin, "from the kill of the whole inference worker to the end of all its analyses")
    assert assert_true_ends(site, [*ids, late.json()["analysis_id"]]) == {"succeeded": 7}
    assert site.job(caught)["attempts"] == 2
    assert_no_stray_photo(site)


def test_a_photo_that_keeps_killing_its_worker_fails_clearly_and_can_be_tried_again(site: Site, face_jpeg: bytes) -> None:
    analysis_id = site.submit(face_jpeg)
    for attempt in (1, 2, 3):
        _caught, process = site.freeze([analysis_id])
        assert site.job(analysis_id)["attempts"] == attempt
        process.kill()
    assert assert_true_ends(site, [analysis_id]) == {"failed": 1}
    assert site.job(analysis_id)["error_code"] == "worker_lost"
    page = site.get(f"/analyses/{analysis_id}/")
    assert page.status_code == 200
    assert f'action="/analyses/{analysis_id}/retry/"' in page.text

    # The button pressed twice at once: one more run, and no press is told that it was wrong.
    answers = at_once(*[lambda: site.retry(analysis_id).status_code] * 2)
    assert set(answers) <= {200, 202}
    until(lambda: site.job(analysis_id)["state"] == "succeeded", 60, "the retry succeeds")
    assert site.job(analysis_id)["attempts"] == 1
    assert assert_true_end(site, analysis_id) == "succeeded"
    assert site.retry(analysis_id).status_code == 200  # pressed once more after the end
    assert_no_stray_photo(site)
