"""Jobs: one runner at a time, lost work found again, ends recorded once."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError as KombuError

from hairme.common import jobs, wake
from hairme.common.errors import ApplicationError
from hairme.common.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Messages go into a list instead of to a worker."""
    out: list[int] = []
    monkeypatch.setattr(
        jobs, "send", lambda job: out.append(job.pk) or Job.objects.filter(pk=job.pk).update(sent_at=timezone.now()) or True
    )
    return out


def make(**fields: object) -> Job:
    return jobs.enqueue("common.recover_lost_jobs", {}, queue="default", **fields)  # type: ignore[arg-type]


def test_message_leaves_only_after_commit(sent: list[int]) -> None:
    with transaction.atomic():
        job = make()
        assert sent == []
    assert sent == [job.pk]


def test_rolled_back_job_sends_nothing(sent: list[int]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        make()
        raise RuntimeError
    assert sent == []
    assert not Job.objects.exists()


def test_same_key_is_one_job(sent: list[int]) -> None:
    first, second = make(idempotency_key="k"), make(idempotency_key="k")
    assert first.pk == second.pk
    assert sent == [first.pk]


def test_only_one_claim_wins(sent: list[int]) -> None:
    job = make()
    assert jobs.claim(job.pk) is not None
    assert jobs.claim(job.pk) is None


def test_success_and_second_delivery(sent: list[int]) -> None:
    job = make()
    runs = 0
    for _ in range(2):
        with jobs.claimed(job.pk) as mine:
            runs += mine is not None
    job.refresh_from_db()
    assert runs == 1
    assert job.state == Job.State.SUCCEEDED
    assert job.finished_at is not None


def test_application_error_fails_with_its_code(sent: list[int]) -> None:
    job = make()
    with jobs.claimed(job.pk):
        raise ApplicationError("photo_gone", params={"n": 1})
    job.refresh_from_db()
    assert (job.state, job.error_code, job.error_params) == ("failed", "photo_gone", {"n": 1})


def test_bug_fails_the_job_and_is_raised_on(sent: list[int]) -> None:
    job = make()
    with pytest.raises(ZeroDivisionError), jobs.claimed(job.pk):
        1 / 0  # noqa: B018
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "internal_error")


def test_lost_database_gives_the_job_back(sent: list[int]) -> None:
    job = make()
    for attempt in range(1, job.max_attempts + 1):
        with pytest.raises(OperationalError), jobs.claimed(job.pk) as mine:
            assert mine is not None
            raise OperationalError("server closed the connection")
        job.refresh_from_db()
        assert job.attempts == attempt
        if attempt < job.max_attempts:
            assert (job.state, job.sent_at) == (Job.State.QUEUED, None)
    assert (job.state, job.error_code) == (Job.State.FAILED, "database_unavailable")


def test_job_of_a_database_that_stays_away_is_found_again(sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_give_back", lambda job, code: None)
    job = make()
    with pytest.raises(OperationalError), jobs.claimed(job.pk):
        raise OperationalError("server closed the connection")
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    jobs.recover_lost(timezone.now() + timedelta(minutes=5))
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED


def test_dead_process_is_noticed_before_its_lease_ends(sent: list[int]) -> None:
    job = make()
    assert jobs.claim(job.pk)
    corpse = subprocess.Popen([sys.executable, "-c", "pass"])
    corpse.wait()
    Job.objects.filter(pk=job.pk).update(worker=f"{jobs.HOST}:{corpse.pid}:1")
    assert jobs.recover_lost()["requeued"] == 1
    again = jobs.claim(job.pk)
    assert again is not None
    assert again.attempts == 2


def test_living_worker_is_left_alone(sent: list[int]) -> None:
    job = make()
    assert jobs.claim(job.pk)
    assert jobs.recover_lost() == {"resent": 0, "requeued": 0, "failed": 0}


def test_work_that_keeps_killing_its_worker_ends(sent: list[int]) -> None:
    job = make(max_attempts=2)
    for _ in range(2):
        assert jobs.claim(job.pk)
        Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        jobs.recover_lost()
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "worker_lost")


def test_message_lost_by_the_broker_is_sent_again(sent: list[int]) -> None:
    job = make()
    sent.clear()
    Job.objects.filter(pk=job.pk).update(sent_at=timezone.now() - timedelta(minutes=2))
    assert jobs.recover_lost()["resent"] == 1
    assert sent == [job.pk]


def test_message_that_died_with_its_worker_is_sent_again_soon(sent: list[int]) -> None:
    job = make()
    sent.clear()
    Job.objects.filter(pk=job.pk).update(sent_at=timezone.now() - timedelta(seconds=7))
    wake.client().rpush(job.queue, "another message")
    assert jobs.recover_lost()["resent"] == 0  # it may still be waiting behind that one
    wake.client().delete(job.queue)
    assert jobs.recover_lost()["resent"] == 1
    assert sent == [job.pk]


def test_cancelled_work_cannot_write_its_end(sent: list[int]) -> None:
    job = make()
    with jobs.claimed(job.pk) as mine:
        assert mine is not None
        jobs.cancel(mine)
        with pytest.raises(jobs.JobGone):
            jobs.advance(mine, stage="next")
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def test_taken_over_work_cannot_write_its_end(sent: list[int]) -> None:
    job = make()
    first = jobs.claim(job.pk)
    assert first is not None
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    second = jobs.claim(job.pk)
    assert second is not None
    assert not jobs.succeed(first)
    assert jobs.succeed(second)


def test_retry_starts_from_the_first_attempt(sent: list[int]) -> None:
    job = make()
    with jobs.claimed(job.pk):
        raise ApplicationError("photo_gone")
    job.refresh_from_db()
    assert jobs.retry(job)
    assert sent == [job.pk, job.pk]
    assert (job.state, job.attempts, job.error_code) == ("queued", 0, "")
    assert not jobs.retry(job)


def test_waiter_wakes_at_the_end(sent: list[int]) -> None:
    job = make()
    with jobs.claimed(job.pk):
        pass
    done = wake.wait(job.pk, 5)
    assert done.state == Job.State.SUCCEEDED


def test_waiter_gives_up_in_time(sent: list[int]) -> None:
    job = make()
    begin = timezone.now()
    assert wake.wait(job.pk, 0.3).state == Job.State.QUEUED
    assert timezone.now() - begin < timedelta(seconds=2)


def test_broker_away_keeps_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    from hairme.celery import app

    def away(*args: object, **kwargs: object) -> None:
        raise KombuError("connection refused")

    monkeypatch.setattr(app, "send_task", away)
    job = make()
    job.refresh_from_db()
    assert (job.state, job.sent_at) == ("queued", None)
