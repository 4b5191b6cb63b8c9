"""Whether a photo can be read: typed codes with thresholds, and for each code what the person can do about it.

``stop`` means that no honest reading is possible, ``warn`` that the reading stands and says so. Thresholds are on quantities of
the face itself (its pixels, its skin, its mesh; see ``quality_metrics``), so a dark background or a wide frame does no harm.
This module stays light: the web process takes the sentences from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from recommendations.engine.types import PhotoRejected, Quality, QualityIssue, Severity

CODES: Final[dict[str, Severity]] = {
    "no_face": "stop",
    "several_faces": "stop",
    "too_small": "stop",
    "too_blurry": "stop",
    "too_dark": "stop",
    "too_bright": "stop",
    "turned_away": "stop",
    "cut_off": "stop",
    "not_a_photo": "stop",
    "half_turned": "warn",
    "tilted": "warn",
    "soft_focus": "warn",
    "dim": "warn",
    "glare": "warn",
    "uneven_light": "warn",
    "low_contrast": "warn",
    "no_colour": "warn",
    "colour_cast": "warn",
    "covered_forehead": "warn",
    "glasses": "warn",
    "too_close": "warn",
}

ADVICE: Final[dict[str, dict[str, str]]] = {
    "no_face": {
        "ko": "얼굴을 찾지 못했어요. 얼굴 전체가 정면으로 보이는 사진을 올려 주세요.",
        "en": "We could not find a face. Use a photo that shows your whole face from the front.",
    },
    "several_faces": {
        "ko": "얼굴이 여러 명 보여요. 한 사람만 나오도록 잘라서 올려 주세요.",
        "en": "There are several faces. Crop the photo so that only one person is in it.",
    },
    "too_small": {
        "ko": "얼굴이 너무 작아요. 더 가까이에서 찍거나 원본 크기의 사진을 올려 주세요.",
        "en": "The face is too small. Move closer or use the photo in its original size.",
    },
    "too_blurry": {
        "ko": "사진이 흔들렸거나 초점이 맞지 않아요. 렌즈를 닦고 고정해서 다시 찍어 주세요.",
        "en": "The photo is blurred. Wipe the lens, hold still and take it again.",
    },
    "too_dark": {
        "ko": "얼굴이 너무 어두워요. 창문을 마주 보고 다시 찍어 주세요.",
        "en": "The face is too dark. Face a window and take it again.",
    },
    "too_bright": {
        "ko": "얼굴이 너무 밝게 날아갔어요. 플래시를 끄고 직사광선을 피해 주세요.",
        "en": "The face is overexposed. Turn the flash off and step out of direct sun.",
    },
    "turned_away": {
        "ko": "얼굴이 옆을 향하고 있어요. 카메라를 정면으로 바라봐 주세요.",
        "en": "The face is turned away. Look straight into the camera.",
    },
    "cut_off": {
        "ko": "얼굴이 사진 밖으로 잘렸어요. 이마부터 턱까지 모두 보이게 찍어 주세요.",
        "en": "Part of the face is outside the photo. Show everything from forehead to chin.",
    },
    "not_a_photo": {
        "ko": "사진이 아니라 그림처럼 보여요. 카메라로 찍은 사진을 올려 주세요.",
        "en": "This looks like a drawing. Use a photo taken with a camera.",
    },
    "half_turned": {
        "ko": "얼굴이 조금 돌아가 있어요. 정면 사진이면 더 정확해요.",
        "en": "The face is turned a little. A photo from the front is read more precisely.",
    },
    "tilted": {
        "ko": "고개가 기울거나 위아래를 보고 있어요. 카메라를 눈높이에 두고 고개를 세워 주세요.",
        "en": "The head is tilted or looks up or down. Hold the camera at eye level and your head upright.",
    },
    "soft_focus": {
        "ko": "초점이 조금 흐려요. 더 선명한 사진이면 더 정확해요.",
        "en": "The focus is a little soft. A sharper photo is read more precisely.",
    },
    "dim": {
        "ko": "조명이 어두운 편이에요. 밝은 자연광에서 찍으면 피부색을 더 정확히 읽어요.",
        "en": "The light is dim. In brighter daylight your colouring is read more precisely.",
    },
    "glare": {
        "ko": "피부에 빛이 번들거려요. 플래시를 끄고 부드러운 빛에서 찍어 주세요.",
        "en": "There is glare on the skin. Turn the flash off and use soft light.",
    },
    "uneven_light": {
        "ko": "얼굴 한쪽만 밝아요. 빛을 정면에서 받도록 돌아서 주세요.",
        "en": "One side of the face is brighter. Turn until the light falls evenly on it.",
    },
    "low_contrast": {
        "ko": "사진이 뿌옇게 보여요. 렌즈를 닦고 역광을 피해 주세요.",
        "en": "The photo looks hazy. Wipe the lens and avoid light from behind.",
    },
    "no_colour": {
        "ko": "흑백 사진이라 피부색을 읽을 수 없어요. 컬러 사진을 올려 주세요.",
        "en": "The photo has no colour, so your colouring cannot be read. Use a colour photo.",
    },
    "colour_cast": {
        "ko": "조명에 색이 섞여 있어요. 흰 조명이나 자연광에서 필터 없이 찍어 주세요.",
        "en": "The light is coloured. Use daylight or white light, and no filter.",
    },
    "covered_forehead": {
        "ko": "이마가 가려져 있어요. 앞머리를 넘기면 얼굴형을 더 정확히 읽어요.",
        "en": "The forehead is covered. Sweep the fringe aside and your face shape is read more precisely.",
    },
    "glasses": {
        "ko": "안경을 쓰고 있어요. 안경을 벗으면 얼굴형과 피부색을 더 정확히 읽어요.",
        "en": "You are wearing glasses. Without them your face shape and colouring are read more precisely.",
    },
    "too_close": {
        "ko": "카메라가 너무 가까워 얼굴이 길어 보여요. 팔을 뻗거나 조금 떨어져서 찍어 주세요.",
        "en": "The camera is so close that it stretches the face. Hold it farther away.",
    },
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds; docs/models/quality.md says which were measured, and how."""

    face_px_stop: float = 30.0
    sharpness_stop: float = 0.05
    sharpness_warn: float = 0.11
    lightness_dark_stop: float = 8.0  # median L* of the face
    lightness_dim_warn: float = 28.0
    clipped_stop: float = 0.5  # share of the face with all channels at their end
    glare_warn: float = 0.06
    yaw_stop: float = 38.0
    yaw_warn: float = 20.0
    roll_warn: float = 25.0
    pitch_warn: float = 20.0
    outside_stop: float = 0.08  # share of the face's area beyond the photo
    uneven_warn: float = 14.0  # L* between the cheeks
    contrast_warn: float = 5.0  # standard deviation of L* over the face
    chroma_none: float = 2.0  # 95th percentile of chroma over the face
    flat_stop: float = 0.33  # share of the face without any grain
    bridge_warn: float = 0.75  # contrast across the bridge of the nose
    nearness_warn: float = 0.735  # eye span over face width
    distance_warn_cm: float = 45.0
    rival_width: float = 0.6  # of the widest face


LIMITS: Final = Limits()


def check_faces(image: np.ndarray, faces: list[np.ndarray], widths: list[float]) -> None:
    """Stop where there is nobody, more than one person, or a face of too few pixels. ``widths`` in pixels, widest first."""
    if not faces:
        raise PhotoRejected("no_face", width=image.shape[1], height=image.shape[0])
    if len(faces) > 1 and widths[1] >= LIMITS.rival_width * widths[0]:
        raise PhotoRejected("several_faces", faces=float(sum(w >= LIMITS.rival_width * widths[0] for w in widths)))
    if widths[0] < LIMITS.face_px_stop:
        raise PhotoRejected("too_small", face_px=round(widths[0], 1), needed_px=LIMITS.face_px_stop)


def judge(metrics: dict[str, float], *, limits: Limits = LIMITS) -> list[str]:
    """The codes that ``metrics`` earn, stops first."""
    m, codes = metrics, []
    dark = m["brightness"] < limits.lightness_dark_stop
    flat, soft = m["flat"] > limits.flat_stop, m["sharpness"] < limits.sharpness_warn
    rules: tuple[tuple[str, bool], ...] = (
        ("too_small", m["face_px"] < limits.face_px_stop),
        ("cut_off", m["outside"] > limits.outside_stop),
        ("turned_away", abs(m["yaw_deg"]) > limits.yaw_stop),
        ("too_dark", dark),
        ("too_bright", m["clipped_light"] > limits.clipped_stop),
        # What has no grain is a blur where it has no edges either, and a drawing where it has.
        ("too_blurry", not dark and (m["sharpness"] < limits.sharpness_stop or (flat and soft))),
        ("not_a_photo", not dark and flat and not soft),
        ("half_turned", limits.yaw_warn < abs(m["yaw_deg"]) <= limits.yaw_stop),
        ("tilted", abs(m["roll_deg"]) > limits.roll_warn or abs(m["pitch_deg"]) > limits.pitch_warn),
        ("soft_focus", soft and not flat and m["sharpness"] >= limits.sharpness_stop),
        ("dim", limits.lightness_dark_stop <= m["brightness"] < limits.lightness_dim_warn),
        ("glare", m["glare"] > limits.glare_warn and m["clipped_light"] <= limits.clipped_stop),
        ("uneven_light", m["uneven"] > limits.uneven_warn),
        ("low_contrast", m["contrast"] < limits.contrast_warn),
        ("no_colour", m["chroma"] < limits.chroma_none),
        ("glasses", m["bridge"] > limits.bridge_warn),
        ("too_close", _too_close(m, limits)),
    )
    codes = [code for code, holds in rules if holds]
    return sorted(codes, key=lambda code: CODES[code] != "stop")


def _too_close(metrics: dict[str, float], limits: Limits) -> bool:
    """By the measured distance where it is known, else by the face's own geometry."""
    if "distance_cm" in metrics:
        return metrics["distance_cm"] < limits.distance_warn_cm
    return metrics["nearness"] > limits.nearness_warn


def verdict(codes: list[str], metrics: dict[str, float]) -> Quality:
    """Raise ``PhotoRejected`` for the first stop, else list the warnings."""
    rounded = {name: round(value, 4) for name, value in metrics.items()}
    for code in codes:
        if CODES[code] == "stop":
            raise PhotoRejected(code, **rounded)
    return Quality(tuple(QualityIssue(code, CODES[code]) for code in codes), rounded)
