"""The pictures of the goods, and the public route that serves them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.storefront.pictures import PALETTE, TINTS, Motif, Studio, create, load_motifs

SEED = Path(__file__).parents[2] / "seed_data"
DRAWINGS = sorted(p.stem for p in (SEED / "pictures").glob("*.svg") if not p.stem.startswith("_"))
SVG = "{http://www.w3.org/2000/svg}"
MAX_TEMPLATE_BYTES = 8_000


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(SEED)


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(create(SEED))
    return app.test_client()


@pytest.mark.parametrize("drawing", DRAWINGS)
@pytest.mark.parametrize("colour", PALETTE)
def test_every_drawing_in_every_colour_is_a_self_contained_document(studio: Studio, drawing: str, colour: str) -> None:
    """Every drawing in every colour is well-formed, has a name to be read out, and reaches for nothing outside."""
    motif = Motif(drawing=drawing, print=("ok", "go"), tint="rust")
    picture = studio.render_picture(motif, colour, title=f"A {drawing} & more")
    root = ElementTree.fromstring(picture)
    assert (root.get("viewBox"), root.get("role")) == ("0 0 400 400", "img")
    title = root.find(f"{SVG}title")
    assert title is not None
    assert (title.text, title.get("id")) == (f"A {drawing} & more", root.get("aria-labelledby"))
    for element in root.iter():
        assert element.tag not in {f"{SVG}{name}" for name in ("script", "image", "foreignObject", "style", "a")}
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            if name.endswith("href"):
                assert value.startswith("#")
    assert set(re.findall(r"url\((.)", picture)) <= {"#"}


def test_every_reference_is_to_an_id_of_the_same_picture_and_ids_are_unique_across_the_shop(studio: Studio) -> None:
    """Pictures of different goods can stand in one page: no id is used twice, and each refers only to its own."""
    seen: set[str] = set()
    for slug, product in load_motifs(SEED).items():
        for colour in product.colours:
            picture = studio.render_picture(product.motif, colour, title=slug)
            ids = re.findall(r' id="([^"]+)"', picture)
            assert len(ids) == len(set(ids)), slug
            assert set(re.findall(r'(?:url\(|href=")#([^")]+)', picture)) <= set(ids), slug
            assert seen.isdisjoint(ids), (slug, colour)
            seen.update(ids)


def test_every_letter_of_the_alphabet_is_drawn_with_relative_commands() -> None:
    """A line of text is one path only if no letter goes to an absolute place."""
    letters = Studio(SEED).letters
    assert set("abcdefghijklmnopqrstuvwxyz0123456789.⊆_>") <= set(letters)
    assert not [name for name, path in letters.items() if re.search("[A-Z]", path)]


def test_a_print_never_vanishes_into_its_fabric(studio: Studio) -> None:
    """A tint that would be hard to read on its fabric falls back to the plain print tone."""
    motif = Motif(drawing="tee", print=("x",), tint="rust")
    assert PALETTE["rust"].print in studio.render_picture(motif, "rust", title="x")
    assert PALETTE["moss"].print in studio.render_picture(motif, "moss", title="x")
    assert TINTS["rust"][0] in studio.render_picture(motif, "black", title="x")
    assert TINTS["rust"][1] in studio.render_picture(motif, "bone", title="x")


@pytest.mark.parametrize("template", sorted((SEED / "pictures").glob("*.svg")), ids=lambda path: path.name)
def test_templates_stay_small(template: Path) -> None:
    """A drawing is a small file."""
    assert template.stat().st_size < MAX_TEMPLATE_BYTES


def test_the_route_serves_a_picture_for_everyone_to_cache(client: FlaskClient) -> None:
    """A picture is served to anyone, cacheable, as an image that may load nothing."""
    response = client.get("/pictures/long-context-hoodie/black.svg")
    assert response.status_code == 200
    assert response.mimetype == "image/svg+xml"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert response.cache_control.public
    assert "Set-Cookie" not in response.headers
    assert "Long Context, black" in response.text


def test_the_route_answers_304_when_nothing_changed(client: FlaskClient) -> None:
    """A client that has the picture already is told so without being sent it again."""
    etag = client.get("/pictures/context-tee/ink.svg").headers["ETag"]
    again = client.get("/pictures/context-tee/ink.svg", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["no-such-thing/black", "context-tee/navy", "context-tee/no-such-colour", "_frame/black", "context-tee/%2e%2e"],
)
def test_the_route_answers_404_for_what_the_shop_does_not_have(client: FlaskClient, path: str) -> None:
    """An unknown product, and a colour the product does not come in, are not found."""
    assert client.get(f"/pictures/{path}.svg").status_code == 404
