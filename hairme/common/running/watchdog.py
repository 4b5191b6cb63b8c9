"""The last one out: ends a supervisor's children when the supervisor itself is killed and cannot.

Run as a script, `python watchdog.py PID FILE...`, with the supervisor's pid and a pipe from it as standard input. Lines
`+PGID SIGNAL` and `-PGID` tell which process groups live and how each is asked to stop. The pipe closes when the supervisor
ends, however it ends; groups still listed are then asked to stop, newest first, and killed after GRACE_SECONDS, and each FILE
that names the supervisor's pid is removed. Standard library only and nothing of HairMe: small, and started in no time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

GRACE_SECONDS = 10.0


class Watchdog:
    """The supervisor's end of the pipe. A watchdog that died is started again, with the whole list."""

    def __init__(self, files: Iterable[Path] = ()) -> None:
        self._files = [str(file) for file in files]
        self._groups: dict[int, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, "-I", "-S", __file__, str(os.getpid()), *self._files],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # out of reach of Ctrl-C and of the terminal's hang-up
        )
        for pgid, number in self._groups.items():
            self._tell(f"+{pgid} {number}")

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def watch(self, pgid: int, stop_signal: signal.Signals) -> None:
        self._groups[pgid] = int(stop_signal)
        self._tell(f"+{pgid} {int(stop_signal)}")

    def forget(self, pgid: int) -> None:
        self._groups.pop(pgid, None)
        self._tell(f"-{pgid}")

    def check(self) -> None:
        """Replace a watchdog that has died."""
        if self._process is not None and self._process.poll() is not None:
            self.start()

    def close(self) -> None:
        """End it; call when no child is left."""
        if self._process is None or self._process.stdin is None:
            return
        self._tell("quit")
        with suppress(OSError):  # it may be gone already
            self._process.stdin.close()
        self._process.wait()
        self._process = None

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except OSError:
            return  # it died: `check` starts another and tells it everything


def guard(lines: IO[str], supervisor: int, files: list[str]) -> None:
    """The script: follow `lines` to their end, then clear up unless the supervisor said `quit`."""
    groups: dict[int, int] = {}
    for line in lines:
        word = line.strip()
        if word == "quit":
            return
        if word.startswith("+"):
            told = word[1:].split()
            groups[int(told[0])] = int(told[1])
        elif word.startswith("-"):
            groups.pop(int(word[1:]), None)
    for pgid in reversed(groups):
        _signal(pgid, groups[pgid])
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(_signal(pgid, 0) for pgid in groups):
        time.sleep(0.1)
    for pgid in groups:
        _signal(pgid, signal.SIGKILL)
    for file in files:
        _remove_if_of(supervisor, file)


def _signal(pgid: int, number: int) -> bool:
    try:
        os.killpg(pgid, number)
    except OSError:
        return False
    return True


def _remove_if_of(supervisor: int, file: str) -> None:
    try:
        with open(file, encoding="utf-8") as stream:
            mine = json.load(stream).get("pid") == supervisor
        if mine:
            os.unlink(file)
    except (OSError, ValueError):
        return


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    guard(sys.stdin, int(sys.argv[1]), sys.argv[2:])
