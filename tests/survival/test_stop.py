"""``up`` told to stop while there is work."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.survival.truth import assert_all_events_relayed, assert_no_stray_photo, assert_true_ends
from tests.survival.whole_site import Site


def test_what_a_stop_interrupts_is_finished_after_the_next_start(
    site: Site, face_jpeg: bytes, since: Callable[[float, str], None]
) -> None:
    for process in site.pool():
        process.suspend()
    ids = [site.submit(face_jpeg) for _ in range(30)]
    assert site.process is not None
    begin = time.monotonic()
    site.process.terminate()
    site.resume()
    site.stop()
    since(begin, "from SIGTERM to the last process gone")
    stopped, begin = time.time(), time.monotonic()
    site.start()
    since(begin, "from the next start to a site that is ready")
    site.finished(ids)
    since(begin, "from the next start to the end of everything that was interrupted")
    assert assert_true_ends(site, ids) == {"succeeded": 30}
    (late,) = site.rows("SELECT count(*) FROM common_job WHERE finished_at > to_timestamp(%s)", stopped)
    assert late["count"] > 0, "all was done before the stop: this proved nothing"
    assert_all_events_relayed(site)
    assert_no_stray_photo(site)
