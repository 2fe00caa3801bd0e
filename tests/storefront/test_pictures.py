"""The pictures of the goods, their colours, and the public routes that serve them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.storefront.palette import LEAST_CONTRAST, PALETTE, TINTS, contrast, print_tone
from shop.storefront.pictures import PARCEL, Pictured, create, load_motifs
from shop.storefront.studio import Motif, Studio
from tests.pictures_sheet import contact_sheet

SEED = Path(__file__).parents[2] / "seed_data"
DRAWINGS = sorted(p.stem for p in (SEED / "pictures").glob("*.svg") if not p.stem.startswith("_"))
SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 12_000
STAGES = ("#f2ede4", "#39342b")
"""What the light and the dark page put behind a picture."""
_PRODUCTS = load_motifs(SEED) | {"parcel": Pictured("A parcel", ("sand",), PARCEL)}


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(SEED)


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(create(SEED))
    return app.test_client()


def drawn(studio: Studio) -> Iterator[tuple[str, str, str]]:
    """(slug, colour, picture) of everything the shop shows."""
    for slug, product in _PRODUCTS.items():
        for colour in product.colours:
            yield slug, colour, studio.render_picture(product.motif, colour, title=f"{slug} & {colour}")


def is_self_contained(picture: str) -> bool:
    """Whether a picture is well-formed, has a name to be read out, runs nothing, and reaches for nothing outside."""
    root = ElementTree.fromstring(picture)
    title = root.find(f"{SVG}title")
    named = title is not None and bool(title.text) and title.get("id") == root.get("aria-labelledby")
    framed = (root.get("viewBox"), root.get("role")) == ("0 0 400 400", "img")
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    attributes = [item for element in root.iter() for item in element.attrib.items()]
    return (
        named
        and framed
        and tags.isdisjoint({"script", "image", "foreignObject", "style", "a"})
        and not any(name.startswith("on") for name, _ in attributes)
        and all(value.startswith("#") for name, value in attributes if name.endswith("href"))
        and set(re.findall(r"url\((.)", picture)) <= {"#"}
    )


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_every_drawing_can_be_had_in_every_colour_with_any_print(studio: Studio, drawing: str) -> None:
    """A person may put any drawing, colour and short print together; what comes out is a self-contained document."""
    for colour in PALETTE:
        motif = Motif(drawing=drawing, print=("ok", "go"), tint="rust")
        assert is_self_contained(studio.render_picture(motif, colour, title=f"A {drawing} & more")), colour


def test_every_product_is_a_small_self_contained_picture_in_every_colour(studio: Studio) -> None:
    """Everything the catalogue sells, in its own style, and the parcel: whole documents of under 12 kB."""
    for slug, colour, picture in drawn(studio):
        assert is_self_contained(picture), (slug, colour)
        assert len(picture.encode()) < MOST_BYTES, (slug, colour)


def test_every_product_looks_like_itself(studio: Studio) -> None:
    """No two of the shop's pictures are the same, and a drawing is not there for nothing."""
    pictures = [re.sub(r"p[0-9a-f]{5}-|<title.*</title>", "", picture) for _, _, picture in drawn(studio)]
    assert len(set(pictures)) == len(pictures)
    assert {product.motif.drawing for product in _PRODUCTS.values()} == set(DRAWINGS)


def test_the_same_motif_and_colour_give_the_same_bytes(studio: Studio) -> None:
    """A picture depends on nothing but the files: another studio, drawing in another order, draws the same."""
    again = {(slug, colour): picture for slug, colour, picture in reversed(list(drawn(Studio(SEED))))}
    for slug, colour, picture in drawn(studio):
        assert again[slug, colour] == picture


def test_every_reference_is_to_an_id_of_the_same_picture_and_ids_are_unique_across_the_shop(studio: Studio) -> None:
    """Pictures of different goods can stand in one page: no id is used twice, and each refers only to its own."""
    seen: set[str] = set()
    for slug, colour, picture in drawn(studio):
        ids = re.findall(r' id="([^"]+)"', picture)
        assert len(ids) == len(set(ids)), slug
        assert set(re.findall(r'(?:url\(|href=")#([^")]+)', picture)) <= set(ids), slug
        assert seen.isdisjoint(ids), (slug, colour)
        seen.update(ids)


def test_every_letter_of_the_alphabet_is_drawn_with_relative_commands(studio: Studio) -> None:
    """A line of text is one path only if no letter goes to an absolute place."""
    assert set("abcdefghijklmnopqrstuvwxyz0123456789.⊆_>{}") <= set(studio.letters)
    assert not [name for name, path in studio.letters.items() if re.search("[A-Z]", path)]


@pytest.mark.parametrize("colour", PALETTE)
def test_a_garment_stays_visible_on_the_light_and_on_the_dark_page(colour: str) -> None:
    """Black on the dark page, bone on the light one: fabric, lit fabric or outline stands out by 3:1 (WCAG §1.4.11)."""
    tones = PALETTE[colour]
    for stage in STAGES:
        assert max(contrast(tone, stage) for tone in (tones.fabric, tones.light, tones.line)) >= LEAST_CONTRAST, stage


@pytest.mark.parametrize("colour", PALETTE)
def test_a_print_never_vanishes_into_its_fabric(colour: str) -> None:
    """Every tint on every fabric can be read; one that could not (rust on rust) falls back to the plain print tone."""
    tones = PALETTE[colour]
    assert contrast(tones.print, tones.fabric) >= 4.5
    for tint, (on_dark, on_light) in TINTS.items():
        tone = print_tone(tint, tones)
        assert contrast(tone, tones.fabric) >= LEAST_CONTRAST, tint
        assert tone in {on_dark if tones.dark else on_light, tones.print}, tint
    assert print_tone("rust", PALETTE["rust"]) == PALETTE["rust"].print
    assert print_tone("rust", PALETTE["black"]) == TINTS["rust"][0]


def test_the_contact_sheet_shows_everything_on_both_pages(studio: Studio) -> None:
    """The sheet that people look at leaves nothing out."""
    shown = contact_sheet()
    assert shown.count("<svg ") == shown.count("<figcaption>") == 2 * sum(1 for _ in drawn(studio))
    assert all(shown.count(f"background: {stage}") == 1 for stage in STAGES)


def test_the_route_serves_a_picture_for_everyone_to_cache(client: FlaskClient) -> None:
    """A picture is served to anyone, cacheable, as an image that may load nothing; so is the plain parcel."""
    for path, title in (("long-context-hoodie/black", "Long Context, black"), ("plain/parcel", "A parcel")):
        response = client.get(f"/pictures/{path}.svg")
        assert response.status_code == 200, path
        assert response.mimetype == "image/svg+xml"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.cache_control.public and response.cache_control.max_age == 86_400
        assert "Set-Cookie" not in response.headers
        assert f">{title}</title>" in response.text


@pytest.mark.parametrize("path", ["context-tee/ink", "plain/parcel"])
def test_the_route_answers_304_when_nothing_changed(client: FlaskClient, path: str) -> None:
    """A client that has the picture already is told so without being sent it again."""
    etag = client.get(f"/pictures/{path}.svg").headers["ETag"]
    again = client.get(f"/pictures/{path}.svg", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "no-such-thing/black",
        "context-tee/navy",
        "context-tee/no-such-colour",
        "_frame/black",
        "plain/sand",
        "context-tee/%2e%2e",
    ],
)
def test_the_route_answers_404_for_what_the_shop_does_not_have(client: FlaskClient, path: str) -> None:
    """An unknown product, and a colour the product does not come in, are not found."""
    assert client.get(f"/pictures/{path}.svg").status_code == 404
