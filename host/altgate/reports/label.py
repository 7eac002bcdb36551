"""A label for a door's board, as SVG: what people and scanners compare it by; nothing on it is secret."""

from dataclasses import dataclass
from html import escape

import segno

WIDTH_MM, HEIGHT_MM, QR_MM, EDGE_MM = 90, 34, 30, 2
PREFIX = "ALTGATE:L:1:"
_LINE_MM, _FIRST_MM = 4.6, 6.2
_MOST_MM = WIDTH_MM - QR_MM - 3 * EDGE_MM
_WIDE = 0x1100  # from here on letters take a whole em, as Chinese ones do
_FONT = "'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


@dataclass(frozen=True)
class Label:
    """``fingerprint``: of the key of the board, as keys.fingerprints makes it."""

    building: str
    door_name: str
    door_id: str
    fingerprint: str
    hardware_id: str
    firmware: str


def text(label: Label) -> str:
    """What the QR code says: door, key and board, each in letters and digits that a code holds densely."""
    parts = (label.door_id, label.fingerprint.replace("-", ""), label.hardware_id)
    return PREFIX + ":".join(part.upper() for part in parts)


def svg(label: Label) -> str:
    """The label at its printed size."""
    code = segno.make(text(label), micro=False, error="m").svg_inline(omitsize=True, border=2)
    size = f'x="{EDGE_MM}" y="{EDGE_MM}" width="{QR_MM}" height="{QR_MM}"'
    lines = (
        (label.building, 3.4, "normal"),
        (label.door_name, 4.2, "bold"),
        (f"door {label.door_id}", 3.4, "normal"),
        (f"key {label.fingerprint}", 3.4, "bold"),
        (f"board {label.hardware_id}", 3.4, "normal"),
        (f"altgate {label.firmware}", 3.4, "normal"),
    )
    drawn = "\n".join(_line(number, *line) for number, line in enumerate(lines))
    return f"""<?xml version="1.0" encoding="utf-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm" \
viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}">
<title>{escape(label.door_name)}</title>
<rect width="{WIDTH_MM}" height="{HEIGHT_MM}" fill="#fff"/>
{code.replace("<svg ", f"<svg {size} ", 1)}
<g font-family="{_FONT}" fill="#000">
{drawn}
</g>
</svg>
"""


def _line(number: int, said: str, size: float, weight: str) -> str:
    """One line; a long one is made narrower, and nothing is cut off."""
    ems = sum(1.0 if ord(letter) >= _WIDE else 0.62 for letter in said)
    narrow = f' textLength="{_MOST_MM}" lengthAdjust="spacingAndGlyphs"' if ems * size > _MOST_MM else ""
    at = f'x="{QR_MM + 2 * EDGE_MM}" y="{_FIRST_MM + number * _LINE_MM:g}"'
    return f'<text {at} font-size="{size}" font-weight="{weight}"{narrow}>{escape(said)}</text>'
