"""Servers that an earlier, killed run left behind on a data folder."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from hairme.common.embedded.accounts import Notice
from hairme.common.running.processes import wait_until


def servers_on(program: str, data: Path) -> list[psutil.Process]:
    """Living processes of `program` whose working folder is `data`, as our servers' is, their own children included."""
    found = []
    for process in psutil.process_iter(["name", "status"]):
        if process.info["name"] != program or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        try:
            if Path(process.cwd()) == data:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # gone, or another user's
    return found


def end_servers_on(program: str, data: Path, signals: Sequence[signal.Signals], notice: Notice, seconds: float = 10) -> None:
    """End them before the data folder gets a new server: two on one folder would destroy it.

    Each signal in turn, waiting up to `seconds` for all to be gone. They may be on their way out already.
    """
    gone = partial(_none_on, program, data)
    if gone() or wait_until(gone, 0.5):
        return
    notice(f"Stopping the {program} that an earlier run left behind.")
    for number in signals:
        for process in servers_on(program, data):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        if wait_until(gone, seconds):
            return


def _none_on(program: str, data: Path) -> bool:
    return not servers_on(program, data)
