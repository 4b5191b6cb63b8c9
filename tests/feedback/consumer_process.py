"""Consumers of the event stream as processes that may be killed: `python consumer_process.py COUNT BATCH`, run by test_stream_kill.py.

Django is loaded once; each consumer is a fork of it, made anew when it was killed. SIGTERM stops them as `consume_events` stops.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def consume(batch: int) -> None:
    from feedback.stream import consumer

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    consumer.BATCH, consumer.BLOCK_MS = batch, 20
    consumer.run(stop)


def main(count: int, batch: int) -> None:
    import django

    django.setup()
    import feedback.stream.consumer  # noqa: F401 - loaded before forking

    running: set[int] = set()
    stopping = False

    def end(*_: Any) -> None:
        nonlocal stopping
        stopping = True
        for pid in running:
            os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # delivered only where `running` is complete
    while running or not stopping:
        while len(running) < count and not stopping:
            pid = os.fork()
            if pid == 0:
                consume(batch)
                os._exit(0)
            running.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            running.discard(pid)
            assert not os.WIFEXITED(status) or stopping, f"a consumer ended by itself: {status}"
        else:
            signal.sigtimedwait({signal.SIGCHLD}, 0.02)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
