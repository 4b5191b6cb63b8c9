"""Child processes that cannot outlive their parent: own session each, a death signal from the kernel, stopped as a group."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36

_libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Command:
    """What to run. `uid` and `gid` are set only where the process must run under another account."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    uid: int | None = None
    gid: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM


def start(command: Command, *, stdout: int | IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start `command` as the leader of a session of its own, with stderr joined to stdout and no stdin.

    Where the kernel can (Linux), the process gets `command.stop_signal` the moment the calling *thread* ends, however it ends;
    call this from the main thread. Raises OSError where the program cannot be run.
    """
    switch: dict[str, Any] = {} if command.uid is None else {"user": command.uid, "group": command.gid, "extra_groups": []}
    return subprocess.Popen(  # noqa: S603 - the caller's own command
        list(command.argv),
        env=dict(command.env),
        cwd=command.cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent(command.stop_signal),
        **switch,
    )


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` that has the kernel send `death_signal` when the calling thread ends; None where the kernel cannot (macOS).

    subprocess runs it after the change of user, as it must: that change would clear the death signal (prctl(2)).
    """
    if _libc is None:
        return None
    parent = os.getpid()

    def arm() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return arm


def adopt_orphans() -> None:
    """From now on the descendants of a child that dies become this process's own children (Linux), so none can get lost."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def signal_group(pgid: int, number: signal.Signals) -> bool:
    """Signal every process of the group; False where none is left."""
    try:
        os.killpg(pgid, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS answers so for a group of zombies
        return False
    return True


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, seconds: float) -> None:
    """Ask the process to stop, wait up to `seconds`, then kill what is left of its group."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
    signal_group(process.pid, signal.SIGKILL)


def wait_until(ready: Callable[[], bool], seconds: float, *, alive: Callable[[], bool] = lambda: True) -> bool:
    """Whether `ready` came true within `seconds`; gives up at once when `alive` turns false."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive():
        if ready():
            return True
        time.sleep(0.05)
    return ready() if alive() else False


def describe_exit(code: int) -> str:
    """`exit status 3`, or `signal SIGKILL` for a negative code as subprocess gives it."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
