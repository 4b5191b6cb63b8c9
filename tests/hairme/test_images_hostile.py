"""Files made to do harm end in a typed error (or the right picture), quickly and in little memory."""

from __future__ import annotations

import json
import pickle
import string
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from hairme.common.images import ADVICE, HTTP_STATUS, ImageRejected, Limits, decode_image, inspect_image
from tests.hairme import hostile_heif as heif
from tests.hairme import hostile_images as make

ROOT = Path(__file__).resolve().parents[2]


def code_of(look: Callable[[bytes], object], data: bytes) -> str:
    with pytest.raises(ImageRejected) as caught:
        look(data)
    return caught.value.code


def harmless_or_rejected() -> dict[str, tuple[bytes, str | None]]:
    """Name -> (file, the code both looks must give; ``None`` where both must succeed)."""
    jpeg = make.save(make.picture(), "JPEG", quality=95)
    still_webp = make.save(make.picture(), "WEBP")
    many, complex_, small = "image_too_many_pixels", "image_too_complex", "image_too_small"
    return {
        "png of 20,000 x 20,000": (make.png_of_size(20_000, 20_000), many),
        "png of 4 billion x 4 billion": (make.png_of_size(0xFFFFFFF0, 0xFFFFFFF0), many),
        "png of 1 x 60 million": (make.png_of_size(1, 60_000_000), many),
        "jpeg of 65,500 x 65,500": (make.jpeg_of_size(65_500, 65_500), many),
        "webp of 16,384 x 16,384": (make.riff(make.webp_canvas(16_384, 16_384, 2), still_webp[12:]), many),
        "webp of 16 million x 16 million": (make.riff(make.webp_canvas(1 << 24, 1 << 24, 2), still_webp[12:]), many),
        "webp of 20,000 frames": (make.webp_of_many_frames(20_000), many),
        "webp of 40,000 tiny chunks": (make.riff(make.webp_canvas(96, 80, 0), make.webp_chunk(b"XXXX", b"") * 40_000), complex_),
        "apng that claims 4 billion frames": (make.apng(2, claimed=0xFFFFFFFF), many),
        "apng of 7,000 frames": (make.apng(7_000), many),
        "mpo that claims 60,000 frames": (_mpo_claiming(60_000), many),
        "png profile that inflates to 256 MB": (make.png_with(make.chunk(b"iCCP", b"p\0\0" + make.inflating(256))), None),
        "png with 3,000 inflating profiles": (make.png_with(make.chunk(b"iCCP", b"p\0\0" + make.inflating(1)) * 3000), None),
        "png text that inflates to 256 MB": (make.png_with(make.chunk(b"zTXt", b"k\0\0" + make.inflating(256))), None),
        "png itxt that inflates": (make.png_with(make.chunk(b"iTXt", b"k\0\1\0\0\0" + make.inflating(64))), None),
        "png of 400,000 tiny chunks": (make.png_with(make.chunk(b"tEXt", b"a\0b") * 400_000), complex_),
        "png whose pixels inflate on": (make.png(96, 80, 8, 2, make.rows(make.picture()) + bytes(64 << 20)), None),
        "jpeg of 1.5 million segments": (make.with_segments(jpeg, make.segment(0xFE, b"x") * 1_500_000), complex_),
        "jpeg with 12 MB of filler": (jpeg[:2] + b"\xff" * 12_000_000 + jpeg[2:], None),
        "jpeg with 12 MB of junk": (jpeg[:20] + b"\0" * 12_000_000 + jpeg[20:], None),
        "jpeg exif with overlapping values": (make.with_segments(jpeg, make.segment(0xE1, make.overlapping_exif())), None),
        "jpeg with 4,000 exif segments": (make.with_segments(jpeg, make.segment(0xE1, b"Exif\0\0" + bytes(3000)) * 4000), None),
        "jpeg of 3,000 passes": (make.jpeg_of_many_scans(256, 256, 3_000), complex_),
        "jpeg of 40 passes over 36 MP": (make.jpeg_of_many_scans(6_000, 6_000, 40), complex_),
        "half a million end markers": (b"\xff\xd8" + b"\xff\xd9" * 500_000, "image_corrupt"),
        "jpeg of nothing but 0xFF": (b"\xff\xd8\xff" + b"\xff" * 12_000_000, "image_truncated"),
        "1 x 1 png": (make.save(np.zeros((1, 1, 3), np.uint8), "PNG"), small),
        "1 x 1 jpeg": (make.save(np.zeros((1, 1, 3), np.uint8), "JPEG"), small),
        "63 x 64 webp": (make.save(np.zeros((64, 63, 3), np.uint8), "WEBP"), small),
        "zero height jpeg": (make.jpeg_of_size(100, 0), "image_corrupt"),
        "zero width png": (make.png_of_size(0, 100), "image_corrupt"),
    }


def _mpo_claiming(count: int) -> bytes:
    """An MPO whose directory (tag B001, LONG, one value) says ``count`` pictures."""
    data = make.mpo(2)
    entry = struct.pack("<HHL", 0xB001, 4, 1)
    assert entry + struct.pack("<L", 2) in data
    return data.replace(entry + struct.pack("<L", 2), entry + struct.pack("<L", count))


CASES = harmless_or_rejected()


@pytest.mark.parametrize("name", CASES)
def test_hostile_file(name: str) -> None:
    data, code = CASES[name]
    assert len(data) <= Limits().max_bytes, "the byte cap must not be what stops it"
    started = time.process_time()
    for look in (inspect_image, decode_image):
        if code is None:
            look(data)
        else:
            assert code_of(look, data) == code
    assert time.process_time() - started < 1
    if code is None:
        difference = np.abs(np.array(make.corners(decode_image(data))) - np.array(make.QUADRANTS))
        assert difference.max() <= 4


HEIF_CASES = heif.bombs()


@pytest.mark.parametrize("name", HEIF_CASES)
def test_hostile_heif(name: str) -> None:
    data, code = HEIF_CASES[name]
    started = time.process_time()
    if code is None:
        assert decode_image(data).shape == (80, 96, 3)
    else:
        assert code_of(decode_image, data) == code
    assert time.process_time() - started < 1


MEASURE = """
import json, pathlib, resource, sys
from hairme.common.images import ImageRejected, decode_image, inspect_image

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

grown = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    before = peak()
    for look in (inspect_image, decode_image):
        with path.open("rb") as file:
            try:
                look(file)
            except ImageRejected:
                pass
    grown[path.name] = peak() - before
print(json.dumps(grown))
"""


def test_hostile_files_stay_within_bounded_memory(tmp_path: Path) -> None:
    cases = CASES | HEIF_CASES
    for name, (data, _) in cases.items():
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-c", MEASURE, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    grown = json.loads(run.stdout)
    assert set(grown) == set(cases)
    # Copies of a 15 MB upload and the pieces of its structure; nothing that grows with what a file claims.
    assert sum(grown.values()) < 150, {name: round(megabytes) for name, megabytes in grown.items() if megabytes > 5}


LARGEST = """
import resource
from hairme.common.images import decode_image
from tests.hairme.hostile_images import jpeg_of_many_scans
data = jpeg_of_many_scans(8000, 6000, 8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
assert max(decode_image(data, max_side=1280).shape) == 2000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before)
"""


def test_the_most_expensive_accepted_jpeg_stays_within_bounded_memory() -> None:
    run = subprocess.run([sys.executable, "-c", LARGEST], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert float(run.stdout) < 400  # 6 bytes of coefficients for each of 48 million pixels


def test_no_bytes_and_too_many_bytes() -> None:
    assert code_of(inspect_image, b"") == "image_empty"
    assert code_of(decode_image, b"") == "image_empty"
    limits = Limits(max_bytes=1000)
    large = make.save(make.picture(), "PNG") + bytes(1000)
    for source in (large, BytesIO(large)):
        with pytest.raises(ImageRejected) as caught:
            inspect_image(source, limits)
        assert caught.value.code == "image_too_many_bytes"


class Endless(BytesIO):
    """A file object that notes how much was asked of it."""

    asked = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size >= 0, "an upload must never be read without a bound"
        self.asked = max(self.asked, size)
        return b"\0" * size


def test_no_more_than_the_cap_is_read() -> None:
    file = Endless()
    with pytest.raises(ImageRejected) as caught:
        inspect_image(file, Limits(max_bytes=5000))
    assert caught.value.code == "image_too_many_bytes"
    assert file.asked == 5001


@pytest.mark.parametrize(
    "data",
    [
        make.save(make.picture(), "JPEG"),
        make.save(make.picture(), "JPEG", progressive=True),
        make.save(make.picture(), "PNG"),
        make.save(make.picture(), "WEBP", lossless=True),
        make.save(make.picture(), "WEBP"),
        heif.heic(make.picture()),
    ],
    ids=["jpeg", "progressive", "png", "webp-lossless", "webp", "heic"],
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.97])
def test_cut_off_file_says_so(data: bytes, share: float) -> None:
    assert code_of(decode_image, data[: int(len(data) * share)]) == "image_truncated"


def test_pillow_is_not_told_to_accept_cut_off_files() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (make.with_segments(make.save(make.picture(), "JPEG"), make.segment(0xC0, bytes(15))), "image_unsupported_type"),
        (
            make.with_segments(make.save(make.picture(), "JPEG"), make.segment(0xC0, b"\x08\0\x50\0\x60\x01\x01\x11\0")),
            "image_corrupt",
        ),
        (make.save(make.picture(), "JPEG").replace(b"\xff\xc0", b"\xff\xc3"), "image_unsupported_type"),
        (make.save(make.picture(), "JPEG").replace(b"\xff\xda", b"\xff\xfe", 1), "image_corrupt"),
        (make.png(96, 80, 8, 3, bytes(97 * 80)), "image_corrupt"),
        (make.png(96, 80, 8, 5, bytes(97 * 80)), "image_corrupt"),
        (make.png(96, 80, 8, 2, bytes(10)), "image_truncated"),
        (make.save(make.picture(), "PNG").replace(b"IDAT", b"IDAU"), "image_corrupt"),
        (make.save(make.picture(), "PNG")[:-16] + b"\0\0\0\0" + make.chunk(b"IEND", b""), "image_corrupt"),
        (make.riff(make.webp_canvas(96, 80, 0)), "image_corrupt"),
        (make.riff(make.webp_canvas(96, 80, 2), make.webp_chunk(b"ANIM", bytes(6))), "image_corrupt"),
        (make.riff(make.webp_canvas(200, 200, 0), make.save(make.picture(), "WEBP")[12:]), "image_corrupt"),
        (heif.heic(make.picture()).replace(b"hvc1", b"av01"), "image_unsupported_type"),
        (heif.heic(make.picture()).replace(b"pitm", b"free"), "image_corrupt"),
        (heif.heic(make.picture()).replace(b"meta", b"atem"), "image_corrupt"),
    ],
    ids=[
        "12-bit frame",
        "two frame headers",
        "lossless jpeg",
        "no scan",
        "no palette",
        "unknown colour type",
        "too few pixels",
        "no pixel chunk",
        "wrong checksum",
        "webp without picture",
        "animation without frames",
        "canvas of another size",
        "av1 inside heic",
        "no primary picture",
        "no item tables",
    ],
)
def test_malformed_file(data: bytes, code: str) -> None:
    assert code_of(decode_image, data) == code


def test_no_warning_is_given() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("png of 20,000 x 20,000", "apng that claims 4 billion frames", "jpeg of 65,500 x 65,500"):
            code_of(decode_image, CASES[name][0])


def test_limits_stay_below_the_ceiling_where_pillow_only_warns() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    with pytest.raises(ValueError, match="max_pixels"):
        Limits(max_pixels=Image.MAX_IMAGE_PIXELS + 1)


def test_own_limits_are_used() -> None:
    data = make.save(make.picture(), "PNG")
    assert inspect_image(data, Limits(min_side=80)).height == 80
    assert code_of(lambda d: inspect_image(d, Limits(min_side=81)), data) == "image_too_small"
    assert inspect_image(data, Limits(max_pixels=96 * 80)).width == 96
    assert code_of(lambda d: decode_image(d, Limits(max_pixels=96 * 80 - 1)), data) == "image_too_many_pixels"
    assert code_of(lambda d: inspect_image(d, Limits(max_pixels=96 * 80 * 2)), make.apng(3)) == "image_too_many_pixels"


def test_every_code_has_advice_in_both_languages_and_a_status() -> None:
    assert set(HTTP_STATUS) == set(ADVICE)
    assert (HTTP_STATUS["image_too_many_bytes"], HTTP_STATUS["image_unsupported_type"]) == (413, 415)
    for sentences in ADVICE.values():
        fields = [{f for _, f, _, _ in string.Formatter().parse(sentences[language]) if f} for language in ("ko", "en")]
        assert fields[0] == fields[1]
        assert any("가" <= letter <= "힣" for letter in sentences["ko"])


def test_advice_can_be_filled_from_the_error() -> None:
    files = [b"", b"?", make.save(make.picture(), "PNG")[:60], CASES["1 x 1 png"][0], CASES["png of 20,000 x 20,000"][0]]
    for data in [*files, CASES["jpeg of 3,000 passes"][0], bytes(16 << 20)]:
        with pytest.raises(ImageRejected) as caught:
            decode_image(data)
        for language in ("ko", "en"):
            assert "{" not in caught.value.advice(language)
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (copy.code, copy.params, str(copy)) == (caught.value.code, caught.value.params, str(caught.value))


def test_unknown_code_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        ImageRejected("image_odd")


def test_many_threads_at_once() -> None:
    jpeg = make.save(make.turn_back(make.picture(), 6), "JPEG", exif=make.exif(6), quality=95)
    files = [
        jpeg,
        heif.phone_portrait(make.picture(), b""),
        make.save(make.picture(), "WEBP", quality=95),
        make.cmyk_jpeg(),
        b"\0" * 100,
    ]
    expected = [decode_image(data) for data in files[:4]]
    failures: list[str] = []

    def work(seed: int) -> None:
        for turn in range(40):
            index = (turn + seed) % len(files)
            try:
                result = decode_image(files[index])
            except ImageRejected as error:
                if index != 4:
                    failures.append(f"{index}: {error}")
            else:
                if not np.array_equal(result, expected[index]):
                    failures.append(f"{index}: other pixels")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_package_needs_no_django() -> None:
    script = "import sys, hairme.common.images; sys.exit(any(m.split('.')[0] == 'django' for m in sys.modules))"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=30)
