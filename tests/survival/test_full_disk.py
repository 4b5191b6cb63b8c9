"""No room for photos."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.survival.truth import assert_no_stray_photo, assert_true_ends
from tests.survival.whole_site import Site

ROOM = 1024 * 1024  # bytes


@pytest.fixture
def small_disk(site: Site) -> Iterator[Path]:
    """The folder of uploads as a file system of its own of ROOM bytes."""
    folder = site.var / "private" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_leaves_nothing_half_written(site: Site, small_disk: Path, face_jpeg: bytes) -> None:
    assert 0 < len(face_jpeg) < ROOM // 2
    filler = small_disk / "filler"
    filler.write_bytes(bytes(ROOM - len(face_jpeg) // 2))  # room for half of the photo
    tables = ("common_job", "recommendations_analysis", "common_outboxevent")
    before = {table: site.rows(f"SELECT count(*) FROM {table}") for table in tables}
    for _ in range(3):
        answer = site.analyze(face_jpeg)
        assert answer.status_code == 507
        assert answer.json()["error"]["code"] == "storage_full"
        assert answer.headers["X-Request-ID"]
        assert os.listdir(small_disk) == ["filler"]
    assert {table: site.rows(f"SELECT count(*) FROM {table}") for table in tables} == before

    filler.unlink()
    assert assert_true_ends(site, [site.submit(face_jpeg, wait=True)]) == {"succeeded": 1}
    assert_no_stray_photo(site)
