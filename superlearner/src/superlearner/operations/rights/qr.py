"""QR codes of links: as blocks for a terminal, and as the path of an SVG image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["QrCode", "qr_of"]

MARGIN: Final = 4
"""Light squares around the code, as its standard asks for."""
HALVES: Final = {(True, True): " ", (True, False): "▄", (False, True): "▀", (False, False): "█"}
"""A pair of squares, one above the other, as a character; dark squares show the background of the terminal."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code with its margin."""

    blocks: str
    path: str
    size: int


def qr_of(text: str) -> QrCode:
    """Return the QR code of a text.

    >>> code = qr_of("http://127.0.0.1:4000/sign-in/abc")
    >>> code.size, len(code.blocks.splitlines()), code.path[:12]
    (37, 19, 'M4 4h7v1h-7z')
    """
    import segno  # seldom needed

    rows = [[square == 1 for square in row] for row in segno.make_qr(text, error="m").matrix_iter(border=MARGIN)]
    size = len(rows)
    below = [*rows[1:], [False] * size]
    blocks = ["".join(HALVES[pair] for pair in zip(rows[at], below[at], strict=True)) for at in range(0, size, 2)]
    path = "".join(_line(at, row) for at, row in enumerate(rows))
    return QrCode("\n".join(blocks), path, size)


def _line(top: int, row: list[bool]) -> str:
    """Return the rectangles of a row: one for each run of dark squares."""
    path, left = "", 0
    while left < len(row):
        right = left
        while right < len(row) and row[right]:
            right += 1
        if right > left:
            path += f"M{left} {top}h{right - left}v1h-{right - left}z"
        left = right + 1
    return path
