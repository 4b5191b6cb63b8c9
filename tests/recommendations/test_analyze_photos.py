"""``analyze_photos``: a line per file in the given order, whatever the files hold, in one process or several."""

from __future__ import annotations

import json
import os
from concurrent.futures.process import BrokenProcessPool
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from recommendations.engine.types import FaceReading
from recommendations.services import batch
from recommendations.services.batch import files_under, read_file, read_files

SHAPES = {"heart", "oblong", "oval", "round", "square"}
SEASONS = {"spring", "summer", "autumn", "winter"}


@pytest.fixture
def folder(tmp_path: Path, face_jpeg: bytes) -> Path:
    """A face, nobody, a broken file, a text with a picture's name, an empty file, and what is no picture by its name."""
    (tmp_path / "a-face.jpg").write_bytes(face_jpeg)
    Image.fromarray(np.full((300, 300, 3), 180, np.uint8)).save(tmp_path / "b-nobody.png")
    (tmp_path / "c-broken.jpg").write_bytes(face_jpeg[:2000])
    (tmp_path / "d-text.jpg").write_text("not a picture")
    (tmp_path / "e-empty.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no picture by its name")
    return tmp_path


def run(*arguments: Any) -> tuple[list[dict[str, Any]], str]:
    """The lines of ``--jsonl`` and what was said beside them."""
    said = StringIO()
    call_command("analyze_photos", *arguments, stderr=said)
    target = Path(arguments[arguments.index("--jsonl") + 1])
    return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()], said.getvalue()


def test_a_face_has_every_promised_field(tmp_path: Path, face_jpeg: bytes) -> None:
    file = tmp_path / "face.jpg"
    file.write_bytes(face_jpeg)
    lines, said = run(str(file), "--workers", "1", "--jsonl", str(tmp_path / "out.jsonl"))
    (line,) = lines
    assert set(line) >= {"file", "ok", "error", "face_shape", "colour", "quality", "measurements", "ms"}
    assert (line["file"], line["ok"], line["error"]) == (str(file), True, None)
    assert line["ms"] > 0
    shape = line["face_shape"]
    assert set(shape) == {"probabilities", "label", "second", "confidence", "decision"}
    assert set(shape["probabilities"]) == SHAPES
    assert sum(shape["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert shape["label"] == max(shape["probabilities"], key=lambda key: shape["probabilities"][key])
    assert shape["confidence"] == shape["probabilities"][shape["label"]] >= shape["probabilities"][shape["second"]]
    assert shape["decision"] in {"clear", "mixed", "unsure"}
    colour = line["colour"]
    assert set(colour) >= {"lab", "ita", "warm_cool", "light_deep", "season", "cast"}
    assert len(colour["lab"]) == 3
    assert 0 <= colour["lab"][0] <= 100
    for axis in ("warm_cool", "light_deep"):
        assert set(colour[axis]) == {"value", "low", "high"}
        assert colour[axis]["low"] <= colour[axis]["value"] <= colour[axis]["high"]
    assert set(colour["season"]) >= {"probabilities", "label", "decision"}
    assert set(colour["season"]["probabilities"]) == SEASONS
    assert all(issue["severity"] == "warn" for issue in line["quality"]["issues"])
    assert line["quality"]["metrics"]["face_px"] > 30
    assert all({"value", "percentile"} <= set(m) for m in line["measurements"].values())
    assert "1/1" in said
    assert "ok 1" in said


def test_bad_files_are_lines_with_codes_and_the_run_goes_on(folder: Path, tmp_path: Path) -> None:
    lines, said = run(str(folder), "--workers", "1", "--jsonl", str(tmp_path / "out.jsonl"))
    assert [Path(line["file"]).name for line in lines] == [
        "a-face.jpg", "b-nobody.png", "c-broken.jpg", "d-text.jpg", "e-empty.png",
    ]  # fmt: skip
    assert lines[0]["ok"]
    assert [line["error"]["code"] for line in lines[1:]] == [
        "no_face", "image_truncated", "image_unsupported_type", "image_empty",
    ]  # fmt: skip
    for line in lines[1:]:
        assert not line["ok"]
        assert "face_shape" not in line
        assert line["ms"] >= 0
    assert "5 photos in" in said
    assert "1 other file skipped" in said
    assert "no_face 1" in said


def test_two_processes_answer_as_one_does_in_the_given_order(folder: Path, tmp_path: Path) -> None:
    given = [str(folder / name) for name in ("e-empty.png", "a-face.jpg", "b-nobody.png")]
    alone, _ = run(*given, "--workers", "1", "--jsonl", str(tmp_path / "one.jsonl"))
    together, _ = run(*given, "--workers", "2", "--jsonl", str(tmp_path / "two.jsonl"))
    assert [line["file"] for line in together] == given
    for line in (*alone, *together):
        line.pop("ms")
    assert together == alone


def test_files_come_as_given_and_folders_sorted(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("z.jpg", "A.PNG", "sub/m.webp", "readme.md"):
        (tmp_path / name).write_bytes(b"x")
    chosen = tmp_path / "readme.md"  # named outright, so the person wants it tried
    found = [path.relative_to(tmp_path).as_posix() for path in files_under([chosen, tmp_path])]
    assert found == ["readme.md", "A.PNG", "sub/m.webp", "z.jpg"]


def test_what_is_not_there_is_a_command_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="does not exist"):
        call_command("analyze_photos", str(tmp_path / "nowhere"))
    with pytest.raises(CommandError, match=r"no JPEG, PNG, WebP or HEIC there$"):
        call_command("analyze_photos", str(tmp_path))


def test_a_file_that_cannot_be_opened_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "locked.jpg"
    file.write_bytes(b"x")

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    line = read_file(file)
    assert (line["ok"], line["error"]) == (False, {"code": "file_unreadable", "reason": "Permission denied"})


def test_a_folder_that_cannot_be_read_is_said_and_not_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = folder / "closed"
    closed.mkdir()
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(closed))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CommandError, match="closed cannot be read: Permission denied"):
        call_command("analyze_photos", str(folder))


def test_a_process_that_dies_ends_its_files_not_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...
        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *args: Any) -> None: ...
        def submit(self, function: Any, path: Path) -> Broken:
            return self

        def result(self) -> Any:
            raise BrokenProcessPool("a decoder crashed")

    monkeypatch.setattr(batch, "ProcessPoolExecutor", Broken)
    lines = list(read_files([folder / "a-face.jpg", folder / "b-nobody.png"], workers=2))
    assert [line["error"]["code"] for line in lines] == ["worker_lost", "worker_lost"]
    assert [Path(line["file"]).name for line in lines] == ["a-face.jpg", "b-nobody.png"]


def test_lines_hold_what_the_site_reads(tmp_path: Path, face_jpeg: bytes) -> None:
    """The same gate and the same reader: the line is the stored reading without the outline."""
    from hairme.common.images import decode_image
    from recommendations.engine.reader import read_face

    file = tmp_path / "face.jpg"
    file.write_bytes(face_jpeg)
    stored: FaceReading = read_face(decode_image(face_jpeg, max_side=batch.WORKING_SIDE))
    line = read_file(file)
    assert {key: line[key] for key in ("face_shape", "colour", "quality", "measurements")} == {
        key: value for key, value in stored.to_json().items() if key in ("face_shape", "colour", "quality", "measurements")
    }
