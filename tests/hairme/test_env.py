"""Readers of the environment: what parses, what stops the start and with which sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from hairme import env

NAME = "HAIRME_TEST_VALUE"


@pytest.fixture(autouse=True)
def _declares_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "DECLARED", {})
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv(f"{NAME}_FILE", raising=False)


def text(**options: Any) -> str:
    return env.text(NAME, "default", help="", **options)


READERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "text": (text, "default"),
    "boolean": (lambda: env.boolean(NAME, True, help=""), True),
    "integer": (lambda: env.integer(NAME, 5, low=1, high=10, help=""), 5),
    "real": (lambda: env.real(NAME, 0.5, low=0, high=1, help=""), 0.5),
    "choice": (lambda: env.choice(NAME, "a", ("a", "b"), help=""), "a"),
    "words": (lambda: env.words(NAME, ("x",), help=""), ["x"]),
    "secret": (lambda: env.secret(NAME, "s", help=""), "s"),
    "path": (lambda: env.path(NAME, Path("/tmp"), help=""), Path("/tmp").resolve()),
    "rate": (lambda: env.rate(NAME, "60/min", help=""), "60/min"),
    "time_zone": (lambda: env.time_zone(NAME, "UTC", help=""), "UTC"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", [None, "", "   "])
def test_unset_and_blank_give_the_default(reader: str, value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is not None:
        monkeypatch.setenv(NAME, value)
    read, default = READERS[reader]
    assert read() == default
    assert NAME in env.DECLARED


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        ("text", " 안녕 ", "안녕"),
        ("boolean", "TRUE", True),
        ("boolean", "on", True),
        ("boolean", "0", False),
        ("boolean", "No", False),
        ("integer", "10", 10),
        ("integer", " 1 ", 1),
        ("real", "1e-1", 0.1),
        ("real", "1", 1.0),
        ("choice", "b", "b"),
        ("words", " a, b ,,c ", ["a", "b", "c"]),
        ("words", ",", []),
        ("secret", "k=e/y", "k=e/y"),
        ("path", "/a/../b", Path("/b")),
        ("rate", "1000/day", "1000/day"),
        ("time_zone", "Asia/Seoul", "Asia/Seoul"),
    ],
)
def test_good_values(reader: str, value: str, expected: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    assert READERS[reader][0]() == expected


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("boolean", "maybe"),
        ("boolean", "2"),
        ("integer", "0"),
        ("integer", "11"),
        ("integer", "1.5"),
        ("integer", "ten"),
        ("real", "1.01"),
        ("real", "nan"),
        ("real", "-inf"),
        ("real", "1,5"),
        ("choice", "A"),
        ("path", "~nobody-of-that-name/x"),
        ("rate", "lots"),
        ("rate", "0/min"),
        ("rate", "60 per minute"),
        ("rate", "60/fortnight"),
        ("time_zone", "Seoul"),
        ("time_zone", "Asia"),
        ("time_zone", "../../etc/passwd"),
    ],
)
def test_bad_values_stop_with_a_sentence_that_names_the_variable(
    reader: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{NAME}=.*\\.$"):
        READERS[reader][0]()


def test_secret_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from-file\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(file))
    assert env.secret(NAME, "default", help="") == "from-file"
    assert f"{NAME}_FILE" in env.DECLARED


def test_secret_given_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from-file")
    monkeypatch.setenv(f"{NAME}_FILE", str(file))
    monkeypatch.setenv(NAME, "direct")
    with pytest.raises(ImproperlyConfigured, match=r"Both .* Keep one"):
        env.secret(NAME, help="")


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "cannot be read"), (b" \n", "is empty"), (b"\xff\xfe\x00", "not a text file")]
)
def test_secret_file_that_cannot_serve(
    content: bytes | None, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(f"{NAME}_FILE", str(file))
    with pytest.raises(ImproperlyConfigured, match=sentence):
        env.secret(NAME, "default", help="")


def test_dotenv_fills_what_the_environment_leaves_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_GIVEN", "environment")
    monkeypatch.setenv("TEST_BLANK", "")
    monkeypatch.setenv("TEST_ONLY", "so that it is taken away again")
    del os.environ["TEST_ONLY"]
    file = tmp_path / ".env"
    file.write_text('# comment\nTEST_GIVEN=file\nTEST_BLANK=file\nTEST_ONLY="in the file"\n', encoding="utf-8")
    env.read_dotenv(file)
    assert env.text("TEST_GIVEN", help="") == "environment"
    assert env.text("TEST_BLANK", "default", help="") == "default"
    assert env.text("TEST_ONLY", help="") == "in the file"


def test_dotenv_may_be_missing_but_not_garbage(tmp_path: Path) -> None:
    env.read_dotenv(tmp_path / ".env")
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")
    with pytest.raises(ImproperlyConfigured, match=r"\.env cannot be read as UTF-8"):
        env.read_dotenv(tmp_path / ".env")


def test_database_address() -> None:
    found = env.postgres("postgresql://us%40er:p%2Fw%3A@db.example:5433/hair%20me?sslmode=require&connect_timeout=3")
    assert found == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "hair me",
        "USER": "us@er",
        "PASSWORD": "p/w:",
        "HOST": "db.example",
        "PORT": 5433,
        "OPTIONS": {"sslmode": "require", "connect_timeout": 3},
    }
    socket = env.postgres("postgres://hairme@/hairme?host=/var/run/pg")
    assert (socket["HOST"], socket["NAME"], socket["PORT"]) == ("/var/run/pg", "hairme", "")


@pytest.mark.parametrize(
    "url",
    ["mysql://a@b/c", "db.example/hairme", "postgres://u:p@h:99999/d", "postgres://[::1/d", "postgres://user:pw@host:5432/", ""],
)
def test_database_address_that_cannot_serve(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL .*\.$"):
        env.postgres(url)


def test_database_address_is_never_repeated() -> None:
    """A slash in a password ends the host's part: what the parser complains of is the password."""
    with pytest.raises(ImproperlyConfigured) as refused:
        env.postgres("postgres://user:topsecret/word@host:5432/hairme")
    assert "topsecret" not in str(refused.value)
    assert "word" not in str(refused.value).replace("password", "")


@pytest.mark.parametrize("url", ["redis://:pw@127.0.0.1:6379/0", "rediss://cache.example"])
def test_redis_address(url: str) -> None:
    assert env.redis(url) == url


@pytest.mark.parametrize("url", ["http://x", "redis://", "127.0.0.1:6379", "redis://h:port/0", "unix:///run/redis.sock"])
def test_redis_address_that_cannot_serve(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^REDIS_URL .*\.$"):
        env.redis(url)
