"""Runs a set of long-lived processes: follows what they print, starts again what ends, stops all of it in order.

One thread and one loop around `select`: every start, restart and end is dealt with in `turn()`, so nothing here can race.
It takes over the signals and the children of its whole process, so it needs a process of its own.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

import psutil

from hairme.common.running import processes
from hairme.common.running.child import LONGEST_DELAY, OFTEN, Child, ProcessSpec, every_line
from hairme.common.running.console import Console
from hairme.common.running.preflight import CannotStart
from hairme.common.running.processes import Command
from hairme.common.running.watchdog import Watchdog

#: One Ctrl-C can arrive twice: `timeout` and service managers signal the whole group, and `make` passes SIGTERM on as well.
_SAME_REQUEST_SECONDS = 1.0


class Supervisor:
    """Use as a context manager: on leaving, however that happens, no process it started is left."""

    def __init__(self, console: Console, watchdog: Watchdog) -> None:
        self.console = console
        self._watchdog = watchdog
        self._children: dict[str, Child] = {}
        self._foreground: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._stop_requests = 0
        self._last_request = float("-inf")
        self._old_handlers: dict[int, Any] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()

    def __enter__(self) -> Supervisor:
        processes.adopt_orphans()
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._old_handlers[number] = signal.signal(number, self._on_stop_signal)
        self._old_handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _only_wake)
        self._watchdog.start()
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.stop()
        finally:
            self._sweep()
            self._watchdog.close()
            signal.set_wakeup_fd(-1)
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)
            self._selector.close()
            self._wake_reader.close()
            self._wake_writer.close()

    # --- what callers ask ------------------------------------------------------------------------------------------------------

    @property
    def should_stop(self) -> bool:
        """A signal asked to stop, or there is no one left to print for."""
        return self._stop_requests > 0 or self.console.lost

    def start(self, spec: ProcessSpec) -> None:
        """Start `spec` and keep it running. Raises CannotStart where the program cannot be run at all."""
        child = Child(spec)
        self._launch(child)
        self._children[spec.name] = child

    def wait_ready(self, name: str, is_ready: Callable[[], bool], seconds: float) -> bool:
        """Turn until `is_ready()`, the process ends, `seconds` pass or a stop is asked for; whether it got ready."""
        deadline = time.monotonic() + seconds
        while not self.should_stop and time.monotonic() < deadline and self._children[name].process is not None:
            if is_ready():
                return True
            self.turn(0.05)
        return False

    def run_once(self, name: str, command: Command) -> int | None:
        """Run a command to its end, printing what it says; its exit code, or None when a stop was asked for first."""
        child = Child(ProcessSpec(name=name, command=command, stage=1000, keep=False))
        self._launch(child)
        self._children[name] = child
        while child.process is not None and not self.should_stop:
            self.turn(1.0)
        return child.returncode  # None: it still runs, and is the first to be stopped

    def run_in_foreground(self, argv: Sequence[str], env: Mapping[str, str]) -> int:
        """Run a command on this process's own terminal to its end, keeping the others running; its exit code.

        Signals to stop are the command's to answer; Ctrl-C reaches it from the terminal.
        """
        self._foreground = subprocess.Popen(  # noqa: S603 - the caller's own command
            list(argv), env=dict(env), preexec_fn=processes.die_with_parent(signal.SIGTERM)
        )
        while self._foreground.poll() is None:
            self.turn(1.0)
        code, self._foreground = self._foreground.returncode, None
        return code

    def turn(self, timeout: float) -> None:
        """One turn of the loop: wait up to `timeout` seconds for something to happen and deal with all of it."""
        now = time.monotonic()
        due = [child.restart_at - now for child in self._children.values() if child.restart_at is not None]
        for key, _ in self._selector.select(max(0.0, min([timeout, *due]))):
            if key.data is None:
                with suppress(BlockingIOError):
                    self._wake_reader.recv(4096)
            else:
                self._print_lines(key.data)
        self._reap_adopted()
        for child in list(self._children.values()):
            if child.has_ended and not child.stopping:
                self._on_end(child)
            elif child.restart_at is not None and time.monotonic() >= child.restart_at and not self._stopping:
                self._restart(child)
        self._watchdog.check()

    def stop(self) -> None:
        """Stop everything, last stage first. A further signal while this runs kills at once."""
        self._stopping = True
        requests = self._stop_requests
        for child in self._children.values():
            child.restart_at = None
        for stage in sorted({child.spec.stage for child in self._children.values()}, reverse=True):
            members = [child for child in self._children.values() if child.spec.stage == stage and child.process is not None]
            self._stop_together(members, lambda: self._stop_requests > requests)
        self._children.clear()

    # --- starting and ending ---------------------------------------------------------------------------------------------------

    def _launch(self, child: Child) -> None:
        process = child.launch()
        self._watchdog.watch(process.pid, child.spec.command.stop_signal)
        assert process.stdout is not None
        self._selector.register(process.stdout, selectors.EVENT_READ, child)

    def _on_end(self, child: Child) -> None:
        """A process ended on its own: say so, end what it left, plan its restart."""
        self._bury(child)
        if child.spec.keep and not self._stopping:
            assert child.returncode is not None
            self._report(child, f"ended ({processes.describe_exit(child.returncode)})")

    def _restart(self, child: Child) -> None:
        try:
            if child.spec.before_restart is not None:
                child.spec.before_restart()
            self._launch(child)
        except CannotStart as error:
            self._report(child, f"cannot be started again: {error}")
        else:
            self.console.say(f"{child.spec.name} started again (process {child.pid}).")

    def _report(self, child: Child, what: str) -> None:
        name = child.spec.name
        delay = child.plan_restart()
        self.console.say(f"{name} {what}." + (" Its last lines:" if child.last_lines else ""))
        for line in child.last_lines:
            self.console.said(name, line)
        child.last_lines.clear()
        if child.ends_often:
            self.console.say(
                f"{name} has now ended {OFTEN} times within a minute, so something must be put right: see its lines above. "
                f"What needs it does not work until then. It is tried again at least every {LONGEST_DELAY:.0f} s."
            )
        self.console.say(f"{name} starts again in {delay:.0f} s.")

    def _bury(self, child: Child) -> None:
        assert child.process is not None
        self._print_lines(child)
        self._unfollow(child)
        pid = child.process.pid
        child.bury()
        self._watchdog.forget(pid)

    def _stop_together(self, members: Sequence[Child], impatient: Callable[[], bool]) -> None:
        plans = {child.spec.name: deque(child.spec.stop) for child in members}
        next_step = dict.fromkeys(plans, 0.0)
        for child in members:
            child.stopping = True
        while members:
            now = time.monotonic()
            for child in members:
                name = child.spec.name
                assert child.process is not None
                if impatient():
                    child.kill()
                elif now < next_step[name]:
                    continue
                elif plans[name]:
                    number, seconds = plans[name].popleft()
                    child.process.send_signal(number)
                    next_step[name] = now + seconds
                else:
                    self.console.say(f"{name} did not stop in time and was killed.")
                    child.kill()
            self.turn(0.05)
            for child in members:
                if child.has_ended:
                    self._bury(child)
            members = [child for child in members if child.process is not None]

    # --- output, orphans, signals ----------------------------------------------------------------------------------------------

    def _print_lines(self, child: Child) -> None:
        quiet = child.stopping and child.spec.shows is not every_line
        for line in child.lines():
            if child.spec.shows(line) and not quiet:
                self.console.said(child.spec.name, line)
        if child.is_silent:  # a closed pipe is always readable: do not spin on it
            self._unfollow(child)

    def _unfollow(self, child: Child) -> None:
        if child.process is not None and child.process.stdout is not None:
            with suppress(KeyError):
                self._selector.unregister(child.process.stdout)

    def _reap_adopted(self) -> None:
        """Collect the exit status of orphans that became our children, so that they do not stay as zombies."""
        if not hasattr(os, "waitid"):
            return
        own = {child.pid for child in self._children.values()} | {self._watchdog.pid}
        own.add(None if self._foreground is None else self._foreground.pid)
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in own:
                return
            with suppress(ChildProcessError):
                os.waitpid(found.si_pid, 0)

    def _sweep(self) -> None:
        """Kill every descendant that is still there, whatever session it moved to."""
        left = [process for process in psutil.Process().children(recursive=True) if process.pid != self._watchdog.pid]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=2)

    def _on_stop_signal(self, number: int, frame: FrameType | None) -> None:
        if self._foreground is not None:
            if number != signal.SIGINT or not os.isatty(0):
                self._foreground.send_signal(number)
            return
        now = time.monotonic()
        if now - self._last_request > _SAME_REQUEST_SECONDS:
            self._stop_requests += 1
            self._last_request = now


def _only_wake(number: int, frame: FrameType | None) -> None:
    """SIGCHLD needs a handler for the wake-up pipe to see it."""
