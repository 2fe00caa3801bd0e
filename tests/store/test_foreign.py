"""Foreign goods: a file is understood as a whole or refused as a whole, and importing it again changes only what changed."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from shop.settings import ROOT
from shop.store import catalogue, import_file, import_goods
from shop.store.catalogue import Filters
from shop.store.facets import Facet, find_facets
from shop.store.import_file import CannotImport, ForeignCatalogue
from shop.store.import_goods import Imported
from shop.store.models import Product, Variant
from tests.support.documents import document
from tests.support.many_goods import generated_goods
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import HOODIE, ONE_ENGINE, watching

LAMP: dict[str, Any] = {
    "slug": "desk-lamp",
    "name": "Desk Lamp",
    "category": "Lamps",
    "tagline": "Sheds light.",
    "description": "Shines on whatever is\nunder it.",
    "variants": [
        {"sku": "Desk-Lamp-RED", "options": {"Color": "Red", "cable": "2 m"}, "price": 4900, "availability": 5},
        {
            "sku": "desk-lamp-blue",
            "options": {"colour": "blue", "size": "L"},
            "price": 5900,
            "availability": "in_stock",
        },
    ],
}
STOOL = {
    "slug": "stool",
    "name": "Stool",
    "category": "stools",
    "variants": [{"sku": "stool", "price": 100, "availability": 0}],
}


def goods(*products: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A file of these products."""
    return {"currency": "EUR", "products": [deepcopy(product) for product in products], **changed}


def lamp(**changed: Any) -> dict[str, Any]:
    """The lamp, with other values."""
    return deepcopy(LAMP) | changed


def lamps_first(**changed: Any) -> dict[str, Any]:
    """The lamp, with other values of its first variant."""
    return lamp(variants=[LAMP["variants"][0] | changed, LAMP["variants"][1]])


def read(folder: Path, content: object) -> ForeignCatalogue:
    """A file's catalogue."""
    path = folder / "goods.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return import_file.read_catalogue(path)


def load(shop: ShopUnderTest, folder: Path, content: object) -> Imported:
    """Import a file."""
    parsed = read(folder, content)
    with shop.database.write() as db:
        return import_goods.load(db, parsed)


VARIANT = "product 'desk-lamp', variant 'Desk-Lamp-RED'"
REFUSED: dict[str, tuple[object, str]] = {
    "nothing": (b"", "This is not JSON: EOF"),
    "not JSON": (b'{"currency": "EUR", ', "This is not JSON: EOF"),
    "deeper than anything": (b"[" * 100_000, "This is not JSON: recursion limit"),
    "another encoding": (json.dumps(goods(lamp(name="Lámpara")), ensure_ascii=False).encode("latin-1"), "not JSON"),
    "half of a character": (b'{"currency": "\\ud800"}', "This is not JSON: "),
    "a list": ([], "Input should be an object"),
    "another currency": (goods(LAMP, currency="USD"), "currency: Input should be 'EUR'"),
    "no currency": ({"products": []}, "currency: Field required"),
    "a field that is not known": (goods(lamp(colour="red")), "product 'desk-lamp': colour: Extra inputs"),
    "a name that is missing": (goods({"slug": "x", "category": "y"}), "product 'x': name: Field required"),
    "a product without an id": (goods(LAMP, {"name": "x"}), "product no. 2: slug: Field required"),
    "a product that is a number": ({"currency": "EUR", "products": [5]}, "product no. 1: Input should be an object"),
    "an id with spaces": (goods(lamp(slug="Desk Lamp")), "product 'Desk Lamp': slug: String should match"),
    "an id that stands twice": (goods(LAMP, STOOL, LAMP), "product 'desk-lamp': slug: stands twice"),
    "no variants": (goods(lamp(variants=[])), "product 'desk-lamp': variants: List should have at least 1 item"),
    "a negative price": (goods(lamps_first(price=-1)), f"{VARIANT}: price: Input should be greater than or equal to 0"),
    "a price with decimals": (goods(lamps_first(price=49.5)), f"{VARIANT}: price: Input should be a valid integer"),
    "a price as text": (goods(lamps_first(price="4900")), f"{VARIANT}: price: Input should be a valid integer"),
    "an unknown availability": (goods(lamps_first(availability="soon")), f"{VARIANT}: availability: Input should be"),
    "a negative stock": (goods(lamps_first(availability=-2)), f"{VARIANT}: availability: Input should be"),
    "an option named twice": (goods(lamps_first(options={"color": "a", "Colour": "b"})), f"{VARIANT}: options: an opt"),
    "an option that is a list": (goods(lamps_first(options={"colour": ["a"]})), f"{VARIANT}: options: Input should be"),
    "options that are too long": (goods(lamps_first(options={"a": "x" * 40, "b": "y" * 40})), f"{VARIANT}: options: a"),
    "two variants alike": (
        goods(lamp(variants=[LAMP["variants"][0], LAMP["variants"][0] | {"sku": "other"}])),
        "two v",
    ),
    "a SKU that stands twice": (
        goods(LAMP, STOOL | {"variants": [LAMP["variants"][0]]}),
        "variant 'desk-lamp-red': sku",
    ),
    "an escape character": (goods(lamp(name="Desk\x1b[2J")), "product 'desk-lamp': name: holds a control character"),
    "a NUL": (goods(lamp(description="a\x00b")), "product 'desk-lamp': description: holds a control character"),
    "a name without end": (goods(lamp(name="x" * 81)), "product 'desk-lamp': name: String should have at most 80"),
}


@pytest.mark.parametrize(("content", "says"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_cannot_be_imported(tmp_path: Path, content: object, says: str) -> None:
    """It is refused before anything is written, with a sentence that names the product and the field."""
    with pytest.raises(CannotImport) as refused:
        read(tmp_path, content)
    assert says in refused.value.problems[0], refused.value.problems


def test_files_that_are_not_there_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, a folder, and one that is larger than the most: said so, and not read."""
    monkeypatch.setattr(import_file, "MOST_BYTES", 10_000)
    (tmp_path / "large.json").write_bytes(b" " * 10_001)
    for name, says in (("missing.json", "No such file"), ("", "cannot be read"), ("large.json", "too large")):
        with pytest.raises(CannotImport, match=says):
            import_file.read_catalogue(tmp_path / name)


def test_many_problems_are_told_together(tmp_path: Path) -> None:
    """All that is wrong is said at once, as far as anybody would read."""
    with pytest.raises(CannotImport) as refused:
        read(tmp_path, goods(*(lamp(slug=f"lamp-{number}", name="") for number in range(30))))
    assert len(refused.value.problems) == 21 and refused.value.problems[-1] == "… and 10 more."


def test_foreign_goods_are_goods(shop: ShopUnderTest, tmp_path: Path) -> None:
    """They are found, filtered, drawn as a parcel, put into a cart and ordered like ours; options are colour and size."""
    assert load(shop, tmp_path, goods(LAMP, STOOL)) == Imported(added=2)
    with shop.database.read() as db:
        (found,) = catalogue.search(db, Filters(query="shinse lamps", category="lamp", colour="red")).matches
        assert [(v.sku, v.colour, v.size, v.stock) for v in found.variants] == [
            ("desk-lamp-red", "red", "cable 2 m", 5)
        ]
        assert found.variants[0].picture == "/pictures/plain/parcel.svg"
        stool = catalogue.find_product(db, "stool").variants[0]
        assert (stool.colour, stool.size, stool.stock) == ("one colour", "one size", 0)
        assert catalogue.categories(db)[-2:] == ["lamps", "stools"]
    sofia = shop.sign_in(SOFIA)
    cart = sofia.call("add_to_cart", sku="desk-lamp-blue").for_model()["result"]
    assert cart["lines"][0]["picture"] == "/pictures/plain/parcel.svg"
    shown = shop.gateway.show(sofia.principal(), "place_order", {})
    order = sofia.call("place_order", shown[1]).for_model()["result"]  # type: ignore[index]
    assert (order["lines"][0]["picture"], order["total"]["text"]) == ("/pictures/plain/parcel.svg", "€59.00")


def test_importing_again_updates_and_carts_go_on(shop: ShopUnderTest, tmp_path: Path) -> None:
    """A changed price is the cart's price, a variant no longer listed is sold out, and what is the same is not touched."""
    load(shop, tmp_path, goods(LAMP, STOOL))
    sofia = shop.sign_in(SOFIA)
    sofia.call("add_to_cart", sku="desk-lamp-red")
    with watching(shop) as seen:
        assert load(shop, tmp_path, goods(LAMP, STOOL)) == Imported(unchanged=2)
    assert seen.changed == set()
    dearer = lamp(name="Desk Lantern", variants=[LAMP["variants"][1] | {"price": 6100}])
    assert load(shop, tmp_path, goods(dearer, STOOL)) == Imported(updated=1, unchanged=1)
    with shop.database.read() as db:
        stocks = dict(db.execute(select(Variant.sku, Variant.stock).where(Variant.product_slug == "desk-lamp")).all())
        assert stocks == {"desk-lamp-red": 0, "desk-lamp-blue": 100}
        assert [m.product.slug for m in catalogue.search(db, Filters(query="lantern")).matches] == ["desk-lamp"]
    lines = sofia.call("view_cart").for_model()["result"]["lines"]
    assert [(line["sku"], line["name"]) for line in lines] == [("desk-lamp-red", "Desk Lantern")]


@ONE_ENGINE
@pytest.mark.parametrize(
    ("product", "says"),
    [
        (lamp(slug="context-tee"), "product 'context-tee': slug: is one of the shop's own products"),
        (lamps_first(sku=HOODIE.upper()), f"variant '{HOODIE}': sku: belongs to product 'long-context-hoodie' already"),
    ],
)
def test_the_shops_own_goods_are_not_overwritten(
    shop: ShopUnderTest, tmp_path: Path, product: dict[str, Any], says: str
) -> None:
    """A file that takes one of our ids is refused by the command, which says so, and nothing of it is in the shop."""
    path = tmp_path / "goods.json"
    path.write_text(json.dumps(goods(STOOL, product)))
    with watching(shop) as seen:
        result = shop.app.test_cli_runner().invoke(args=["import-catalogue", str(path)])
    assert result.exit_code == 1 and "Nothing was imported." in result.output and says in result.output
    assert (seen.changed, seen.names) == (set(), [])


@pytest.mark.holds("I5")
def test_ten_thousand_products(shop: ShopUnderTest, tmp_path: Path) -> None:
    """They come in by the command with one event, are searched at once, and a reset removes them with everything else."""
    path = tmp_path / "goods.json"
    path.write_text(json.dumps(generated_goods(10_000)))
    runner = shop.app.test_cli_runner()
    result = runner.invoke(args=["import-catalogue", str(path)])
    assert result.output == "10000 products added, 0 updated, 0 unchanged.\n", result.output
    event = shop.chain("system")[-1]
    assert (event.name, event.content["facts"]["added"]) == ("catalogue.imported", 10_000)
    with shop.database.read() as db:
        page = catalogue.search(db, Filters(colour="black", in_stock=True, sort="price_up", limit=5))
        assert (len(page.matches), page.count, page.is_exact) == (5, 200, False)
        prices = [min(variant.price for variant in match.variants) for match in page.matches]
        assert prices == sorted(prices) and prices[0] == 500
        facets = find_facets(db, Filters(query="chairs"))
        assert Facet("chairs", 100, is_exact=False) in facets.categories
    runner.invoke(args=["reset"])
    with shop.database.read() as db:
        assert db.scalar(select(func.count()).select_from(Product).where(~Product.drawn)) == 0
        assert catalogue.search(db, Filters(category="chairs")).count == 0


def test_the_schema_is_that_of_the_models() -> None:
    """The published schema is generated: `python -m shop.store.import_file > seed_data/catalogue.schema.json`."""
    published = json.loads((ROOT / "seed_data" / "catalogue.schema.json").read_text(encoding="utf-8"))
    assert published == import_file.schema()


def test_the_documents_example_can_be_imported(tmp_path: Path) -> None:
    """What `docs/own-goods.md` shows is a catalogue."""
    (example,) = document("docs/own-goods.md").blocks("json")
    assert [product.slug for product in read(tmp_path, example.encode()).products] == ["desk-lamp"]
