"""The embedded servers: half-made folders, other versions, leftovers of killed runs, long paths."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis as redis_client

from hairme.common.embedded.postgres import MARKER, EmbeddedPostgres, socket_folder
from hairme.common.embedded.redis import EmbeddedRedis
from hairme.common.running import processes
from hairme.common.running.preflight import CannotStart
from hairme.common.running.runstate import RunFolder, RunLock

pytestmark = pytest.mark.slow


@pytest.fixture
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hairme-test-", dir="/tmp"))  # short: a socket lives in it
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A completed data folder to copy: making one takes a second."""
    folder = Path(tempfile.mkdtemp(prefix="hairme-test-", dir="/tmp"))
    EmbeddedPostgres(folder / "postgres", folder / "run", throwaway=True).prepare()
    yield folder / "postgres"
    shutil.rmtree(folder)


def copy_of(cluster: Path, root: Path) -> Path:
    subprocess.run(["cp", "-a", str(cluster), str(root / "postgres")], check=True)
    return root / "postgres"


def postgres_in(root: Path, told: list[str] | None = None) -> EmbeddedPostgres:
    return EmbeddedPostgres(root / "postgres", root / "run", throwaway=True, notice=(told if told is not None else []).append)


class Running:
    def __init__(self, server: EmbeddedPostgres | EmbeddedRedis) -> None:
        self.command = server.command()
        self.process = processes.start(self.command, stdout=subprocess.DEVNULL)
        assert processes.wait_until(server.is_ready, 20)

    def stop(self) -> None:
        processes.stop(self.process, self.command.stop_signal, 10)


def test_an_interrupted_initdb_leaves_nothing_that_looks_like_a_database(root):
    script = (
        "import sys; from pathlib import Path; from hairme.common.embedded.postgres import EmbeddedPostgres;"
        "EmbeddedPostgres(Path(sys.argv[1]) / 'postgres', Path(sys.argv[1]) / 'run').prepare()"
    )
    making = subprocess.Popen([sys.executable, "-c", script, str(root)])
    assert processes.wait_until((root / "postgres.building" / "PG_VERSION").exists, 20)
    making.kill()
    making.wait()
    assert not (root / "postgres").exists()
    server = postgres_in(root)
    server.prepare()
    assert (root / "postgres" / MARKER).exists()
    assert not (root / "postgres.building").exists()
    running = Running(server)
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("hairme",)
    running.stop()


def test_a_folder_that_was_never_completed_is_set_aside_and_made_anew(root):
    (root / "postgres").mkdir()
    (root / "postgres" / "PG_VERSION").write_text("18\n")
    told: list[str] = []
    server = postgres_in(root, told)
    server.prepare()
    (aside,) = root.glob("postgres.incomplete-*")
    assert (aside / "PG_VERSION").exists()
    assert any("never completed" in line and aside.name in line for line in told)
    assert (root / "postgres" / "global" / "pg_control").exists()


def test_a_completed_folder_with_files_missing_is_left_alone(root, cluster):
    data = copy_of(cluster, root)
    (data / "global" / "pg_control").unlink()
    with pytest.raises(CannotStart, match=r"damaged.*restore it from a backup, or move that folder away"):
        postgres_in(root).prepare()
    assert data.exists()


def test_a_folder_of_another_major_version_is_left_alone(root, cluster):
    data = copy_of(cluster, root)
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(CannotStart, match=r"made by PostgreSQL 17 and this is PostgreSQL 18"):
        postgres_in(root).prepare()


def test_a_pid_file_whose_pid_now_belongs_to_another_process_does_not_stop_the_start(root, cluster):
    data = copy_of(cluster, root)
    server = postgres_in(root)
    stranger = processes.start(processes.Command(argv=["sleep", "60"], uid=_uid(server), gid=_gid(server), cwd=Path("/")))
    (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n1\n5432\n{server.socket_dir}\n\n  1 1\nready   \n")
    server.prepare()
    running = Running(server)
    running.stop()
    assert stranger.poll() is None
    processes.stop(stranger, signal.SIGKILL, 1)


def _uid(server: EmbeddedPostgres) -> int | None:
    return server.account.uid if server.account.switch else None


def _gid(server: EmbeddedPostgres) -> int | None:
    return server.account.gid if server.account.switch else None


def test_a_server_that_outlived_its_run_is_ended_first(root, cluster):
    copy_of(cluster, root)
    told: list[str] = []
    server = postgres_in(root, told)
    server.prepare()
    first = Running(server)
    second = postgres_in(root, told)
    second.prepare()
    assert first.process.wait(1) == 0  # a clean shutdown
    assert any("left behind" in line for line in told)
    running = Running(second)
    running.stop()


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(root, cluster):
    deep = root / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    copy_of(cluster, deep)
    server = postgres_in(deep)
    server.prepare()
    assert str(server.socket_dir).startswith("/tmp/hairme-")
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    running = Running(server)
    running.stop()
    server.forget_socket()
    assert not server.socket_dir.exists()


def test_a_short_socket_folder_that_someone_else_made_is_refused(root):
    if os.geteuid() != 0:
        pytest.skip("takes a folder of another user")
    deep = root / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    theirs = socket_folder(deep / "run", deep / "postgres")
    theirs.mkdir(mode=0o777)
    os.chown(theirs, 12345, 12345)
    try:
        with pytest.raises(CannotStart, match="another user's"):
            postgres_in(deep).prepare()
    finally:
        theirs.rmdir()


def test_committed_rows_survive_a_killed_server(root, cluster):
    copy_of(cluster, root)
    server = EmbeddedPostgres(root / "postgres", root / "run")  # with fsync, as `up` runs it
    server.prepare()
    running = Running(server)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (42)")
        running.process.kill()
        running.process.wait()
    server.prepare()
    running = Running(server)
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)
    running.stop()


def test_redis_keeps_its_queue_through_a_kill_and_tells_no_one_its_password(root):
    server = EmbeddedRedis(root / "redis")
    server.prepare()
    running = Running(server)
    client = redis_client.Redis.from_url(server.url)
    client.rpush("queue", "task")
    time.sleep(1.2)  # appendfsync everysec
    password = server.url.split(":")[2].split("@")[0]
    assert password not in " ".join(psutil.Process(running.process.pid).cmdline())
    assert (root / "redis" / "redis.conf").stat().st_mode & 0o777 == 0o600
    with pytest.raises(redis_client.AuthenticationError):
        redis_client.Redis(port=server.port).ping()
    running.process.kill()
    running.process.wait()
    server.prepare()
    running = Running(server)
    assert client.lrange("queue", 0, -1) == [b"task"]
    running.stop()


def test_a_redis_that_outlived_its_run_is_ended_before_another_opens_its_file(root):
    first_server = EmbeddedRedis(root / "redis")
    first_server.prepare()
    first = Running(first_server)
    EmbeddedRedis(root / "redis").prepare()
    assert first.process.wait(1) == 0


def test_only_one_up_holds_a_folder_and_the_other_is_told_which(tmp_path):
    folder = RunFolder(tmp_path)
    first, second = RunLock(folder), RunLock(folder)
    assert first.acquire("http://127.0.0.1:8000")
    assert not second.acquire("http://127.0.0.1:8001")
    assert f"process {os.getpid()}, http://127.0.0.1:8000" in str(second.refusal())
    first.release()
    assert second.acquire("http://127.0.0.1:8001")
    second.release()


def test_addresses_of_a_dead_run_are_not_believed(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_services({"database_url": "postgres://x/y", "redis_url": "", "port": 8000})
    assert folder.services_file.stat().st_mode & 0o777 == 0o600
    living = folder.living_services()
    assert living is not None
    assert living["database_url"] == "postgres://x/y"
    gone = subprocess.Popen(["true"])
    gone.wait()
    folder.services_file.write_text(f'{{"database_url": "", "redis_url": "", "pid": {gone.pid}}}')
    assert folder.living_services() is None
    folder.services_file.write_text("{half")
    assert folder.living_services() is None
