"""How hair moves along its length: amplitude and length of its waves, bumps of its outline, chosen from texture, perm and length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from .geometry import smoothstep


@dataclass(frozen=True, slots=True)
class Texture:
    """Pixels. ``amplitude`` and ``wavelength`` bend strands; ``bump`` is the step of scallops on the outline (0 = none)."""

    kind: str
    amplitude: float = 0.0
    wavelength: float = 60.0
    start: float = 0.25  # fraction of the strand where the movement sets in
    bump: float = 0.0
    swell: float = 0.4  # height of a bump against its step
    widen: float = 0.0  # how much the whole mass grows, in half face widths

    def offset(self, s: float, length: float, phase: float) -> float:
        """Sideways displacement (pixels) at fraction ``s`` of a strand ``length`` pixels long."""
        if not self.amplitude:
            return 0.0
        grown = smoothstep(self.start - 0.12, min(self.start + 0.3, 1.0), s)
        return self.amplitude * grown * math.sin(2 * math.pi * s * length / self.wavelength + phase)


_BY_TEXTURE: Final = {
    "straight": Texture("straight"),
    "soft_wave": Texture("soft_wave", 2.6, 74, 0.3, widen=0.02),
    "wavy": Texture("wavy", 3.6, 44, 0.24, widen=0.1),
    "curly": Texture("curly", 3.0, 17, 0.16, bump=14, swell=0.46, widen=0.2),
    "coily": Texture("coily", 1.6, 8, 0.05, bump=8.5, swell=0.5, widen=0.34),
}


def choose_texture(texture: str, perm: str, hangs: bool) -> Texture:
    """``hangs`` is false for hair too short to fall: its curls are smaller and start at the root."""
    base = _BY_TEXTURE[texture]
    kind, amplitude, wavelength, start = base.kind, base.amplitude, base.wavelength, base.start
    bump, widen = base.bump, base.widen
    if perm == "digital" and amplitude:
        amplitude, start = amplitude * 1.25, 0.5
    elif perm == "body_wave" and amplitude:
        amplitude, wavelength = amplitude * 1.15, wavelength * 1.25
    elif perm == "s_curl" and amplitude:
        amplitude, wavelength, start = amplitude * 1.15, wavelength * 0.8, 0.4
    elif perm == "c_curl":
        amplitude *= 0.35
    elif perm == "spiral":
        wavelength, amplitude, bump = wavelength * 0.85, max(amplitude, 3.6), bump * 0.85
    elif perm == "tight_curl":
        wavelength, bump = wavelength * 0.8, max(bump * 0.8, 9.0)
    elif perm == "iron" and not bump:
        wavelength, amplitude = wavelength * 0.8, amplitude * 1.1
    if not hangs:
        amplitude, wavelength, start, bump = amplitude * 0.6, wavelength * 0.55, 0.1, bump * 0.85
        widen *= 0.7
    return Texture(kind, amplitude, wavelength, start, bump, base.swell, widen)
