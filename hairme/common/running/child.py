"""One supervised process: what it is, what it prints, how it has fared."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from hairme.common.running import processes
from hairme.common.running.preflight import CannotStart
from hairme.common.running.processes import Command

LONGEST_DELAY = 30.0  # seconds between two attempts to start a process that keeps ending
SETTLED_AFTER = 60.0  # a process that ran this long starts again with the shortest delay
OFTEN = 5  # this many ends within a minute are a pattern worth saying
_LONGEST_LINE = 32_768  # bytes
_LAST_LINES = 12


def every_line(line: str) -> bool:
    return True


@dataclass(frozen=True)
class ProcessSpec:
    """One process to run. Higher stages stop first; processes of one stage stop together.

    `stop` lists what to do when asked to stop: a signal and how many seconds to wait for its effect, then the next.
    What is left after the last is killed with its whole process group.
    """

    name: str
    command: Command
    stage: int
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10.0),)
    kill_signal: signal.Signals = signal.SIGKILL  # when there is no time to wait
    before_restart: Callable[[], None] | None = None  # may raise CannotStart
    shows: Callable[[str], bool] = every_line  # which of its lines are printed; the last ones are kept for the report of a crash
    keep: bool = True  # started again when it ends


@dataclass
class Child:
    """The process of a ProcessSpec, through its restarts."""

    spec: ProcessSpec
    process: subprocess.Popen[bytes] | None = None
    returncode: int | None = None  # of the last run
    restart_at: float | None = None  # time.monotonic()
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_LINES))
    stopping: bool = False
    is_silent: bool = False  # closed its output for good
    _started: float = 0.0
    _failures: int = 0
    _ends: deque[float] = field(default_factory=lambda: deque(maxlen=OFTEN))
    _partial: bytes = b""

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    @property
    def has_ended(self) -> bool:
        """The process ended and `bury` has not been called yet."""
        return self.process is not None and self.process.poll() is not None

    @property
    def ends_often(self) -> bool:
        return len(self._ends) == OFTEN and self._ends[-1] - self._ends[0] < 60

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process. Raises CannotStart where the program cannot be run."""
        try:
            self.process = processes.start(self.spec.command, stdout=subprocess.PIPE)
        except OSError as error:
            raise CannotStart(f"{self.spec.name} cannot be started: {self.spec.command.argv[0]}: {error.strerror}.") from None
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._started, self.restart_at, self.returncode = time.monotonic(), None, None
        self.is_silent, self._partial = False, b""
        return self.process

    def lines(self) -> Iterator[str]:
        """The complete lines that it has printed since the last call; never blocks."""
        if self.process is None or self.process.stdout is None:
            return
        while True:
            try:
                data = os.read(self.process.stdout.fileno(), 65_536)
            except BlockingIOError:
                return
            complete, newline, rest = (self._partial + data).rpartition(b"\n")
            self._partial = rest
            if not data or len(rest) > _LONGEST_LINE:
                complete, self._partial = complete + newline + rest, b""
            for line in complete.decode("utf-8", errors="replace").splitlines():
                if line.strip():
                    self.last_lines.append(line.rstrip())
                    yield line.rstrip()
            if not data:
                self.is_silent = True
                return

    def bury(self) -> None:
        """After it ended: kill what is left of its group, close its pipe, remember its exit code."""
        assert self.process is not None
        assert self.process.stdout is not None
        processes.signal_group(self.process.pid, signal.SIGKILL)
        self.process.stdout.close()
        self.returncode = self.process.wait()
        self.process = None

    def plan_restart(self) -> float:
        """Note a failure and set when to try again; the delay in seconds: 1, 2, 4, ... LONGEST_DELAY."""
        now = time.monotonic()
        self._failures = 1 if now - self._started > SETTLED_AFTER else self._failures + 1
        self._ends.append(now)
        delay = min(2.0 ** (self._failures - 1), LONGEST_DELAY)
        self.restart_at = now + delay
        return delay

    def kill(self) -> None:
        """At once, with the kindest signal that still is."""
        if self.process is None:
            return
        if self.spec.kill_signal != signal.SIGKILL:
            processes.stop(self.process, self.spec.kill_signal, 2)
        processes.signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
