"""Checks made before anything is started. Each failure is one sentence that says what to do. Standard library only."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

SUPPORTED_PYTHON = ((3, 11), (3, 12))
MINIMUM_FREE_BYTES = 1_000_000_000  # a new PostgreSQL cluster with its write-ahead log takes 120 MB; the rest is room to work
EXIT_CODE = 2


class CannotStart(Exception):
    """Something must change before HairMe can start; the message is a whole sentence for the person at the keyboard."""


def check_python(version: tuple[int, int] = (sys.version_info[0], sys.version_info[1])) -> None:
    if version not in SUPPORTED_PYTHON:
        raise CannotStart(
            f"HairMe runs on Python 3.11 or 3.12 and this is {version[0]}.{version[1]}: "
            "install one of those and run `make run PYTHON=python3.12`."
        )


def check_writable(var: Path) -> None:
    """`var` can be created and a file in it written, read back and removed."""
    try:
        var.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=var, prefix=".write-test-") as file:
            file.write(b"HairMe")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CannotStart(
                f"The disk that holds {var} is full: free some space, or set HAIRME_VAR to another folder."
            ) from None
        raise CannotStart(
            f"HairMe cannot write to {var} ({error.strerror}): make it writable, "
            "or choose another folder with HAIRME_VAR=/some/folder make run."
        ) from None


def check_disk(var: Path, minimum: int = MINIMUM_FREE_BYTES) -> None:
    free = shutil.disk_usage(var).free
    if free < minimum:
        raise CannotStart(
            f"The disk that holds {var} has {free // 1_000_000} MB free and HairMe needs {minimum // 1_000_000} MB: "
            "free some space, or set HAIRME_VAR to a folder on another disk."
        )


def check_port(host: str, port: int) -> None:
    """The web server will be able to bind `host`:`port`."""
    try:
        _bind(host, port)
    except socket.gaierror:
        raise CannotStart(f"HOST={host} is not an address of this machine: leave it out, or set HOST=127.0.0.1.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} is in use by another program: choose another with PORT={next_free_port(host, port)} make run."
        elif error.errno == errno.EACCES:
            message = f"Port {port} needs administrator rights: choose one above 1023, for example PORT=8000 make run."
        else:
            message = f"The address {host}:{port} cannot be used ({error.strerror}): set HOST=127.0.0.1 or another PORT."
        raise CannotStart(message) from None


def next_free_port(host: str, port: int) -> int:
    """The first port above `port` that can be bound; `port` + 1 where the next hundred are all taken."""
    for candidate in range(port + 1, min(port + 101, 65536)):
        try:
            _bind(host, candidate)
        except OSError:
            continue
        return candidate
    return min(port + 1, 65535)


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does: a port in TIME_WAIT is free
        listener.bind(address)


def check_reachable(variable: str, url: str, timeout: float = 5.0) -> None:
    """The server that `variable`=`url` names accepts connections (TCP, or a Unix socket for `?host=/folder` and `unix:`)."""
    default_ports = {"postgres": 5432, "postgresql": 5432, "redis": 6379, "rediss": 6379, "unix": 0, "redis+socket": 0}
    expected = "postgres://user:password@host:5432/name" if variable == "DATABASE_URL" else "redis://host:6379/0"
    try:
        parts = urlsplit(url)
        port = parts.port
        default_port = default_ports[parts.scheme]
    except (ValueError, KeyError):
        raise CannotStart(
            f"{variable} cannot be understood: write it as {expected}, or leave it out for the embedded server."
        ) from None
    if parts.scheme in ("unix", "redis+socket"):
        target: str | tuple[str, int] = parts.path
    else:
        socket_folder = parse_qs(parts.query).get("host", [""])[0]
        host = socket_folder or unquote(parts.hostname or "") or "localhost"
        port = port or default_port
        target = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
    try:
        if isinstance(target, str):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(timeout)
                client.connect(target)
        else:
            socket.create_connection(target, timeout=timeout).close()
    except OSError as error:
        where = target if isinstance(target, str) else f"{target[0]}:{target[1]}"
        raise CannotStart(
            f"{variable} names a server at {where} that does not answer ({error.strerror or error}): "
            "start it or correct the address, or leave the variable out to use the embedded server."
        ) from None
