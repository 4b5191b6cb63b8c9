"""Small vector maths that several models share. Plain numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def l2_normalise(vectors: NDArray[np.floating]) -> Floats:
    """Rows of ``vectors`` (n, d) scaled to length 1, as float32. A zero row stays zero."""
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
