"""Many photos at once: ``manage.py analyze_photos`` as a command, from start to end, over 500-pixel JPEGs of faces."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from .engine import portrait

ROOT = Path(__file__).resolve().parents[1]
PHOTOS = 240
SIDE = 500


def photos(folder: Path) -> None:
    """One face (public domain) in ``PHOTOS`` frames, lights and tilts, so that no two files are alike."""
    chance = np.random.default_rng(0)
    face = Image.fromarray(portrait(900, 1200))
    for number in range(PHOTOS):
        room = int(chance.integers(0, 120))
        picture = face.rotate(float(chance.uniform(-8, 8)), Image.Resampling.BICUBIC).crop((room, room, 900 - room, 1200 - room))
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        light = float(chance.uniform(0.7, 1.1))
        picture.point(lambda value, light=light: min(255, int(value * light))).save(folder / f"{number:03d}.jpg", quality=88)


def run() -> None:
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="hairme-bench-") as name:
        photos(Path(name))
        command = [sys.executable, "manage.py", "analyze_photos", name, "--jsonl", f"{name}/out.jsonl", "--workers", str(workers)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    summary = re.findall(r"[^\r\n]*per second[^\r\n]*", result.stderr)[-1]
    load = os.getloadavg()[0]
    print(f"analyze_photos, {SIDE}-pixel JPEGs, {workers} processes, their start included (load average after it: {load:.1f}):")
    print(f"  {summary.strip()} (the bar: 12 per second on 2 cores)")
    print(
        f"  processor time per photo: {1000 * spent / PHOTOS:.0f} ms, which is {workers * PHOTOS / spent:.1f} per second on idle cores"
    )
