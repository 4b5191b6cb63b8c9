"""The same thing asked for twice, and things asked for at the same moment."""

from __future__ import annotations

import re
from collections import Counter

import requests

from tests.survival.traffic import at_once
from tests.survival.truth import assert_no_stray_photo, assert_true_ends
from tests.survival.whole_site import PATIENCE, Site, until


def test_the_same_photo_twice_is_two_analyses_and_with_a_key_one(site: Site, face_jpeg: bytes) -> None:
    two = at_once(lambda: site.submit(face_jpeg, wait=True), lambda: site.submit(face_jpeg, wait=True))
    assert assert_true_ends(site, two) == {"succeeded": 2}
    answers = at_once(*[lambda: site.analyze(face_jpeg, key="the same") for _ in range(4)])
    assert {answer.status_code for answer in answers} <= {200, 202}
    (one,) = {answer.json()["analysis_id"] for answer in answers}
    assert assert_true_ends(site, [one]) == {"succeeded": 1}
    assert_no_stray_photo(site)


def test_a_form_sent_twice_at_the_same_moment_is_one_analysis(site: Site, face_jpeg: bytes) -> None:
    """From a browser that was never here: neither of the two requests carries a session yet."""
    browser = requests.Session()
    page = browser.get(site.address("/"), timeout=PATIENCE).text
    fields = {name: re.search(rf'name="{name}" value="([^"]+)"', page)[1] for name in ("csrfmiddlewaretoken", "once")}  # type: ignore[index]
    before = site.rows("SELECT count(*) FROM common_job")[0]["count"]

    def press() -> str:
        answer = requests.post(
            site.address("/analyses/"),
            data=fields,
            files={"file": ("me.jpg", face_jpeg)},
            cookies=browser.cookies.get_dict(),
            allow_redirects=False,
            timeout=PATIENCE,
        )
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    (address,) = set(at_once(press, press))
    assert site.rows("SELECT count(*) FROM common_job")[0]["count"] == before + 1
    assert assert_true_ends(site, [int(address.strip("/").split("/")[1])]) == {"succeeded": 1}
    assert_no_stray_photo(site)


def test_two_reactions_at_the_same_moment_are_one_that_says_what_its_history_says(site: Site, face_jpeg: bytes) -> None:
    analysis_id, names = site.result(face_jpeg)

    same = at_once(*[lambda: site.react(analysis_id, names[0], 1) for _ in range(4)])
    assert [answer.status_code for answer in same] == [200] * 4
    assert len({answer.json()["feedback_id"] for answer in same}) == 1
    opposite = at_once(*[lambda value=value: site.react(analysis_id, names[1], value) for value in (0, 1, 0, 1)])
    assert [answer.status_code for answer in opposite] == [200] * 4
    assert len({answer.json()["feedback_id"] for answer in opposite}) == 1

    rows = {row["hairstyle"]: row for row in site.rows("SELECT * FROM feedback_reaction WHERE analysis_id = %s", analysis_id)}
    assert set(rows) == set(names[:2])
    given = [event["payload"] for event in site.events(analysis_id) if event["topic"] == "feedback.given"]
    history = {name: [p for p in given if p["reaction_id"] == rows[name]["id"]] for name in names[:2]}
    assert [(p["before"], p["reaction"]) for p in history[names[0]]] == [(None, 1)]
    values = [p["reaction"] for p in history[names[1]]]
    assert [p["before"] for p in history[names[1]]] == [None, *values[:-1]]
    assert (rows[names[1]]["reaction"], rows[names[1]]["changes"]) == (values[-1], len(values) - 1)


def test_deleted_while_it_is_read_nothing_of_it_stays(site: Site, face_jpeg: bytes) -> None:
    for stage in ("reading", "advising"):
        analysis_id = site.submit(face_jpeg)
        caught, process = site.freeze([analysis_id], stage)
        job_id = site.job(caught)["id"]
        gone = requests.delete(site.address(f"/api/v2/analyses/{caught}"), timeout=PATIENCE)
        assert gone.status_code == 204
        assert site.analysis(caught).status_code == 404
        process.resume()
        after = site.submit(face_jpeg, wait=True)  # the worker is none the worse for it
        assert assert_true_ends(site, [after]) == {"succeeded": 1}
        until(lambda pid=process.pid: not _holds(site, pid), 30, "the worker has let go of it")
        for table, column, value in (
            ("common_job", "id", job_id),
            ("recommendations_analysis", "id", caught),
            ("recommendations_recommendation", "analysis_id", caught),
        ):
            assert site.rows(f"SELECT 1 FROM {table} WHERE {column} = %s", value) == []
        assert Counter(event["topic"] for event in site.events(caught)) == {"analysis.deleted": 1}
    assert_no_stray_photo(site)


def _holds(site: Site, pid: int) -> bool:
    query = "SELECT 1 FROM common_job WHERE state = 'running' AND worker LIKE %s"
    return bool(site.rows(query, f"%:{pid}:%"))


def test_deleted_twice_at_the_same_moment(site: Site, face_jpeg: bytes) -> None:
    analysis_id = site.submit(face_jpeg, wait=True)
    site.finished([analysis_id])
    address = site.address(f"/api/v2/analyses/{analysis_id}")
    answers = at_once(*[lambda: requests.delete(address, timeout=PATIENCE).status_code for _ in range(3)])
    assert 204 in answers
    assert set(answers) <= {204, 404}
    assert Counter(event["topic"] for event in site.events(analysis_id))["analysis.deleted"] == 1
