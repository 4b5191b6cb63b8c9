"""Labels by Gemini, asked through its real client library from a local server: what is kept, what is refused, what is never asked twice."""

from __future__ import annotations

import hashlib
import io
import json
import time
import uuid
from collections.abc import Callable
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from mltraining import gemini_labels
from mltraining.gemini_labels import LabellerAway, label_photo, read_labels
from mltraining.learn.synthetic import read_faces
from mltraining.services.seed_mlp import MOST_FAILURES
from recommendations.engine.advisors.gemini import GeminiClient
from recommendations.engine.types import FaceReading
from tests.recommendations.fake_gemini import FakeGemini, Reply, blocked, closed_port, failed, said, stopped
from tests.recommendations.gemini_cases import catalogue, one_of_each_cut
from tests.recommendations.pages import astronaut_reading

KEY_INVALID = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]


@pytest.fixture(scope="module", autouse=True)
def _library_is_loaded() -> None:
    """Importing it takes seconds on a busy machine, which belong to no test's budget."""
    GeminiClient(key="any", model="any").warm()


@pytest.fixture
def photo(tmp_path: Path, face_jpeg: bytes) -> Path:
    file = tmp_path / "photos" / "face.jpg"
    file.parent.mkdir()
    file.write_bytes(face_jpeg)
    return file


@pytest.fixture
def gemini(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeGemini]:
    """``with gemini(reply, ...) as server``: the service as the settings name it. The face is read once for all tests."""
    reading = FaceReading.from_json(astronaut_reading())
    monkeypatch.setattr(gemini_labels.reader, "read_face", lambda image: reading)

    def start(*replies: Reply) -> FakeGemini:
        server = FakeGemini(*replies)
        settings.GEMINI_API_KEY, settings.GEMINI_ENDPOINT = f"AIza{uuid.uuid4().hex}", server.url
        return server

    return start


@cache
def names() -> list[tuple[str, str, str]]:
    """(slug, cut, English name) of six styles of different cuts."""
    return [(entry.slug, entry.cut, entry.name.en) for entry in one_of_each_cut(6)]


def labels(**changes: Any) -> dict[str, Any]:
    """A good answer: 91, 90, 89 points to recommend, 23, 22, 21 to avoid."""
    items = [{"name": name, "cut": cut, "score": (91 if i < 3 else 26) - i} for i, (_slug, cut, name) in enumerate(names())]
    return {"recommend": items[:3], "avoid": items[3:], **changes}


def answer(data: Any) -> Reply:
    return said(json.dumps(data, ensure_ascii=False))


def known() -> Any:
    return gemini_labels._catalogue()


def test_a_photo_becomes_a_labelled_face(photo: Path, gemini: Callable[..., FakeGemini]) -> None:
    with gemini(answer(labels())) as server:
        face = label_photo(photo)
    assert face.face_id == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert face.source == "gemini"
    assert [(style.slug, style.score, style.kind) for style in face.styles] == [
        (names()[0][0], 91.0, "recommended"), (names()[1][0], 90.0, "recommended"), (names()[2][0], 89.0, "recommended"),
        (names()[3][0], 23.0, "avoid"), (names()[4][0], 22.0, "avoid"), (names()[5][0], 21.0, "avoid"),
    ]  # fmt: skip
    assert face.face_shape == {key: round(p, 5) for key, p in astronaut_reading()["face_shape"]["probabilities"].items()}
    [seen] = server.seen
    config = seen.body["generationConfig"]
    for key in ("recommend", "avoid"):
        assert (
            config["responseSchema"]["properties"][key]["minItems"],
            config["responseSchema"]["properties"][key]["maxItems"],
        ) in {
            (3, 3),
            ("3", "3"),
        }
    sent = Image.open(io.BytesIO(seen.image))
    assert max(sent.size) <= 768
    assert not sent.getexif()
    data = json.loads(seen.texts[-1])
    assert set(data["cuts"]) == {cut.slug for cut in catalogue().cuts}
    assert data["face"]["shape_probabilities"]
    assert "face.jpg" not in json.dumps(seen.body), "the file's name stays here"


def test_the_face_is_really_read(photo: Path, settings: Any) -> None:
    with FakeGemini(answer(labels())) as server:
        settings.GEMINI_API_KEY, settings.GEMINI_ENDPOINT = f"AIza{uuid.uuid4().hex}", server.url
        face = label_photo(photo)
    assert set(face.percentiles) >= {"length_to_width", "jaw_angle"}
    assert sum(face.face_shape.values()) == pytest.approx(1, abs=1e-3)


def test_style_may_be_named_by_slug_alias_or_cut(gemini: Callable[..., FakeGemini]) -> None:
    entry = next(entry for entry in catalogue().entries if entry.cut == names()[0][1])
    for item in (
        {"name": entry.name.ko, "cut": ""},
        {"name": "Some own words", "cut": entry.cut},
        {"name": "", "cut": entry.cut},
    ):
        found = read_labels(labels(recommend=[{**item, "score": 95}, *labels()["recommend"][1:]]), known())[0]
        assert catalogue().by_slug()[found.slug].cut == entry.cut


UNKNOWN = {"name": "Zyqqu Vhoxx", "cut": "zyqqu", "score": 90}
GOOD = labels()["recommend"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([], "does not hold 3 styles under 'recommend'"),
        ({"recommend": GOOD}, "does not hold 3 styles under 'avoid'"),
        (labels(recommend=GOOD[:2]), "does not hold 3 styles under 'recommend'"),
        (labels(avoid=[*labels()["avoid"], GOOD[0]]), "does not hold 3 styles under 'avoid'"),
        (labels(recommend="bob"), "does not hold 3 styles"),
        (labels(recommend=[UNKNOWN, *GOOD[1:]]), "under 'recommend' that the catalogue does not have"),
        (labels(recommend=["bob", *GOOD[1:]]), "that the catalogue does not have"),
        (labels(recommend=[GOOD[0], GOOD[0], GOOD[1]]), "twice"),
        (labels(avoid=[GOOD[0], *labels()["avoid"][1:]]), "twice"),
        (labels(recommend=[{**GOOD[0], "score": 101}, *GOOD[1:]]), "no number from 0 to 100"),
        (labels(recommend=[{**GOOD[0], "score": -1}, *GOOD[1:]]), "no number from 0 to 100"),
        (labels(recommend=[{**GOOD[0], "score": "90"}, *GOOD[1:]]), "no number from 0 to 100"),
        (labels(recommend=[{**GOOD[0], "score": True}, *GOOD[1:]]), "no number from 0 to 100"),
        (labels(recommend=[{**GOOD[0], "score": float("nan")}, *GOOD[1:]]), "no number from 0 to 100"),
        (labels(recommend=[{**GOOD[0], "score": None}, *GOOD[1:]]), "no number from 0 to 100"),
        (labels(recommend=[{**GOOD[0], "score": 20}, *GOOD[1:]]), "contradicts itself"),
    ],
)
def test_answer_that_is_not_three_and_three_is_no_label(data: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_labels(data, known())


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (said("I would rather not judge this person."), "declined"),
        (said('{"recommend": ['), "no JSON"),
        (said("{}", finish="MAX_TOKENS"), "cut off"),
        (stopped("SAFETY"), "safety filter"),
        (blocked("PROHIBITED_CONTENT"), "safety filter"),
    ],
)
def test_no_answer_on_this_photo_is_a_sentence(
    reply: Reply, sentence: str, photo: Path, gemini: Callable[..., FakeGemini]
) -> None:
    with gemini(reply), pytest.raises(ValueError, match=sentence):
        label_photo(photo)


@pytest.mark.parametrize(
    ("reply", "sentence", "needs_a_person"),
    [
        (failed(400, details=KEY_INVALID), "refused the key", True),
        (failed(404), "does not know the model", True),
        (failed(429), "asks for a pause", False),
        (failed(504), "error of its own", False),
    ],
)
def test_service_that_fails_is_not_the_photos_fault(
    reply: Reply, sentence: str, needs_a_person: bool, photo: Path, gemini: Callable[..., FakeGemini]
) -> None:
    with gemini(reply), pytest.raises(LabellerAway, match=sentence) as away:
        label_photo(photo)
    assert away.value.needs_a_person is needs_a_person


@pytest.mark.parametrize("kind", ["no picture", "no face", "cut off"])
def test_photo_that_cannot_be_used_is_never_sent(kind: str, tmp_path: Path, face_jpeg: bytes, settings: Any) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (640, 640, 3), dtype=np.uint8)).save(stream, "PNG")
    content = {"no picture": b"some text", "no face": stream.getvalue(), "cut off": face_jpeg[: len(face_jpeg) // 2]}[kind]
    file = tmp_path / "photo"
    file.write_bytes(content)
    with FakeGemini(answer(labels())) as server:
        settings.GEMINI_API_KEY, settings.GEMINI_ENDPOINT = f"AIza{uuid.uuid4().hex}", server.url
        with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
            label_photo(file)
    assert server.seen == []


# --- The command -----------------------------------------------------------------------------------------------------------------


def copies(photo: Path, count: int) -> list[Path]:
    """Photos of different content that are the same picture."""
    files = []
    for i in range(count):
        file = photo.parent / f"photo-{i}.jpg"
        Image.open(photo).save(file, "JPEG", quality=80 + i)
        files.append(file)
    photo.unlink()
    return files


def collect(folder: Path, out: Path, n: int, delay: float = 0.0) -> str:
    said_to = StringIO()
    call_command(
        "collect_synthetic_data", "-n", str(n), "--source", "gemini", "--images", str(folder), "--delay", str(delay), "--out", str(out),
        stdout=said_to, stderr=said_to,
    )  # fmt: skip
    return said_to.getvalue()


def test_resuming_never_asks_twice(photo: Path, gemini: Callable[..., FakeGemini], tmp_path: Path) -> None:
    files, out = copies(photo, 3), tmp_path / "faces.jsonl"
    with gemini(answer(labels())) as server:
        collect(photo.parent, out, 2)
        assert len(server.seen) == 2
        (photo.parent / "again.jpg").write_bytes(files[0].read_bytes())  # a known photo under a new name, first in order
        said_at_the_end = collect(photo.parent, out, 5)
        assert len(server.seen) == 3
    assert "3 faces, 18 pairs" in said_at_the_end
    assert "2 fewer than asked for" in said_at_the_end
    assert {face.face_id for face in read_faces(out)} == {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_unusable_photos_and_answers_are_reported_and_passed_over(
    photo: Path, gemini: Callable[..., FakeGemini], tmp_path: Path
) -> None:
    copies(photo, 2)
    (photo.parent / "aaa-notes.txt").write_text("no photo")
    out = tmp_path / "faces.jsonl"
    with gemini(said("no"), answer(labels())):
        told = collect(photo.parent, out, 2)
    assert "aaa-notes.txt: This kind of file cannot be read." in told
    assert "photo-0.jpg: Gemini declined to judge it." in told
    assert len(read_faces(out)) == 1
    with gemini(answer(labels())) as server:
        collect(photo.parent, out, 2)
        assert len(server.seen) == 1, "the photo without a label is asked about again, the labelled one is not"
    assert len(read_faces(out)) == 2


def test_wrong_key_stops_at_once_and_keeps_what_there_is(photo: Path, gemini: Callable[..., FakeGemini], tmp_path: Path) -> None:
    copies(photo, 4)
    out = tmp_path / "faces.jsonl"
    with gemini(answer(labels()), failed(400, details=KEY_INVALID)) as server:
        with pytest.raises(CommandError, match=r"refused the key.*run the same command to continue"):
            collect(photo.parent, out, 4)
        assert len(server.seen) == 2
    assert len(read_faces(out)) == 1


def test_dead_service_stops_after_a_few(photo: Path, gemini: Callable[..., FakeGemini], tmp_path: Path, settings: Any) -> None:
    copies(photo, MOST_FAILURES + 2)
    gemini(answer(labels()))
    settings.GEMINI_ENDPOINT = closed_port()
    with pytest.raises(CommandError, match="cannot be reached"):
        collect(photo.parent, tmp_path / "faces.jsonl", 9)
    with gemini(failed(504), answer(labels()), failed(504), failed(504), answer(labels())) as server:
        collect(photo.parent, tmp_path / "faces.jsonl", 9)  # never MOST_FAILURES in a row
        assert len(server.seen) == MOST_FAILURES + 2
    assert len(read_faces(tmp_path / "faces.jsonl")) == 2


def test_delay_is_kept_between_calls(photo: Path, gemini: Callable[..., FakeGemini], tmp_path: Path) -> None:
    copies(photo, 3)
    with gemini(answer(labels())) as server:
        start = time.monotonic()
        collect(photo.parent, tmp_path / "faces.jsonl", 3, delay=0.4)
        assert time.monotonic() - start > 0.8
        assert len(server.seen) == 3
