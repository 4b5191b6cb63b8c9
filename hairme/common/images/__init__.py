"""The image gate: every uploaded picture comes in through here. Pure Python, Pillow, libheif and numpy; knows nothing of Django.

``inspect_image`` looks at the header only and is for the web process; ``decode_image`` returns pixels and is for workers;
``encode_clean`` writes pixels without metadata. Everything an upload can do wrong is an :class:`ImageRejected` with a code.
"""

from __future__ import annotations

from hairme.common.images.encode import encode_clean
from hairme.common.images.errors import ADVICE, HTTP_STATUS, ImageRejected
from hairme.common.images.gate import decode_image, inspect_image
from hairme.common.images.types import DEFAULT_LIMITS, ImageInfo, Limits

__all__ = [
    "ADVICE",
    "DEFAULT_LIMITS",
    "HTTP_STATUS",
    "ImageInfo",
    "ImageRejected",
    "Limits",
    "decode_image",
    "encode_clean",
    "inspect_image",
]
