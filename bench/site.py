"""The whole site as a client sees it: ``manage.py up`` in a folder of its own, real HTTP, real worker."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from .engine import portrait_jpeg
from .timing import line

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = (1, 4, 16)
SECONDS = 12.0


@contextmanager
def running_site(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes], float]]:
    """(port, process, seconds until ready) of a site that is stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rates = {f"HAIRME_RATE_{name}": "1000000/min" for name in ("ANALYZE", "FEEDBACK", "READ")}
    environment = {**os.environ, **rates, "HAIRME_VAR": str(folder), "PORT": str(port)}
    for name in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(name, None)
    start = time.perf_counter()
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "manage.py", "up"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            while not ready(port):
                if process.poll() is not None or time.perf_counter() - start > 180:
                    raise RuntimeError((folder / "up.log").read_text(errors="replace")[-3000:])
                time.sleep(0.1)
            yield port, process, time.perf_counter() - start
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def ready(port: int) -> bool:
    try:
        return request(port, "GET", "/readyz")[0] == 200
    except OSError:
        return False


def request(port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def analyze(port: int, photo: bytes) -> tuple[int, dict[str, object]]:
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="face.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
    status, answer = request(
        port, "POST", "/api/v2/analyze-hybrid", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    return status, json.loads(answer)


def load(port: int, photo: bytes, clients: int, seconds: float) -> tuple[list[float], list[tuple[int, dict[str, object]]], float]:
    """(latencies in ms, answers, wall seconds) of ``clients`` that each send one photo after another."""
    times: list[float] = []
    answers: list[tuple[int, dict[str, object]]] = []
    lock = threading.Lock()
    end = time.perf_counter() + seconds

    def client() -> None:
        while time.perf_counter() < end:
            start = time.perf_counter()
            answer = analyze(port, photo)
            took = 1000 * (time.perf_counter() - start)
            with lock:
                times.append(took)
                answers.append(answer)

    start = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, answers, time.perf_counter() - start


def run() -> None:
    photo = portrait_jpeg()
    with tempfile.TemporaryDirectory(prefix="hairme-bench-") as name:
        with running_site(Path(name)) as (port, process, seconds):
            print(f"start on an empty folder (environment installed): {seconds:.1f} s")
            print(
                f"analyze-hybrid end to end, 1080 x 1440 JPEG ({len(photo) // 1000} kB), no Gemini, clients on the same machine:"
            )
            for _ in range(6):
                analyze(port, photo)
            for clients in CLIENTS:
                times, answers, wall = load(port, photo, clients, SECONDS)
                line(f"  {clients:2d} clients, {len(times) / wall:5.1f} requests/s", times)
                _nothing_lost(answers)
            _memory(process.pid)
        with running_site(Path(name)) as (_port, _process, seconds):
            print(f"second start: {seconds:.1f} s (must be under 15)")


def _nothing_lost(answers: list[tuple[int, dict[str, object]]]) -> None:
    bad = [status for status, _body in answers if status != 200]
    ids = {body.get("analysis_id") for _status, body in answers}
    short = [body for status, body in answers if status == 200 and len(body["data"]["recommendations"]) != 7]  # type: ignore[index, call-overload]
    print(
        f"     answers {len(answers)}, not 200: {len(bad)}, distinct analyses {len(ids)}, lists that are not 7 long: {len(short)}"
    )
    if bad or short or len(ids) != len(answers):
        raise SystemExit("answers were lost, doubled or incomplete")


def _memory(pid: int) -> None:
    for child in psutil.Process(pid).children(recursive=True):
        try:
            command = " ".join(child.cmdline())
            size = child.memory_info().rss / 2**20
        except psutil.Error:
            continue
        for kind in ("gunicorn", "inference@", "default@", "training@", "beat", "redis-server"):
            if kind in command:
                print(f"  resident memory {kind.rstrip('@'):<12} pid {child.pid:<7} {size:7.0f} MiB")
                break
