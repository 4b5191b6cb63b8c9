"""Supervision, tried on real processes: a supervisor in a process of its own over small Python programs."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

SCRIPT = Path(__file__).with_name("supervise.py")
SLEEP = "import os, time; print('pid', os.getpid()); time.sleep(600)"
WITH_FAMILY = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("pid", os.getpid())
time.sleep(600)
"""
DEAF = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('pid', os.getpid()); time.sleep(600)"


class Supervised:
    """A running supervise.py. Its processes carry a mark in their environment, so that each one left over is found."""

    def __init__(self, *specs: dict[str, object], files: tuple[Path, ...] = ()) -> None:
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), json.dumps(specs), *map(str, files)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"SUPERVISED_BY": self.mark},
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))

    def line(self, pattern: str, seconds: float = 15) -> re.Match[str]:
        """The next line that matches."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self.lines.append(self._queue.get(timeout=left))
            except queue.Empty:
                break
            found = re.search(pattern, self.lines[-1])
            if found:
                return found
        raise AssertionError(f"no line matches {pattern!r} in:\n" + "\n".join(self.lines))

    def pid_of(self, name: str) -> int:
        return int(self.line(rf"^{name} \| pid (\d+)")[1])

    def left(self) -> list[psutil.Process]:
        """Every living process of this run."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("SUPERVISED_BY") == self.mark:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def ends_clean(self, seconds: float = 10) -> bool:
        """Whether no process is left within `seconds`."""
        return _within(seconds, lambda: not self.left())


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervised]]:
    runs: list[Supervised] = []

    def start(*specs: dict[str, object], files: tuple[Path, ...] = ()) -> Supervised:
        runs.append(Supervised(*specs, files=files))
        return runs[-1]

    yield start
    for run in runs:
        for process in run.left():
            process.kill()
        run.process.wait()


def test_a_killed_process_is_reported_and_started_again(supervise):
    run = supervise({"name": "a", "code": SLEEP})
    pid = run.pid_of("a")
    os.kill(pid, signal.SIGKILL)
    run.line(r"^a ended \(signal SIGKILL\)\. Its last lines:")
    run.line(rf"^a \| pid {pid}")
    run.line(r"^a starts again in 1 s")
    assert run.pid_of("a") != pid


def test_the_delay_doubles_and_a_pattern_is_pointed_out(supervise):
    run = supervise({"name": "a", "code": "raise SystemExit(3)"})
    delays = []
    for _ in range(3):
        run.line(r"^a ended \(exit status 3\)")
        delays.append(int(run.line(r"^a starts again in (\d+) s")[1]))
    assert delays == [1, 2, 4]


def test_what_a_dead_process_left_behind_is_killed_before_it_starts_again(supervise):
    run = supervise({"name": "a", "code": WITH_FAMILY})
    pid = run.pid_of("a")
    family = psutil.Process(pid).children()
    assert len(family) == 2
    os.kill(pid, signal.SIGKILL)
    run.line(r"^a started again")
    in_group = [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert len(in_group) <= 1  # the one in a session of its own is swept at the end
    run.process.terminate()
    assert run.process.wait(15) == 0
    assert run.ends_clean(1)


def test_stages_stop_from_the_highest_down(supervise):
    says_bye = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *a: (print('bye'), sys.exit())); print('up')"
    says_bye += "; time.sleep(600)"
    run = supervise(*({"name": name, "stage": stage, "code": says_bye} for name, stage in (("a", 0), ("b", 1), ("c", 2))))
    for _ in "abc":
        run.line(r"\| up")
    run.process.send_signal(signal.SIGINT)
    assert [run.line(r"^(\w) \| bye")[1] for _ in "abc"] == ["c", "b", "a"]
    assert run.process.wait(10) == 0
    assert run.ends_clean(1)


def test_one_that_ignores_its_signal_is_killed_when_patience_ends(supervise):
    run = supervise({"name": "a", "code": DEAF, "patience": 0.5})
    run.pid_of("a")
    run.process.terminate()
    run.line(r"^a did not stop in time and was killed")
    assert run.process.wait(10) == 0
    assert run.ends_clean(1)


def test_a_second_signal_kills_at_once(supervise):
    run = supervise({"name": "a", "code": DEAF, "patience": 60})
    run.pid_of("a")
    run.process.send_signal(signal.SIGINT)
    time.sleep(1.2)  # two signals within a second are one request
    assert run.process.poll() is None
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(5) == 0
    assert run.ends_clean(1)


@pytest.mark.parametrize("code", [SLEEP, WITH_FAMILY], ids=["alone", "with a family"])
def test_nothing_survives_a_supervisor_killed_with_sigkill(supervise, tmp_path, code):
    note = tmp_path / "services.json"
    run = supervise({"name": "a", "code": code}, {"name": "b", "stage": 1, "code": SLEEP}, files=(note,))
    for _ in "ab":
        run.line(r"\| pid")
    note.write_text(json.dumps({"pid": run.process.pid}))
    # Out of reach once the supervisor is gone: a grandchild that made a session of its own. No process of HairMe leaves such a
    # one: PostgreSQL's do so, and end with their parent by themselves.
    lonely = {p.pid for p in run.left() if os.getsid(p.pid) == p.pid and p.ppid() != run.process.pid} - {run.process.pid}
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    assert _within(13, lambda: {p.pid for p in run.left()} <= lonely), run.left()
    assert _within(13, lambda: not note.exists())


def test_a_killed_watchdog_is_replaced(supervise):
    run = supervise({"name": "a", "code": DEAF})
    run.pid_of("a")
    (watchdog,) = [p for p in run.left() if any(part.endswith("watchdog.py") for part in p.cmdline())]
    watchdog.kill()
    assert _within(5, lambda: any(p.pid != watchdog.pid and "watchdog.py" in " ".join(p.cmdline()) for p in run.left()))
    os.kill(run.process.pid, signal.SIGKILL)
    assert run.ends_clean(13)  # the new watchdog knows the old one's list: nothing else ends a process deaf to SIGTERM


def test_no_one_left_to_print_for_is_a_reason_to_stop(supervise):
    run = supervise({"name": "a", "code": "import time\nwhile True: print('x'); time.sleep(0.05)"})
    run.line(r"^a \| x")
    assert run.process.stdout is not None
    os.dup2(os.open(os.devnull, os.O_RDONLY), run.process.stdout.fileno())  # closes the reading end
    assert run.ends_clean(10)
