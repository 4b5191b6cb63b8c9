"""From the lens that a photo's Exif names to the camera's distance in the result, through the whole site and through the batch."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from recommendations.models import Analysis, FurtherPhoto, private_storage
from recommendations.services.batch import read_file
from tests.hairme.lenses import lens_exif

NEAR, FAR = 16, 60  # mm on film: with the face as wide as it is in the picture, about a third of a metre and far more


def jpeg(picture: Image.Image, film: int | None = None, size: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=92, exif=b"" if film is None else lens_exif(film=film, pixels=size))
    return stream.getvalue()


@pytest.fixture(scope="module")
def portrait(face_photo: np.ndarray) -> Image.Image:
    """The face in a picture of a sensor's shape, 512 x 384."""
    return Image.fromarray(face_photo[:384])


def metrics_of(tmp_path: Path, content: bytes) -> tuple[dict[str, float], set[str], float]:
    """Quality metrics, warnings and length to width of one file."""
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    line = read_file(file)
    assert line["ok"], line
    codes = {issue["code"] for issue in line["quality"]["issues"]}
    return line["quality"]["metrics"], codes, line["measurements"]["length_to_width"]["value"]


def test_the_batch_measures_the_distance_and_undoes_it(tmp_path: Path, portrait: Image.Image) -> None:
    plain, warned, length = metrics_of(tmp_path, jpeg(portrait))
    assert not {name for name in plain if name.startswith("distance")}
    assert "too_close" not in warned
    near, warned, shortened = metrics_of(tmp_path, jpeg(portrait, NEAR, (4032, 3024)))
    assert "too_close" in warned
    assert near["distance_low_cm"] < near["distance_cm"] < min(45, near["distance_high_cm"])
    assert shortened < length
    far, warned, _same = metrics_of(tmp_path, jpeg(portrait, FAR, (4032, 3024)))
    assert "too_close" not in warned
    assert far["distance_cm"] / near["distance_cm"] == pytest.approx(FAR / NEAR, rel=0.01)


def test_distance_does_not_depend_on_the_picture_size(tmp_path: Path, portrait: Image.Image) -> None:
    small, _, _ = metrics_of(tmp_path, jpeg(portrait, FAR))
    large, _, _ = metrics_of(tmp_path, jpeg(portrait.resize((2048, 1536), Image.Resampling.BICUBIC), FAR))
    assert large["distance_cm"] == pytest.approx(small["distance_cm"], rel=0.08)


def test_a_cropped_photo_claims_no_distance(tmp_path: Path, portrait: Image.Image) -> None:
    cropped, _, _ = metrics_of(tmp_path, jpeg(portrait.crop((80, 0, 400, 240)), NEAR, (4000, 2250)))
    assert "distance_cm" not in cropped


@pytest.mark.usefixtures("catalogue", "worker")
def test_the_site_says_how_far_the_camera_was(client: Any, portrait: Image.Image) -> None:
    response = client.post("/api/v2/analyze-hybrid", {"file": SimpleUploadedFile("a.jpg", jpeg(portrait, NEAR, (4032, 3024)))})
    assert response.status_code == 200, response.json()
    quality = response.json()["data"]["analysis"]["reading"]["quality"]
    assert quality["metrics"]["distance_low_cm"] < quality["metrics"]["distance_cm"] < quality["metrics"]["distance_high_cm"]
    assert "too_close" in {issue["code"] for issue in quality["issues"]}
    assert Analysis.objects.get(pk=response.json()["analysis_id"]).focal_ratio == pytest.approx(NEAR / 43.27 * 1.25)


@pytest.mark.usefixtures("catalogue", "worker")
def test_each_photo_keeps_its_lens_and_loses_its_metadata(
    client: Any, portrait: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommendations.services.analyses.recommend", lambda **_kwargs: 1 / 0)  # the rows stay
    contents = [jpeg(portrait), jpeg(portrait.resize((640, 480)), NEAR), jpeg(portrait.resize((400, 300)), FAR)]
    client.post("/api/v2/analyze-hybrid", {"file": [SimpleUploadedFile(f"{i}.jpg", c) for i, c in enumerate(contents)]})
    assert Analysis.objects.get().focal_ratio is None
    ratios = list(FurtherPhoto.objects.values_list("focal_ratio", flat=True))
    storage = private_storage()
    kept = [storage.open(f"uploads/{name}").read() for name in storage.listdir("uploads")[1]]
    assert len(kept) == 3
    assert all(b"Exif" not in content and b"Maker of this camera" not in content for content in kept)
    assert sum(b"Maker of this camera" in content for content in contents) == 2
    assert ratios == [pytest.approx(NEAR / 43.27 * 1.25), pytest.approx(FAR / 43.27 * 1.25)]
