"""The web server: threads, because a request mostly waits (for the database, for its inference worker)."""

import os
import shutil
from pathlib import Path

host = os.environ.get("HOST", "127.0.0.1")
bind = f"[{host}]:{os.environ.get('PORT', '8000')}" if ":" in host else f"{host}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "24"))
timeout = 60  # a worker process whose heartbeat stops this long is replaced; requests have limits of their own
graceful_timeout = 10
keepalive = 5
preload_app = True  # imported once and shared: half the start, less memory, and a replaced worker is there at once
max_requests = 5000  # gives back what fragmentation and leaks have taken
max_requests_jitter = 1000
control_socket_disable = True  # it would live in the home folder, and everything a run writes lives in HAIRME_VAR
errorlog = "-"
loglevel = "warning"

_heartbeats = Path("/dev/shm")  # noqa: S108 - gunicorn unlinks its file at once; on a disk it could stall the heartbeat
worker_tmp_dir = str(_heartbeats) if os.access(_heartbeats, os.W_OK) else None

# prometheus_client reads the variable when it is first imported. Counters of an earlier run must not be added to this one's;
# on a reload (SIGHUP) this file is read again with the variable set, and the counters stay.
_metrics = Path(os.environ.get("HAIRME_VAR", "var")).expanduser().resolve() / "run" / "prometheus"
if os.environ.get("PROMETHEUS_MULTIPROC_DIR") != str(_metrics):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)
    shutil.rmtree(_metrics, ignore_errors=True)
    _metrics.mkdir(parents=True)


def on_starting(server):
    """Import the views before the workers fork, or each would import them anew at its first request."""
    from django.urls import get_resolver

    get_resolver().url_patterns  # noqa: B018 - reading it imports them


def child_exit(server, worker):
    """Drop the live gauges of a worker that is gone; its counters stay in the sums."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
