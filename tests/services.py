"""PostgreSQL and Redis of the test run's own, in a folder of their own, gone when the run ends, however it ends."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hairme.common.embedded.postgres import EmbeddedPostgres
from hairme.common.embedded.redis import EmbeddedRedis
from hairme.common.running import processes


@dataclass
class Services:
    """Running services. `stop()` ends them and removes their folder; calling it again does nothing."""

    root: Path
    database_url: str
    redis_url: str
    _started: list[tuple[processes.Command, subprocess.Popen[bytes]]] = field(default_factory=list)
    _owner: int = field(default_factory=os.getpid)

    def stop(self) -> None:
        if os.getpid() != self._owner:  # a forked child inherits the atexit hook, not the services
            return
        while self._started:
            command, process = self._started.pop()
            processes.stop(process, command.stop_signal, 10)
        shutil.rmtree(self.root, ignore_errors=True)


def _runs(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def start_services(root: Path) -> Services:
    """Start both under `root` and wait until they answer. Nothing is synced to disk: the data is thrown away.

    Call from the main thread. Under xdist only the controller may call it; its workers inherit the addresses by environment.
    """
    root.mkdir(parents=True, exist_ok=True)
    postgres = EmbeddedPostgres(root / "postgres", root / "run", throwaway=True)
    redis = EmbeddedRedis(root / "redis", throwaway=True)
    services = Services(root=root, database_url=postgres.url, redis_url=redis.url)
    atexit.register(services.stop)
    try:
        for name, server in (("postgres", postgres), ("redis", redis)):
            server.prepare()
            command = server.command()
            log = root / f"{name}.log"
            with log.open("wb") as file:
                process = processes.start(command, stdout=file)
            services._started.append((command, process))
            if not processes.wait_until(server.is_ready, 30, alive=partial(_runs, process)):
                raise RuntimeError(f"{name} did not start:\n{log.read_text(errors='replace')}")
    except BaseException:
        services.stop()
        raise
    return services
