"""Each thing that can be wrong before the start gets one sentence that says what to do."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from hairme.common.running import preflight
from hairme.common.running.preflight import CannotStart

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("version", [(3, 10), (3, 13), (2, 7)])
def test_another_python_is_refused(version):
    with pytest.raises(CannotStart, match=rf"this is {version[0]}\.{version[1]}.*PYTHON=python3\.12"):
        preflight.check_python(version)


@pytest.mark.parametrize("version", [(3, 11), (3, 12)])
def test_a_supported_python_passes(version):
    preflight.check_python(version)


def test_a_folder_is_made_and_left_clean(tmp_path):
    preflight.check_writable(tmp_path / "a" / "var")
    assert list((tmp_path / "a" / "var").iterdir()) == []


def test_a_file_in_the_folders_place_is_named(tmp_path):
    (tmp_path / "var").write_text("")
    with pytest.raises(CannotStart, match=r"cannot write to .*/var .*HAIRME_VAR="):
        preflight.check_writable(tmp_path / "var")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CannotStart, match=r"cannot write to .*Permission denied.*HAIRME_VAR="):
            preflight.check_writable(tmp_path / "var")
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_is_called_full(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(CannotStart, match=r"needs \d+ MB: free some space"):
        preflight.check_disk(tmp_path, minimum=shutil.disk_usage(tmp_path).free + 10**12)
    preflight.check_disk(tmp_path, minimum=1)


def test_no_space_while_writing_is_called_full(tmp_path, monkeypatch):
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(preflight, "os", SimpleNamespace(fsync=no_space))
    with pytest.raises(CannotStart, match="is full: free some space"):
        preflight.check_writable(tmp_path)


def test_a_busy_port_is_named_with_a_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"^Port {port} is in use") as refusal:
            preflight.check_port("127.0.0.1", port)
    suggested = int(str(refusal.value).split("PORT=")[1].split()[0])
    assert suggested > port
    preflight.check_port("127.0.0.1", suggested)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(CannotStart, match=r"HOST=127\.0\.0\.1"):
        preflight.check_port("192.0.2.1", 8000)  # RFC 5737: documentation only


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "postgres://localhost:notaport/x"),
        ("DATABASE_URL", "nonsense"),
        ("REDIS_URL", "http://localhost"),
    ],
)
def test_an_address_that_is_not_one_is_refused_without_repeating_it(variable, url):
    with pytest.raises(CannotStart, match=rf"^{variable} cannot be understood: write it as ") as refusal:
        preflight.check_reachable(variable, url)
    assert url not in str(refusal.value)  # it may hold a password


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(CannotStart, match=rf"DATABASE_URL names a server at 127\.0\.0\.1:{port} that does not answer") as refusal:
        preflight.check_reachable("DATABASE_URL", f"postgres://me:hush@127.0.0.1:{port}/x")
    assert "hush" not in str(refusal.value)
    with pytest.raises(CannotStart, match=rf"at {tmp_path}/\.s\.PGSQL\.5432 that does not answer"):
        preflight.check_reachable("DATABASE_URL", f"postgres://me@/x?host={tmp_path}")


def test_a_server_that_answers_passes():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        preflight.check_reachable("REDIS_URL", f"redis://127.0.0.1:{server.getsockname()[1]}/0")


# --- the interpreter that `make` finds, before there is an environment ---------------------------------------------------------


def _environment_script(tmp_path: Path, pythons: dict[str, str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run environment.sh in a folder where only these interpreters exist (name: version it claims)."""
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    checkout.mkdir()
    programs.mkdir()
    shutil.copy(ROOT / "environment.sh", checkout)
    for name in ("requirements.txt", "constraints.txt"):
        (checkout / name).write_text("")
    for name in ("dirname", "cat", "cksum", "sed", "uname", "df", "awk", "sleep", "ls", "wc", "tr", "pwd"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    for name, version in pythons.items():
        major, minor = version.split(".")
        fake = programs / name
        fits = 0 if (3, 11) <= (int(major), int(minor)) <= (3, 12) else 1
        answers = f'-V) echo "Python {version}";; -c) exit {fits};; -m) echo "venv by {name}" >&2; exit 1;;'
        fake.write_text(f'#!/bin/sh\ncase "$1" in {answers} esac\n')
        fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    return subprocess.run(
        ["/bin/sh", str(checkout / "environment.sh"), "requirements.txt"],
        env={"PATH": str(programs), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_says_which_python_it_needs(tmp_path):
    result = _environment_script(tmp_path, {"python3": "3.13"})
    assert result.returncode == 2
    assert "HairMe runs on Python 3.11 or 3.12 and found Python 3.13: install python3.12" in result.stderr


def test_make_says_so_where_there_is_no_python(tmp_path):
    result = _environment_script(tmp_path, {})
    assert result.returncode == 2
    assert "found no Python at all" in result.stderr


def test_make_refuses_an_unsuitable_python_that_was_asked_for(tmp_path):
    result = _environment_script(tmp_path, {"python3.12": "3.12", "python3.9": "3.9"}, PYTHON="python3.9")
    assert result.returncode == 2
    assert "PYTHON=python3.9 is not one of those" in result.stderr


@pytest.mark.parametrize(
    ("pythons", "chosen"),
    [
        ({"python3": "3.13", "python3.11": "3.11", "python3.12": "3.12"}, "python3.12"),
        ({"python3": "3.13", "python3.11": "3.11"}, "python3.11"),
        ({"python3": "3.12"}, "python3"),
    ],
)
def test_make_takes_the_first_python_that_suits(tmp_path, pythons, chosen):
    result = _environment_script(tmp_path, pythons)
    assert f"venv by {chosen}" in result.stderr
    assert "sudo apt install python3-venv" in result.stderr  # these stand-ins cannot make one, as Debian's without the package
    assert result.returncode == 2


def test_the_requirements_are_all_pinned_by_the_constraints():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    for file in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / file).read_text().splitlines():
            requirement = line.split("#")[0].strip()
            if "==" in requirement:
                name, version = requirement.split("==")
                assert pins[name.split("[")[0].lower().replace("_", "-")] == version, f"{requirement} in {file}"
                assert "#" in line, f"{requirement} in {file} has no reason"
