"""What a search costs as the catalogue grows: the slowest of a mix of queries on 10,000 products, against 100."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from shop import create_app
from shop.settings import Settings
from shop.store import catalogue, import_goods
from shop.store.catalogue import Filters
from shop.store.facets import find_facets
from shop.store.import_file import ForeignCatalogue
from tests.bench.figure import Figure
from tests.bench.ground import Ground, ground
from tests.support.many_goods import generated_goods

T = TypeVar("T")
_LIMIT = 6
MIX: dict[str, Filters] = {
    "everything": Filters(in_stock=True),
    "a category": Filters(category="lamps"),
    "a colour and a size": Filters(colour="black", size="M", in_stock=True),
    "a word": Filters(query="loren"),
    "two words": Filters(query="loren chairs", in_stock=True),
    "words and filters": Filters(query="black hoodies", size="L", max_price=6000, in_stock=True),
    "the beginning of a word": Filters(query="lo"),
    "a misspelt word": Filters(query="lorem hodie"),
    "a word that nothing has": Filters(query="submarine"),
    "cheapest first": Filters(colour="blue", sort="price_up", in_stock=True),
    "dearest first": Filters(query="zudor", sort="price_down"),
    "a rare price": Filters(min_price=8900),
    "by name": Filters(category="mugs", sort="name"),
    "the newest": Filters(sort="newest"),
    "a later page": Filters(query="chairs", offset=96),
}
"""A named mix: each is one search, with its count, and the facets beside it."""


def search_growth(rounds: int = 12) -> Figure:
    """95th percentile of the mix by the catalogue's own function, on 10,000 products against 100."""
    with ground() as few, ground() as many:
        _stock(few, 100)
        _stock(many, 10_000)
        small, large = _percentiles(partial(_ask, few), partial(_ask, many), MIX.values(), rounds)
    how = f"{len(MIX)} searches with filters, counts and facets, in one process: {large * 1e3:.1f} ms on 10,000 products, {small * 1e3:.1f} ms on 100; {rounds} rounds in turns"
    return Figure("search p95 on 10,000 products against 100", large / small, _LIMIT, "×", how)


PAGES = {
    "everything": "",
    "a category": "category=lamps",
    "a colour and a size": "colour=black&size=M",
    "two words": "q=loren+chairs",
    "words and filters": "q=black+hoodies&size=L&max_price=60",
    "a misspelt word": "q=lorem+hodie",
}


def search_page_growth(rounds: int = 12) -> Figure:
    """The same over HTTP: the page of a search, as a visitor's browser gets it."""
    with ground() as few, ground() as many:
        _stock(few, 100)
        _stock(many, 10_000)
        small, large = _percentiles(_visit(few), _visit(many), PAGES.values(), rounds)
    how = f"`/?q=…`, {len(PAGES)} searches, rendered by the app in one process: {large * 1e3:.1f} ms on 10,000 products, {small * 1e3:.1f} ms on 100; {rounds} rounds in turns"
    return Figure("search page p95 on 10,000 products against 100", large / small, _LIMIT, "×", how)


def _visit(shop: Ground) -> Callable[[str], None]:
    url = shop.database.url.render_as_string(hide_password=False)
    settings = Settings(data_dir=shop.folder, database_url=url, secret_key="of no use to anyone but this measurement")
    client = create_app(settings).test_client()

    def visit(query: str) -> None:
        page = client.get(f"/?{query}")
        if page.status_code != 200:
            raise RuntimeError(page.status)

    return visit


def _stock(shop: Ground, number: int) -> None:
    goods = ForeignCatalogue.model_validate(generated_goods(number))
    with shop.database.write() as db:
        import_goods.load(db, goods)


def _ask(shop: Ground, filters: Filters) -> None:
    with shop.database.read() as db:
        catalogue.search(db, filters)
        find_facets(db, filters)


def _percentiles(
    first: Callable[[T], None], second: Callable[[T], None], mix: Collection[T], rounds: int
) -> tuple[float, float]:
    """95th percentiles of the seconds that the mix takes on two grounds, in turns, so that both meet the same machine."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for one in mix:
            for ask, times in zip((first, second), taken, strict=True):
                start = time.perf_counter()
                ask(one)
                if number:  # the first round warms up
                    times.append(time.perf_counter() - start)
    small, large = (statistics.quantiles(times, n=20)[-1] for times in taken)
    return small, large
