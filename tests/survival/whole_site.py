"""``manage.py up`` in a folder of its own, what a client sees of it, what its database holds, and the means to hurt it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
import redis
import requests
from psycopg.rows import dict_row

from hairme.common.embedded.leftovers import servers_on

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 4.0  # ANALYZE_WAIT_SECONDS of this site: short, so that its end is met too
PATIENCE = WAIT_SECONDS + 12.0  # no request may take longer, whatever is broken and however busy the machine
START_SECONDS = 240.0
HEAL_SECONDS = 90.0
FINAL = ("succeeded", "failed", "cancelled")
#: Blank rather than absent, so that a developer's .env does not fill them in.
_BLANK = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "GEMINI_API_KEY", "HAIRME_TEXT_ENCODER"), "")
_FOREIGN = ("HAIRME_", "DJANGO_", "PYTEST_", "PROMETHEUS_")

T = TypeVar("T")


def until(look: Callable[[], T], seconds: float, what: str, *, every: float = 0.05) -> T:
    """The first true value of ``look``. Fails after ``seconds`` with ``what`` did not happen."""
    deadline = time.monotonic() + seconds
    while not (value := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)
    return value


class Site:
    """One ``up`` on one folder, through as many starts as a test makes."""

    def __init__(self, var: Path) -> None:
        self.var = var
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.process: subprocess.Popen[bytes] | None = None

    # --- its life ---------------------------------------------------------------------------------------------------------------

    def start(self) -> float:
        """Start it and wait until it is ready; the seconds that took."""
        rates = {f"HAIRME_RATE_{name}": "100000/min" for name in ("ANALYZE", "FEEDBACK", "READ")}
        settings = {
            "HAIRME_VAR": str(self.var),
            "PORT": str(self.port),
            "ANALYZE_WAIT_SECONDS": str(WAIT_SECONDS),
            "HAIRME_INFERENCE_CONCURRENCY": "2",
            "WEB_CONCURRENCY": "1",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)} | _BLANK
        begin = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up"],
                cwd=ROOT,
                env=inherited | rates | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(lambda: self.is_ready() or self.has_ended(), START_SECONDS, "the site is ready", every=0.2)
        if self.has_ended():
            raise AssertionError(self.log.read_text(errors="replace")[-4000:])
        return time.monotonic() - begin

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(60) == 0
            self.process = None

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def is_ready(self) -> bool:
        try:
            return requests.get(self.address("/readyz"), timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def heal(self) -> float:
        """Wait until everything answers again; the seconds that took."""
        begin = time.monotonic()
        until(self.is_ready, HEAL_SECONDS, "the site is ready again", every=0.2)
        return time.monotonic() - begin

    @property
    def log(self) -> Path:
        return self.var.parent / f"{self.var.name}.log"

    @property
    def uploads(self) -> list[str]:
        """Photos that lie in private storage."""
        folder = self.var / "private" / "uploads"
        return sorted(os.listdir(folder)) if folder.is_dir() else []

    # --- what a client sees -----------------------------------------------------------------------------------------------------

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.address(path), timeout=PATIENCE, **options)

    def analyze(self, photo: bytes, *, wait: bool = True, key: str = "") -> requests.Response:
        headers = ({} if wait else {"Prefer": "respond-async"}) | ({"Idempotency-Key": key} if key else {})
        file = {"file": ("face.jpg", photo, "image/jpeg")}
        return requests.post(self.address("/api/v2/analyze-hybrid"), files=file, headers=headers, timeout=PATIENCE)

    def submit(self, photo: bytes, *, wait: bool = False) -> int:
        """The id of an analysis that was taken on."""
        answer = self.analyze(photo, wait=wait)
        assert answer.status_code in (200, 202), answer.text
        return int(answer.json()["analysis_id"])

    def result(self, photo: bytes) -> tuple[int, list[str]]:
        """A finished analysis: its id and the names of the styles that it shows."""
        analysis_id = self.submit(photo, wait=True)
        self.finished([analysis_id])
        return analysis_id, [item["style_name"] for item in self.analysis(analysis_id).json()["data"]["recommendations"]]

    def analysis(self, analysis_id: int) -> requests.Response:
        return self.get(f"/api/v2/analyses/{analysis_id}")

    def retry(self, analysis_id: int) -> requests.Response:
        return requests.post(self.address(f"/api/v2/analyses/{analysis_id}/retry"), timeout=PATIENCE)

    def react(self, analysis_id: int, style_name: str, reaction: int) -> requests.Response:
        given = {"analysis_id": analysis_id, "style_name": style_name, "reaction": reaction}
        return requests.post(self.address("/api/v2/feedback"), json=given, timeout=PATIENCE)

    # --- what the database holds ------------------------------------------------------------------------------------------------

    @property
    def services(self) -> dict[str, Any]:
        return dict(json.loads((self.var / "run" / "services.json").read_text()))

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.services["database_url"], autocommit=True, row_factory=dict_row) as connection:
            return list(connection.execute(query, values).fetchall())  # type: ignore[arg-type]

    def job(self, analysis_id: int) -> dict[str, Any]:
        query = "SELECT j.*, a.photo FROM common_job j JOIN recommendations_analysis a ON a.job_id = j.id WHERE a.id = %s"
        (row,) = self.rows(query, analysis_id)
        return row

    def events(self, analysis_id: int) -> list[dict[str, Any]]:
        """What the outbox says of an analysis, in order."""
        return self.rows("SELECT * FROM common_outboxevent WHERE key = %s ORDER BY id", str(analysis_id))

    def finished(self, ids: list[int], seconds: float = HEAL_SECONDS) -> dict[int, str]:
        """The final state of each, waited for."""

        def look() -> dict[int, str]:
            query = (
                "SELECT a.id, j.state FROM common_job j JOIN recommendations_analysis a ON a.job_id = j.id WHERE a.id = ANY(%s)"
            )
            try:
                found = {row["id"]: row["state"] for row in self.rows(query, ids)}
            except psycopg.OperationalError:  # it may be what was killed
                return {}
            return found if len(found) == len(ids) and set(found.values()) <= set(FINAL) else {}

        return until(look, seconds, f"{len(ids)} analyses are over")

    # --- hurting it -------------------------------------------------------------------------------------------------------------

    def child(self, name: str) -> psutil.Process:
        """The main process of a child of ``up``: postgres, redis, web, beat, or worker-NAME."""
        assert self.process is not None
        marks = {"postgres": "/postgres -D ", "redis": "/redis-server ", "web": " gunicorn ", "beat": " beat "}
        mark = marks.get(name) or f" {name.removeprefix('worker-')}@%h "
        for process in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                if mark in " ".join(process.cmdline()):
                    return process
        raise AssertionError(f"{name} does not run")

    def pool(self, name: str = "worker-inference") -> list[psutil.Process]:
        """The processes in which a worker runs its tasks."""
        return self.child(name).children()

    def kill(self, name: str) -> None:
        """Kill a child of ``up`` outright, and wait until it is dead. Its successor may still be on its way then."""
        victim = self.child(name)
        victim.kill()
        until(lambda: _is_dead(victim), 10, f"{name} is dead", every=0.01)

    def resume(self) -> None:
        """Let every worker process go on that a test has frozen."""
        for name in ("worker-inference", "worker-default"):
            with suppress(AssertionError, psutil.Error):
                for process in self.pool(name):
                    process.resume()

    def freeze(self, ids: list[int], stage: str = "") -> tuple[int, psutil.Process]:
        """Stop a worker process in the middle of one of these analyses: (analysis, process), frozen until killed or resumed.

        The worker's processes run in slices of milliseconds until one is where it is wanted, so none slips through. The process
        holds no lock on its job. Fails where all are over before one was caught.
        """
        query = """SELECT a.id, j.worker FROM common_job j JOIN recommendations_analysis a ON a.job_id = j.id
                   WHERE a.id = ANY(%s) AND j.state = 'running'"""
        deadline = time.monotonic() + HEAL_SECONDS
        with psycopg.connect(self.services["database_url"], autocommit=True, row_factory=dict_row) as connection:
            while time.monotonic() < deadline:
                stopped = {process.pid: process for process in map(_suspended, self.pool()) if process is not None}
                caught = None
                for row in connection.execute(query, (ids,)).fetchall():
                    pid = int(row["worker"].split(":")[1])
                    if caught is None and pid in stopped and self._is_held(connection, row["id"], row["worker"], stage):
                        caught = row["id"], stopped.pop(pid)
                for process in stopped.values():
                    process.resume()
                if caught is not None:
                    return caught
                time.sleep(0.004)
        raise AssertionError("no analysis was caught running")

    @staticmethod
    def _is_held(connection: psycopg.Connection[dict[str, Any]], analysis_id: int, worker: str, stage: str) -> bool:
        query = """SELECT j.stage FROM common_job j JOIN recommendations_analysis a ON a.job_id = j.id
                   WHERE a.id = %s AND j.state = 'running' AND j.worker = %s FOR UPDATE OF j NOWAIT"""
        try:
            row = connection.execute(query, (analysis_id, worker)).fetchone()
        except psycopg.errors.LockNotAvailable:
            return False
        return row is not None and stage in ("", row["stage"])

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.services["redis_url"], socket_timeout=5)


def _suspended(process: psutil.Process) -> psutil.Process | None:
    """The process, stopped; None where it does not live."""
    try:
        process.suspend()
        states = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
        until(lambda: process.status() in states, 10, f"{process} stops", every=0.001)
        return process if process.status() == psutil.STATUS_STOPPED else None
    except psutil.NoSuchProcess:
        return None


def _is_dead(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def new_site() -> Iterator[Site]:
    """A started site; at the end no process of it is left, however the tests have treated it."""
    folder = Path(tempfile.mkdtemp(prefix="hairme-test-", dir="/tmp")).resolve()
    folder.chmod(0o755)
    site = Site(folder / "var")
    site.var.mkdir()
    try:
        site.start()
        yield site
    finally:
        if site.process is not None:
            site.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                site.process.wait(60)
            site.process.kill()
        for program, data in (("postgres", "postgres"), ("redis-server", "redis")):
            for process in servers_on(program, site.var / data):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        shutil.rmtree(folder, ignore_errors=True)
