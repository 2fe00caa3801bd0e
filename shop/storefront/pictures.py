"""The pictures of the goods: the public routes that draw each product on request.

Owns which picture belongs to which address. What a product's drawing and print are stands beside its price in
`seed_data/products.toml`; a picture shows nothing else of it, so it needs no principal and no database.
Read next: `studio.py` (how it is drawn), `palette.py` (in which colours).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, abort, request

from shop.storefront.studio import Motif, Studio

PARCEL = Motif(drawing="parcel", print=("context", "& co."), tint="rust")
"""What stands for goods that came from an imported catalogue, of which the shop has no drawing."""

_CACHE_CONTROL = "public, max-age=86400, stale-while-revalidate=604800"
_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Pictured:
    """What the pictures need to know of a product: its name, the colours it comes in, what is drawn."""

    name: str
    colours: tuple[str, ...]
    motif: Motif


@cache
def load_motifs(seed_directory: Path) -> dict[str, Pictured]:
    """What to draw for each product of `products.toml`, by slug."""
    products = tomllib.loads((seed_directory / "products.toml").read_text("utf-8"))["product"]
    return {
        p["slug"]: Pictured(p["name"], tuple(p["colours"]), Motif(**p["motif"] | {"print": tuple(p["motif"]["print"])}))
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

    @cache
    def draw_parcel() -> str:
        return studio.render_picture(PARCEL, "sand", title="A parcel")

    @blueprint.get("/pictures/<slug>/<colour>.svg")
    def picture(slug: str, colour: str) -> Response:
        # Only what the catalogue has is ever drawn, so the cache cannot be made to grow by asking.
        if slug not in pictured or colour not in pictured[slug].colours:
            abort(404)
        return _served(draw(slug, colour))

    @blueprint.get("/pictures/plain/parcel.svg")
    def parcel() -> Response:
        """For goods of an imported catalogue, of which the shop has no drawing."""
        return _served(draw_parcel())

    return blueprint


def _served(picture: str) -> Response:
    response = Response(picture, mimetype="image/svg+xml")
    response.headers["Cache-Control"] = _CACHE_CONTROL
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.add_etag()
    response.make_conditional(request)
    return response
