"""What a running `up` leaves in $HAIRME_VAR/run for others to see: its lock, and where its services listen."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hairme.common.running.preflight import CannotStart


@dataclass(frozen=True)
class RunFolder:
    """The files of one $HAIRME_VAR/run."""

    path: Path

    @property
    def lock_file(self) -> Path:
        return self.path / "up.lock"

    @property
    def services_file(self) -> Path:
        return self.path / "services.json"

    def staff_login(self) -> str | None:
        """`name password` as `prepare` wrote it when it made the login."""
        try:
            return (self.path / "staff-login.txt").read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

    def write_services(self, addresses: dict[str, Any]) -> None:
        """Say where the services listen, with this process's pid: atomically, readable by this user only."""
        descriptor, name = tempfile.mkstemp(dir=self.path, prefix=".services-")  # mkstemp makes it 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(addresses | {"pid": os.getpid()}, file)
        os.replace(name, self.services_file)

    def remove_services(self) -> None:
        self.services_file.unlink(missing_ok=True)

    def living_services(self) -> dict[str, Any] | None:
        """The addresses of an `up` that still lives; None where there is none, or only what a killed one left."""
        try:
            found: dict[str, Any] = json.loads(self.services_file.read_text(encoding="utf-8"))
            alive = psutil.pid_exists(int(found["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if alive else None


class RunLock:
    """Held by one `up` per folder for as long as it lives; the kernel lets go of it when the process ends, however it ends."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def acquire(self, address: str) -> bool:
        """Take the lock and write who holds it; False where another living process has it."""
        descriptor = os.open(self._folder.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"pid": os.getpid(), "address": address}).encode())
        self._descriptor = descriptor
        return True

    def refusal(self) -> CannotStart:
        """Why `acquire` failed."""
        try:
            holder = json.loads(self._folder.lock_file.read_text(encoding="utf-8"))
            who = f"process {holder['pid']}, {holder['address']}"
        except (OSError, ValueError, KeyError, TypeError):
            who = "process unknown"
        return CannotStart(
            f"HairMe already runs on {self._folder.path.parent} ({who}): use that one, stop it with Ctrl-C, "
            "or run another beside it with HAIRME_VAR=var2 PORT=8001 make run."
        )

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
