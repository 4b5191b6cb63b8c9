"""How long until a newcomer sees the page."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .site import ROOT, ready, running_site


def run() -> None:
    with tempfile.TemporaryDirectory(prefix="hairme-bench-") as name:
        for label in ("first", "second", "third"):
            with running_site(Path(name)) as (_port, _process, seconds):
                print(f"{label} start: {seconds:.1f} s until /readyz answers 200")


def fresh_clone() -> None:
    """`git clone` and `make run`: environment, database, catalogue, models, everything."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="hairme-clone-") as name:
        start = time.perf_counter()
        subprocess.run(["git", "clone", "-q", str(ROOT), name], check=True)
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in ("DATABASE_URL", "REDIS_URL", "HAIRME_VAR", "VIRTUAL_ENV")
        }
        process = subprocess.Popen(["make", "run"], cwd=name, env={**environment, "PORT": str(port)}, stdout=subprocess.DEVNULL)
        try:
            while not ready(port):
                if process.poll() is not None:
                    raise SystemExit("make run ended before the site was ready")
                time.sleep(0.2)
            print(f"make run in a fresh clone: {time.perf_counter() - start:.0f} s until /readyz answers 200 (download included)")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
