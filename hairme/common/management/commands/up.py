"""`manage.py up`: the whole of HairMe on this machine, from nothing installed to a page that answers."""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from argparse import REMAINDER
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from hairme import env
from hairme.common.embedded.postgres import EmbeddedPostgres
from hairme.common.embedded.redis import EmbeddedRedis
from hairme.common.running import preflight, stack
from hairme.common.running.console import Console
from hairme.common.running.preflight import CannotStart
from hairme.common.running.runstate import RunFolder, RunLock
from hairme.common.running.supervisor import Supervisor
from hairme.common.running.watchdog import Watchdog

_SERVICE_SECONDS = 120.0  # PostgreSQL may have to recover from a crash, Redis to load its data
_LOOK_SECONDS = 0.5  # between two looks at whether the site answers
_REPEAT_SECONDS = 15.0  # between two words on what is not ready yet


class Command(BaseCommand):
    help = (
        "Run HairMe until Ctrl-C: PostgreSQL and Redis (unless DATABASE_URL and REDIS_URL name your own), migrations, workers, "
        "scheduler and web server. Everything is written beneath HAIRME_VAR (default var)."
    )
    requires_system_checks: list[str] = []  # type: ignore[assignment] # they look at a database that does not run yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="Port of the web server (default: PORT, or 8000).")
        parser.add_argument("--no-web", action="store_true", help="Everything but the web server.")
        parser.add_argument(
            "--exec",
            nargs=REMAINDER,
            metavar="COMMAND",
            dest="command",
            help="Run `manage.py COMMAND...` against the database and Redis of this folder, starting them for it if need be.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = Up(port=options["port"], web=not options["no_web"]).run(options["command"])
        except CannotStart as reason:
            self.stderr.write(str(reason))
            code = preflight.EXIT_CODE
        sys.exit(code)


class Up:
    """One run, from the first check to the last process gone."""

    def __init__(self, *, port: int | None, web: bool) -> None:
        self.root: Path = settings.BASE_DIR
        self.var: Path = settings.VAR_DIR
        self.port: int = port or settings.PORT
        self.host = env.text("HOST", "127.0.0.1", help=env.DECLARED["HOST"])
        name = "HAIRME_INFERENCE_CONCURRENCY"
        self.concurrency = env.integer(name, stack.processor_count(), low=1, high=64, help=env.DECLARED[name])
        self.web = web
        self.folder = RunFolder(self.var / "run")
        self.console = Console(sys.stdout)
        self.postgres: EmbeddedPostgres | None = None
        self.began = time.monotonic()

    @property
    def address(self) -> str:
        return f"http://{self._reachable_host}:{self.port}"

    @property
    def _reachable_host(self) -> str:
        """Where a server bound to `host` answers from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - read, not bound
        return f"[{host}]" if ":" in host else host

    def run(self, command: list[str] | None) -> int:
        """Run until told to stop, or `command` to its end. The exit code; raises CannotStart with a sentence."""
        preflight.check_python()
        preflight.check_writable(self.var)
        self.folder.path.mkdir(exist_ok=True)
        given = self._given_addresses()
        if command is not None and len(given) == 2:
            return self._replace_with(command, given)
        lock = RunLock(self.folder)
        if not lock.acquire("a single command" if command is not None else self.address):
            living = self.folder.living_services()
            if command is not None and living is not None:
                return self._replace_with(
                    command, {"DATABASE_URL": living["database_url"], "REDIS_URL": living["redis_url"]} | given
                )
            raise lock.refusal()
        try:
            preflight.check_disk(self.var)
            for variable, url in given.items():
                preflight.check_reachable(variable, url)
            if command is None and self.web:
                preflight.check_port(self.host, self.port)
            self.folder.remove_services()  # of a run that was killed
            with Supervisor(self.console, Watchdog([self.folder.services_file])) as supervisor:
                return self._run_with(supervisor, given, command)
        finally:
            self.folder.remove_services()
            if self.postgres is not None:
                self.postgres.forget_socket()
            lock.release()

    def _given_addresses(self) -> dict[str, str]:
        """The services that are named in the environment (or in a file it names) and so are not started here."""
        named = {name: env.secret(name, help=env.DECLARED[name]) for name in ("DATABASE_URL", "REDIS_URL")}
        return {name: url for name, url in named.items() if url}

    def _replace_with(self, command: list[str], addresses: dict[str, str]) -> int:
        """Nothing to start and to stop: become the command."""
        environment = stack.child_environment(self.var, self.host, self.port, self._only_new(addresses))
        os.execve(sys.executable, [sys.executable, str(self.root / "manage.py"), *command], environment)  # noqa: S606

    def _only_new(self, addresses: dict[str, str]) -> dict[str, str]:
        """Without those that the children find for themselves in a file: an address given twice is refused by the settings."""
        return {name: url for name, url in addresses.items() if f"{name}_FILE" not in os.environ}

    def _run_with(self, supervisor: Supervisor, given: dict[str, str], command: list[str] | None) -> int:
        self.console.say(f"Starting HairMe on {self.var}")
        started = self._start_services(supervisor, given)
        if supervisor.should_stop:
            return 0
        environment = stack.child_environment(self.var, self.host, self.port, self._only_new(given | started))
        if command is not None:
            prepared = stack.management_command(self.root, environment, *command)
            return supervisor.run_in_foreground(prepared.argv, prepared.env)
        self.folder.write_services(
            {"database_url": started.get("DATABASE_URL", ""), "redis_url": started.get("REDIS_URL", ""), "port": self.port}
        )
        code = supervisor.run_once("prepare", stack.management_command(self.root, environment, "prepare"))
        if code:
            self.console.say("The database could not be prepared; the lines of `prepare` above say why. Stopping.")
            return 1
        if not supervisor.should_stop:
            self._serve(supervisor, environment)
        self.console.say("Stopping.")
        return 0

    def _start_services(self, supervisor: Supervisor, given: dict[str, str]) -> dict[str, str]:
        """Start what is not given, wait until it answers; the addresses by variable."""
        started: dict[str, str] = {}
        waiting = []
        if "DATABASE_URL" not in given:
            self.postgres = EmbeddedPostgres(self.var / "postgres", self.folder.path, notice=self.console.say)
            self.postgres.prepare()
            supervisor.start(stack.postgres_process(self.postgres))
            started["DATABASE_URL"] = self.postgres.url
            waiting.append(("postgres", self.postgres.is_ready))
        if "REDIS_URL" not in given:
            redis = EmbeddedRedis(self.var / "redis", notice=self.console.say)
            redis.prepare()
            supervisor.start(stack.redis_process(redis))
            started["REDIS_URL"] = redis.url
            waiting.append(("redis", redis.is_ready))
        for name, is_ready in waiting:
            if not supervisor.wait_ready(name, is_ready, _SERVICE_SECONDS) and not supervisor.should_stop:
                raise CannotStart(f"The embedded {name} did not start: its last lines above say why.")
        return started

    def _serve(self, supervisor: Supervisor, environment: dict[str, str]) -> None:
        Path(settings.STATIC_ROOT).mkdir(exist_ok=True)  # WhiteNoise warns where it is missing, although local files are found
        for spec in stack.application_processes(self.root, environment, inference_concurrency=self.concurrency, web=self.web):
            supervisor.start(spec)
        announced = not self.web
        next_look = 0.0
        next_word = time.monotonic() + _REPEAT_SECONDS
        while not supervisor.should_stop:
            supervisor.turn(30.0 if announced else _LOOK_SECONDS)
            if announced or time.monotonic() < next_look:
                continue
            missing = self._missing()
            next_look = time.monotonic() + _LOOK_SECONDS
            if missing is None:
                announced = True
                self._announce()
            elif time.monotonic() > next_word:
                next_word = time.monotonic() + _REPEAT_SECONDS
                self.console.say(f"Not ready yet: {missing}")

    def _missing(self) -> str | None:
        """None when /livez and /readyz both answer 200, else what is still missing."""
        for path in ("/livez", "/readyz"):
            connection = http.client.HTTPConnection(self._reachable_host.strip("[]"), self.port, timeout=3)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                return "the web server does not answer."
            finally:
                connection.close()
            if response.status != 200:
                return _failed_checks(body) or f"{path} answers {response.status}."
        return None

    def _announce(self) -> None:
        self.console.say("")
        self.console.say(f"HairMe is ready after {time.monotonic() - self.began:.1f} s:  {self.address}")
        login = self.folder.staff_login()
        if login is not None:
            name, _, password = login.partition(" ")
            self.console.say(f"Staff pages:  {self.address}/admin/  (login {name}, password {password})")
        self.console.say("Ctrl-C stops everything.")
        self.console.say("")


def _failed_checks(body: bytes) -> str:
    """What /readyz complains of, in one line."""
    try:
        checks = json.loads(body)["checks"]
        return "; ".join(f"{name}: {result['detail']}" for name, result in checks.items() if not result["ok"])
    except (ValueError, KeyError, TypeError):
        return ""
