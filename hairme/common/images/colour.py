"""From whatever a decoder returns to 8-bit sRGB: 16-bit, palette, grey, CMYK, transparency, embedded colour profiles."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from hairme.common.images.profiles import profile_for_cicp
from hairme.common.images.types import Screened

# Colour space of a profile -> the Pillow mode its input must have.
_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_PICTURE_CLASSES = {"scnr", "mntr", "prtr", "spac"}


def to_srgb(image: Image.Image, screened: Screened) -> Image.Image:
    """Mode ``RGB`` in sRGB, transparent parts on white. A missing, broken or mismatched profile means sRGB already."""
    colour, alpha = _split(_apply_colour_key(image, screened))
    rgb = _convert(colour, screened)
    if alpha is None:
        return rgb
    canvas = Image.new("RGB", rgb.size, "white")
    canvas.paste(rgb, mask=alpha)
    return canvas


def _apply_colour_key(image: Image.Image, screened: Screened) -> Image.Image:
    """Scales 16-bit and 1-bit grey to 8 bits, and turns a colour key into an alpha channel."""
    key = screened.colour_key
    if image.mode.startswith("I;16"):
        samples = np.asarray(image, dtype=np.uint16)
        image = Image.fromarray(((samples.astype(np.uint32) + 128) // 257).astype(np.uint8))
        if key is not None:
            image.putalpha(_opaque_where(samples != key[0]))
        return image
    if image.mode == "1":
        image = image.convert("L")
    if key is None or image.mode not in ("L", "RGB"):
        return image
    if screened.bit_depth == 16:
        scaled = tuple(value >> 8 for value in key)  # what Pillow does to 16-bit RGB samples
    else:
        top = (1 << screened.bit_depth) - 1
        scaled = tuple((value & top) * 255 // top for value in key)
    samples = np.asarray(image)
    differs = samples != scaled[0] if image.mode == "L" else (samples != np.array(scaled, dtype=np.uint8)).any(axis=2)
    image = image.copy()
    image.putalpha(_opaque_where(differs))
    return image


def _opaque_where(differs: np.ndarray) -> Image.Image:
    return Image.fromarray(differs.astype(np.uint8) * 255)


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """(picture in L, RGB or CMYK, alpha channel or ``None``)."""
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "RGBa":
        image = image.convert("RGBA")
    elif image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("RGBA", "LA"):
        alpha = image.getchannel("A")
        opaque = alpha.getextrema() == (255, 255)
        return image.convert(image.mode[:-1]), None if opaque else alpha
    if image.mode in ("L", "RGB", "CMYK"):
        return image, None
    return image.convert("RGB"), None


def _convert(image: Image.Image, screened: Screened) -> Image.Image:
    profile = screened.icc or (profile_for_cicp(*screened.cicp) if screened.cicp else None)
    converted = _through_profile(image, profile) if profile else None
    return converted if converted is not None else image.convert("RGB")


def _through_profile(image: Image.Image, icc: bytes) -> Image.Image | None:
    """``image`` in sRGB, or ``None`` when the profile is broken or describes another kind of picture."""
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        description = profile.profile
        mode = _MODE_OF_SPACE.get(description.xcolor_space.strip())
        if mode is None or description.device_class.strip() not in _PICTURE_CLASSES:
            return None
        if mode == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if image.mode != mode:
            return None
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if mode == "RGB" and _changes_nothing(transform):
            return image
        return ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, AttributeError, OSError, TypeError, ValueError):
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether every colour of a 9 x 9 x 9 lattice stays within one step: most photos carry some spelling of sRGB."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 27, 3)
    result = np.asarray(ImageCms.applyTransform(Image.fromarray(lattice), transform), dtype=np.int16)
    return bool(np.abs(result - lattice).max() <= 1)
