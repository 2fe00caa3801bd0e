"""The pictures of the goods: drawings in `seed_data/pictures`, coloured and printed for each product on request.

Owns the palette, the lettering, `render_picture` (pure: the same motif and colour give the same bytes) and the public
route `/pictures/<slug>/<colour>.svg`. What a product's drawing and print are stands beside its price in
`seed_data/products.toml`; a picture shows nothing else of it, so it needs no principal and no database.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from flask import Blueprint, Response, abort, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup


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
    "bone": Tones(fabric="#f3eee4", shade="#c6bba8", light="#fffdf9", line="#a0947f", print="#2a2723", dark=False),
    "rust": Tones(fabric="#b3472a", shade="#762710", light="#d4714f", line="#5f1f0d", print="#fdf1e6", dark=True),
    "moss": Tones(fabric="#5d6d48", shade="#37442a", light="#84956b", line="#2a3420", print="#f3f1e2", dark=True),
    "navy": Tones(fabric="#2b4a75", shade="#142a4a", light="#4f729f", line="#8ba3c4", print="#eef3fa", dark=True),
    "plum": Tones(fabric="#613758", shade="#371a33", light="#8b5c80", line="#b391ab", print="#f8edf5", dark=True),
    "sand": Tones(fabric="#d8c29c", shade="#a4895d", light="#eddfc3", line="#86704a", print="#2f2820", dark=False),
}
"""The colours the shop makes things in."""

TINTS: Mapping[str, tuple[str, str]] = {
    "bone": ("#f1ebdf", "#4a4439"),
    "rust": ("#f08a63", "#a83c1b"),
    "moss": ("#93cfa4", "#2c6e49"),
    "navy": ("#9fbfe8", "#2b4a75"),
    "plum": ("#dcaacc", "#6b2f58"),
    "sand": ("#e8bd63", "#8a5a00"),
}
"""The colours of prints, cords and linings: on dark fabric, on light fabric."""

CELL_WIDTH, LINE_HEIGHT, ASCENT = 60, 92, 70
"""The grid of `letters.toml`, and the distance of two lines on it."""

LEAST_CONTRAST = 3.0
"""A tint below this on its fabric (rust on rust, rust on moss) gives way to the fabric's plain print tone: prints are
large text, for which WCAG 2.2 §1.4.3 asks 3:1."""

_CACHE_CONTROL = "public, max-age=86400, stale-while-revalidate=604800"
_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Motif:
    """What is drawn: which object, with which lines printed on it, in which tint."""

    drawing: str
    print: tuple[str, ...]
    tint: str


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
        accent = TINTS[motif.tint][0 if tones.dark else 1]
        if _contrast(accent, tones.fabric) < LEAST_CONTRAST:
            accent = tones.print
        # Ids are per picture, so that several can stand in one page without borrowing each other's gradients.
        key = hashlib.sha256(f"{motif}/{colour}".encode()).hexdigest()[:5]
        return self._templates.get_template("_frame.svg").render(
            drawing=f"{motif.drawing}.svg",
            id=f"p{key}",
            title=title,
            fabric=tones.fabric,
            shade=tones.shade,
            light=tones.light,
            line=tones.line,
            print=tones.print,  # what is drawn besides the motif's own lines
            dark=tones.dark,
            accent=accent,
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


def _contrast(one: str, other: str) -> float:
    """The contrast ratio of two `#rrggbb` colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(tone: str) -> float:
    channels = [int(tone[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@dataclass(frozen=True, slots=True)
class Pictured:
    """What the pictures need to know of a product: its name, the colours it comes in, what is drawn."""

    name: str
    colours: tuple[str, ...]
    motif: Motif


def load_motifs(seed_directory: Path) -> dict[str, Pictured]:
    """What to draw for each product of `products.toml`, by slug."""
    products = tomllib.loads((seed_directory / "products.toml").read_text("utf-8"))["product"]
    return {
        p["slug"]: Pictured(
            p["name"],
            tuple(p["colours"]),
            Motif(drawing=p["motif"]["drawing"], print=tuple(p["motif"]["print"]), tint=p["motif"]["tint"]),
        )
        for p in products
    }


def create(seed_directory: Path) -> Blueprint:
    """The blueprint `pictures`. Access: public; a picture is like a static file and asks for nobody."""
    studio = Studio(seed_directory)
    pictured = load_motifs(seed_directory)
    blueprint = Blueprint("pictures", __name__)

    @cache
    def draw(slug: str, colour: str) -> str:
        product = pictured[slug]
        return studio.render_picture(product.motif, colour, title=f"{product.name}, {colour}")

    @blueprint.get("/pictures/<slug>/<colour>.svg")
    def picture(slug: str, colour: str) -> Response:
        # Only what the catalogue has is ever drawn, so the cache cannot be made to grow by asking.
        if slug not in pictured or colour not in pictured[slug].colours:
            abort(404)
        response = Response(draw(slug, colour), mimetype="image/svg+xml")
        response.headers["Cache-Control"] = _CACHE_CONTROL
        response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.add_etag()
        response.make_conditional(request)
        return response

    return blueprint
