"""What `up` prints: each line with the name of the process that said it, in that process's colour on a terminal."""

from __future__ import annotations

import os
from typing import TextIO

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # ANSI foregrounds that read on light and on dark


class Console:
    """Writes to `stream`. Once the stream is gone (a closed pipe or terminal) `lost` is True and nothing more is written."""

    def __init__(self, stream: TextIO, width: int = 16) -> None:
        self._stream = stream
        self._width = width
        self._colours: dict[str, int] = {}
        self._in_colour = stream.isatty() and "NO_COLOR" not in os.environ
        self.lost = False

    def say(self, text: str) -> None:
        """A line of `up` itself."""
        self._write(f"\033[1m{text}\033[0m" if self._in_colour else text)

    def said(self, name: str, line: str) -> None:
        """A line of the process `name`."""
        label = f"{name:<{self._width}} | "
        if self._in_colour:
            colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
            label = f"\033[{colour}m{label}\033[0m"
        self._write(label + line)

    def _write(self, text: str) -> None:
        if self.lost:
            return
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except OSError:
            self.lost = True
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self._write(text.encode(encoding, errors="replace").decode(encoding))
