"""Draws the goods: a template of `seed_data/pictures`, coloured and lettered.

Owns `Studio.render_picture` (pure: the same motif and colour give the same bytes) and the lettering. The colours are
`palette.py`'s, the route is `pictures.py`'s. What a template may use stands beside `render_picture`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shop.storefront.palette import PALETTE, print_tone

CELL_WIDTH, LINE_HEIGHT, ASCENT = 60, 92, 70
"""The grid of `letters.toml`, and the distance of two lines on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Motif:
    """What is drawn: which object, in which style, with which lines printed on it, in which tint."""

    drawing: str
    print: tuple[str, ...]
    tint: str
    style: str = ""
    """Which of the drawing's ways: where the print is, or which artwork. Empty is the drawing's usual one."""


class Studio:
    """Draws motifs from the templates and letters of one seed directory."""

    def __init__(self, seed_directory: Path) -> None:
        folder = seed_directory / "pictures"
        self.letters: Mapping[str, str] = tomllib.loads((folder / "letters.toml").read_text("utf-8"))
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render_picture(self, motif: Motif, colour: str, *, title: str) -> str:
        """The SVG document of `motif` in `colour`, with `title` as its accessible name.

        Raises `KeyError` for a colour, tint or letter that is not there, `jinja2.TemplateNotFound` for a drawing.
        """
        tones = PALETTE[colour]
        accent = print_tone(motif.tint, tones)
        # Ids are per picture, so that several can stand in one page without borrowing each other's gradients.
        key = hashlib.sha256(f"{motif}/{colour}".encode()).hexdigest()[:5]
        return self._templates.get_template("_frame.svg").render(
            drawing=f"{motif.drawing}.svg",
            style=motif.style,
            id=f"p{key}",
            title=title,
            fabric=tones.fabric,
            shade=tones.shade,
            light=tones.light,
            line=tones.line,
            print=tones.print,  # what is drawn besides the motif's own lines
            dark=tones.dark,
            accent=accent,
            palette=PALETTE,  # for what has more colours than one: stickers, pins, artwork
            label="#e9dfcc",
            metal="#b9ab90",
            lines=motif.print,
            place=partial(self.write, motif.print, accent),
            write=self.write,
        )

    def write(
        self,
        lines: Sequence[str],
        stroke: str,
        *,
        at: tuple[float, float],
        box: tuple[float, float],
        turn: float = 0,
        weight: float = 9,
    ) -> Markup:
        """`lines` as one path, centred on `at`, as large as `box` (width, height) allows, turned by `turn` degrees.

        `weight` is the stroke's width on the letters' own grid. Raises `KeyError` for a letter that is not drawn.
        """
        columns = max(len(line) for line in lines)
        # A line of only x-height letters still gets its ascenders' room: prints of one family share one optical size.
        height = ASCENT + LINE_HEIGHT * (len(lines) - 1)
        scale = min(box[0] / (columns * CELL_WIDTH), box[1] / height)
        left = [-CELL_WIDTH * len(line) / 2 for line in lines]
        top = ASCENT - height / 2
        strokes = "".join(
            f"M{left[row] + column * CELL_WIDTH:g} {top + row * LINE_HEIGHT:g}{self.letters[letter]}"
            for row, line in enumerate(lines)
            for column, letter in enumerate(line)
            if letter != " "
        )
        return Markup(
            '<path transform="translate({:g} {:g}) rotate({:g}) scale({:.3g})" fill="none" stroke="{}" '
            'stroke-width="{:g}" d="{}"/>'
        ).format(*at, turn, scale, stroke, weight, strokes)
