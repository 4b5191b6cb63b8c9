"""The image gate: every uploaded picture comes in through here. Pure Python, Pillow, libheif and numpy; knows nothing of Django.

``inspect_image`` looks at the header only and is for the web process; ``decode_image`` and ``read_picture`` are for workers;
``clean_copy``
and ``encode_clean`` write pictures without metadata, the one from the upload as it is coded, the other from pixels. Everything an
upload can do wrong is an :class:`ImageRejected` with a code.
"""

from __future__ import annotations

from hairme.common.images.encode import encode_clean
from hairme.common.images.errors import ADVICE, HTTP_STATUS, ImageRejected
from hairme.common.images.gate import clean_copy, decode_image, inspect_image, read_picture
from hairme.common.images.types import DEFAULT_LIMITS, ImageInfo, Limits, Picture

__all__ = [
    "ADVICE",
    "DEFAULT_LIMITS",
    "HTTP_STATUS",
    "ImageInfo",
    "ImageRejected",
    "Limits",
    "Picture",
    "clean_copy",
    "decode_image",
    "encode_clean",
    "inspect_image",
    "read_picture",
]
