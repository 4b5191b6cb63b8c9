"""The one exception of the image gate, and what each of its codes means to a person and to an HTTP client."""

from __future__ import annotations

Param = int | float | str


class ImageRejected(ValueError):
    """An upload that does not become a picture.

    ``code`` is a key of :data:`ADVICE` and :data:`HTTP_STATUS`; ``params`` fills the placeholders of the advice;
    ``reason`` is a technical note for the log (never shown, never holds bytes of the upload).
    """

    def __init__(self, code: str, params: dict[str, Param] | None = None, *, reason: str = "") -> None:
        if code not in ADVICE:
            raise KeyError(code)
        super().__init__(f"{code}: {reason}" if reason else code)
        self.code = code
        self.params: dict[str, Param] = dict(params or {})
        self.reason = reason

    def __reduce__(self) -> tuple[type[ImageRejected], tuple[str, dict[str, Param]], dict[str, object]]:
        # The default reduce would hand the message to __init__ as a code, so the error would not cross a process boundary.
        return (type(self), (self.code, self.params), {"args": self.args, "reason": self.reason})

    def advice(self, language: str = "ko") -> str:
        """One sentence that says what to do, in ``"ko"`` or ``"en"``."""
        return ADVICE[self.code][language].format(**self.params)


ADVICE: dict[str, dict[str, str]] = {
    "image_empty": {
        "ko": "파일이 비어 있어요. 사진을 다시 골라 주세요.",
        "en": "The file is empty. Please choose the photo again.",
    },
    "image_too_many_bytes": {
        "ko": "파일이 너무 커요. {max_megabytes} MB 이하의 사진을 올려 주세요.",
        "en": "The file is too large. Please use a photo of {max_megabytes} MB or less.",
    },
    "image_unsupported_type": {
        "ko": "읽을 수 없는 형식이에요. JPEG, PNG, WebP 또는 HEIC 사진을 올려 주세요.",
        "en": "This kind of file cannot be read. Please use a JPEG, PNG, WebP or HEIC photo.",
    },
    "image_too_many_pixels": {
        "ko": "해상도가 너무 높아요({width} x {height}, {frames}장). 모두 {max_megapixels} 메가픽셀 이하로 줄여 주세요.",
        "en": "The picture is too large ({width} x {height} x {frames}). Please reduce it to {max_megapixels} megapixels in all.",
    },
    "image_too_small": {
        "ko": "사진이 너무 작아요({width} x {height}). 가로와 세로가 모두 {min_side}픽셀 이상인 사진을 올려 주세요.",
        "en": "The picture is too small ({width} x {height}). Please use one with at least {min_side} pixels on each side.",
    },
    "image_too_complex": {
        "ko": "파일 구조가 지나치게 복잡해요. 사진을 일반 JPEG로 다시 저장해서 올려 주세요.",
        "en": "The file is built in too complicated a way. Please save the photo as an ordinary JPEG and try again.",
    },
    "image_truncated": {
        "ko": "파일이 중간에 잘렸어요. 원본 사진을 다시 올려 주세요.",
        "en": "The file is cut off part-way. Please upload the original photo again.",
    },
    "image_corrupt": {
        "ko": "파일이 손상되어 열 수 없어요. 다른 사진을 고르거나 다시 저장해서 올려 주세요.",
        "en": "The file is damaged and cannot be opened. Please choose another photo or save it again.",
    },
}

HTTP_STATUS: dict[str, int] = {
    **dict.fromkeys(ADVICE, 400),
    "image_too_many_bytes": 413,
    "image_unsupported_type": 415,
}
