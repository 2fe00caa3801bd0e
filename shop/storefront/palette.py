"""The colours that the shop makes things in, and those it prints with: every tone of every drawing comes from here.

A new colour is a row of `PALETTE`; `tests/storefront/test_pictures.py` says whether it stays visible on a light and on
a dark page and whether prints on it can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tones:
    """One colour of fabric, paper or glaze.

    Dark fabrics have a `line` lighter than themselves: a rim of light that keeps a black hoodie visible on a dark page.
    """

    fabric: str
    shade: str
    light: str
    line: str
    print: str
    dark: bool
    """Whether prints on it are light."""


PALETTE: Mapping[str, Tones] = {
    "black": Tones(fabric="#322f2a", shade="#151310", light="#5d574d", line="#8d8577", print="#f1ebdf", dark=True),
    "ink": Tones(fabric="#2b3039", shade="#13161d", light="#515a68", line="#868f9d", print="#eef0f6", dark=True),
    "bone": Tones(fabric="#f3eee4", shade="#cbba9b", light="#fffdf9", line="#8e8069", print="#2a2723", dark=False),
    "rust": Tones(fabric="#b3472a", shade="#762710", light="#d97a58", line="#5f1f0d", print="#fdf1e6", dark=True),
    "moss": Tones(fabric="#5d6d48", shade="#37442a", light="#8a9b71", line="#2a3420", print="#f3f1e2", dark=True),
    "navy": Tones(fabric="#2b4a75", shade="#142a4a", light="#4f729f", line="#8ba3c4", print="#eef3fa", dark=True),
    "plum": Tones(fabric="#613758", shade="#371a33", light="#8b5c80", line="#b391ab", print="#f8edf5", dark=True),
    "sand": Tones(fabric="#d8c29c", shade="#a4895d", light="#eddfc3", line="#86704a", print="#2f2820", dark=False),
    "sky": Tones(fabric="#9dc3dc", shade="#6690ae", light="#cde3f0", line="#456f8d", print="#17303f", dark=False),
    "sun": Tones(fabric="#f0c04a", shade="#c08c24", light="#fadf94", line="#8a6010", print="#33260c", dark=False),
}
"""The colours the shop makes things in."""

TINTS: Mapping[str, tuple[str, str]] = {
    "bone": ("#f1ebdf", "#4a4439"),
    "rust": ("#f08a63", "#a83c1b"),
    "moss": ("#93cfa4", "#2c6e49"),
    "navy": ("#9fbfe8", "#2b4a75"),
    "plum": ("#dcaacc", "#6b2f58"),
    "sand": ("#e8bd63", "#8a5a00"),
    "sky": ("#a9d3ec", "#1f5b80"),
    "sun": ("#f7cf55", "#7a5200"),
}
"""The colours of prints, cords and linings: on dark fabric, on light fabric."""

LEAST_CONTRAST = 3.0
"""A tint below this on its fabric (rust on rust, rust on moss) gives way to the fabric's plain print tone: prints are
large text, for which WCAG 2.2 §1.4.3 asks 3:1."""


def print_tone(tint: str, tones: Tones) -> str:
    """The colour of a print in `tint` on `tones`. Raises `KeyError` for a tint that is not there."""
    tone = TINTS[tint][0 if tones.dark else 1]
    return tone if contrast(tone, tones.fabric) >= LEAST_CONTRAST else tones.print


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two `#rrggbb` colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(tone: str) -> float:
    channels = [int(tone[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
