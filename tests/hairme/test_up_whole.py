"""`manage.py up` as a newcomer meets it: started from nothing, hurt, stopped, started again."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from hairme.common.embedded.leftovers import servers_on

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
#: Blank rather than absent, so that a developer's .env does not fill them in.
BLANK = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "GEMINI_API_KEY", "HAIRME_TEXT_ENCODER"), "")
START_SECONDS = 240  # on a busy machine; alone it is a tenth of that


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Up:
    """A `manage.py up` on `var`, with what it prints."""

    def __init__(self, var: Path, port: int, *arguments: str, **environment: str) -> None:
        self.var, self.port = var, port
        self.lines: list[str] = []
        self._new: queue.Queue[str] = queue.Queue()
        foreign = ("HAIRME_", "DJANGO_", "PYTEST_", "PROMETHEUS_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | BLANK
        settings = {"HAIRME_VAR": str(var), "PORT": str(port), "HAIRME_INFERENCE_CONCURRENCY": "1", "WEB_CONCURRENCY": "1"}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up", *arguments],
            env=inherited | settings | environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._new.put(line.rstrip("\n"))

    def line(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """The next line that matches."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self.lines.append(self._new.get(timeout=left))
            except queue.Empty:
                break
            found = re.search(pattern, self.lines[-1])
            if found:
                return found
        raise AssertionError(f"no line matches {pattern!r} in:\n" + "\n".join(self.lines[-60:]))

    def status(self, path: str) -> int:
        """The HTTP status of a page; 0 where no one answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def left(self) -> list[psutil.Process]:
        """Every living process of this folder: by what it was started with, or by where it works (the two servers)."""
        found = servers_on("postgres", self.var / "postgres") + servers_on("redis-server", self.var / "redis")
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("HAIRME_VAR") == str(self.var):
                    found.append(process)
            except psutil.Error:
                continue
        return found


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return condition()


@pytest.fixture
def var() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hairme-test-", dir="/tmp")).resolve()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def up(var: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*arguments: str, port: int | None = None, **environment: str) -> Up:
        started.append(Up(var, port or free_port(), *arguments, **environment))
        return started[-1]

    yield start
    for run in started:
        for process in run.left():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        run.process.wait()


def test_the_whole_of_it_starts_heals_and_stops(up, var):
    run = up()
    run.line(r"HairMe is ready after", START_SECONDS)
    run.line(r"Staff pages: .*login staff, password \S+")
    assert run.status("/livez") == 200
    assert run.status("/readyz") == 200
    services = json.loads((var / "run" / "services.json").read_text())
    assert services["port"] == run.port
    assert services["pid"] == run.process.pid

    # A second one on the same folder is refused, and told where the first one is.
    second = up()
    assert second.process.wait(60) == 2
    second.line(rf"^HairMe already runs on .*process {run.process.pid}, http://127\.0\.0\.1:{run.port}")

    # A command from another terminal uses the running services.
    command = up("--exec", "shell", "-c", "from hairme.common.models import Job; print('jobs', Job.objects.count())")
    assert command.process.wait(60) == 0
    command.line(r"^jobs \d+")

    # A worker, then the database, then Redis, killed in turn: each comes back, and with it the site.
    for name, pattern in (("worker-default", "default@"), ("postgres", None), ("redis", None)):
        if pattern is None:
            program = {"postgres": "postgres", "redis": "redis-server"}[name]
            victims = [process for process in servers_on(program, var / name) if process.ppid() == run.process.pid]
        else:
            children = psutil.Process(run.process.pid).children()
            victims = [process for process in children if any(part.startswith(pattern) for part in process.cmdline())]
        (victim,) = victims
        victim.kill()
        run.line(rf"^{name} ended \(signal SIGKILL\)")
        run.line(rf"^{name} started again")
        assert within(90, lambda: run.status("/readyz") == 200), f"not ready after {name} was killed"

    run.process.terminate()
    assert run.process.wait(60) == 0
    assert run.left() == []
    assert not (var / "run" / "services.json").exists()

    # Killed outright, it still leaves nothing, and the next start finds its way.
    again = up(port=run.port)
    again.line(r"HairMe is ready after", START_SECONDS)
    again.process.kill()
    again.process.wait()
    assert within(20, lambda: again.left() == []), again.left()
    third = up(port=run.port)
    third.line(r"HairMe is ready after", START_SECONDS)
    third.process.send_signal(signal.SIGINT)
    assert third.process.wait(60) == 0
    assert third.left() == []


def test_a_command_gets_services_for_as_long_as_it_runs(up, var):
    run = up("--exec", "shell", "--no-imports", "-c", "import os; print('with', os.environ['DATABASE_URL'])")
    run.line(r"^with postgres://")
    assert run.process.wait(60) == 0
    assert run.left() == []


def test_the_exit_status_of_a_command_is_passed_on(up):
    run = up("--exec", "shell", "--no-imports", "-c", "raise SystemExit(7)")
    assert run.process.wait(60) == 7
    assert run.left() == []


def test_a_stop_during_the_start_leaves_nothing(up, var):
    run = up()
    assert within(60, (var / "postgres.building").exists)
    run.process.terminate()
    assert run.process.wait(60) == 0
    assert run.left() == []
    assert not (var / "run" / "services.json").exists()


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "70000"}, r"^PORT=70000 is out of range"),
        ({"DATABASE_URL": "mysql://x/y"}, r"^DATABASE_URL must begin with postgres://"),
        ({"DATABASE_URL": "postgres://127.0.0.1:9/x"}, r"^DATABASE_URL names a server at 127\.0\.0\.1:9 that does not answer"),
        ({"REDIS_URL": "redis://127.0.0.1:9/0"}, r"^REDIS_URL names a server at 127\.0\.0\.1:9 that does not answer"),
        ({"HOST": "192.0.2.1"}, r"HOST=127\.0\.0\.1"),
        ({"HAIRME_VAR": "/proc/hairme"}, r"HAIRME_VAR"),
        ({"HAIRME_INFERENCE_CONCURRENCY": "many"}, r"^HAIRME_INFERENCE_CONCURRENCY='many' is not a whole number"),
    ],
)
def test_a_wrong_setting_ends_with_one_sentence(up, environment, sentence):
    run = up(**environment)
    assert run.process.wait(60) == 2
    run.line(sentence, 5)
    assert not any("Traceback" in line for line in run.lines)
    assert run.left() == []


def test_a_busy_port_is_found_before_anything_is_started(up, var):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = up(port=taken.getsockname()[1])
        assert run.process.wait(60) == 2
        run.line(rf"^Port {run.port} is in use by another program: choose another with PORT=\d+ make run")
    assert not (var / "postgres").exists()
