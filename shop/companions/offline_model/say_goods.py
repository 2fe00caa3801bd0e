"""What the offline model says of products: what was found, what one is like, how several differ, which one is meant."""

from collections.abc import Iterable, Sequence
from typing import Final

from shop.companions.offline_model.clauses import Clause
from shop.companions.offline_model.conversation import Json
from shop.companions.offline_model.memory import amount_of, count_of, distinct, in_stock, objects, variants_like
from shop.companions.offline_model.say import Said
from shop.companions.offline_model.wording import listing, lowest, money, number, wish

WHICH: Final = Said("Which one do you mean?", go_on=False)
COMPARE_WHICH: Final = Said("Which two shall I compare?", go_on=False)
NOTHING_LEFT_OUT: Final = Said(
    "I can't leave anything out of a search here. Tell me what you'd like instead.", go_on=False
)
TOO_MUCH_LEFT_OUT: Final = Said("I can leave out up to four things in one search. Which four matter most?", go_on=False)
_MOST_NAMED: Final = 5
_EXTREMES: Final = {"price_up": "The least expensive", "price_down": "The most expensive"}


def found(results: Sequence[Json], clause: Clause) -> Said:
    """How many fit, and where they begin; the cards show which."""
    products = [product for result in results for product in objects(result.get("products"))]
    count = sum(count_of(result, "count") for result in results)
    corrected = next((result["corrected_query"] for result in results if result.get("corrected_query")), None)
    read_as = f"I took that as “{corrected}”. " if corrected else ""
    if count == 0:
        asked = " ".join(filter(None, [*clause.colours[:1], *clause.words]))
        that = f"“{asked}”" if asked else "that"
        return Said(
            f"Nothing in stock fits {that}, I'm afraid. Try it with another colour, size or price.", go_on=False
        )
    stock = wish(None if clause.size else clause.colour, clause.size)
    if count == 1 and products:
        only = f"One fits: **{products[0].get('name')}**, {money(products[0].get('price'))}."
        return Said(f"{read_as}{only} It is in stock {stock}." if stock else read_as + only)
    some = f"; here are {number(len(products))}" if len(products) < count else ""
    exact = all(result.get("count_is_exact", True) for result in results)
    said = f"{'' if exact else 'More than '}{number(count)} fit".capitalize() + some
    if clause.sort in _EXTREMES and len(results) == 1 and products:
        said += f". {_EXTREMES[clause.sort]} is **{products[0].get('name')}**, {money(products[0].get('price'))}."
    else:
        # Of those that are not shown, nothing is known.
        said += f", the least expensive of these at {lowest(products)}." if some else f", from {lowest(products)}."
    if some:
        return Said(read_as + said, offer="Say “show me more” for the rest.")
    return Said(f"{read_as}{said} All are in stock {stock}." if stock else read_as + said)


def found_wider(result: Json, clause: Clause, without: Iterable[str]) -> Said:
    """Nothing fitted all that was asked, and this is what is there without some of it."""
    count = count_of(result, "count")
    there = f"there {'is' if count == 1 else 'are'} {number(count)}"
    dropped = _wishes(clause) if "query" not in without else [f"“{' '.join(clause.names)}”"]
    return Said(f"Nothing in stock fits {listing(dropped, 'and')}. Without that {there}.")


def no_more(count: int) -> Said:
    """The last search has no further page."""
    return Said(f"That was all: {number(count)} in all." if count else "There is nothing more to show.")


def details(product: Json, clause: Clause) -> Said:
    """A product in two lines, or the answer to what was asked about it: its price, its stock, or one of its variants."""
    name, price = f"**{product.get('name')}**", money(product.get("price"))
    stocked = in_stock(product)
    if clause.colour or clause.size:
        return Said(_availability(name, stocked, clause))
    if clause.asks_price:
        return Said(f"{name} is {price}.")
    if clause.asks_stock:
        return Said(f"{name}: {_left(stocked)}")
    tagline = str(product.get("tagline", "")).rstrip(".")
    return Said(" ".join(filter(None, (f"{name}, {price}.", f"{tagline}." if tagline else "", _in_stock(stocked)))))


def compared(result: Json) -> Said:
    """How compared products differ in price; the card sets the rest side by side."""
    return side_by_side(objects(result.get("products")))


def side_by_side(products: Sequence[Json]) -> Said:
    """The products' prices next to each other, and which of them is the lowest."""
    by_price = sorted(products, key=amount_of)
    prices = listing((f"**{product.get('name')}** {money(product.get('price'))}" for product in products), "and")
    if len(by_price) < 2 or amount_of(by_price[0]) == amount_of(by_price[-1]):
        return Said(f"Side by side: {prices}. They cost the same.")
    return Said(f"Side by side: {prices}. {by_price[0].get('name')} is the less expensive one.")


def not_in_stock(product: Json, colour: str | None, size: str | None) -> Said:
    """The variant that was asked for is not there, and this is what is."""
    said = f"**{product.get('name')}** is not in stock {wish(colour, size)}".rstrip()
    return Said(f"{said}. {_in_stock(in_stock(product))}", go_on=False)


def ask_variant(product: Json, variants: Sequence[Json]) -> Said:
    """The one short question that is left: which colour, which size, or both."""
    name, colours, sizes = f"**{product.get('name')}**", distinct(variants, "colour"), distinct(variants, "size")
    if len(colours) > 1 and len(sizes) > 1:
        return Said(
            f"{name} in which colour ({listing(colours, 'or')}) and size ({listing(sizes, 'or')})?", go_on=False
        )
    kind, choices = ("colour", colours) if len(colours) > 1 else ("size", sizes)
    return Said(f"{name} in which {kind}: {listing(choices, 'or')}?", go_on=False)


def ask_which(things: Iterable[Json]) -> Said:
    """Which of several is meant."""
    names = [str(thing.get("name")) for thing in things]
    more = names[_MOST_NAMED:]
    return Said(f"Which one: {listing([*names[:_MOST_NAMED], *(['another'] if more else [])], 'or')}?", go_on=False)


def too_far(count: int) -> Said:
    """Something was pointed at that is not there."""
    return Said(f"I showed {number(count)}. Which one do you mean?", go_on=False)


def nothing_called(words: str, others: Sequence[Json] = ()) -> Said:
    """The shop has nothing of that name; `others` are of the same kind."""
    called = f"“{words}”" if words else "that"
    if others:
        return Said(f"I can't find {called} in the shop. {ask_which(others).text}", go_on=False)
    return Said(f"I can't find {called} in the shop. “What do you sell?” shows what there is.", go_on=False)


def _wishes(clause: Clause) -> list[str]:
    under = f"under €{clause.max_price // 100}" if clause.max_price is not None else None
    over = f"over €{clause.min_price // 100}" if clause.min_price is not None else None
    return [wish for wish in (clause.colour, f"size {clause.size}" if clause.size else None, over, under) if wish]


def _availability(name: str, stocked: list[Json], clause: Clause) -> str:
    fitting = variants_like(stocked, clause.colours, clause.size)
    if not fitting:
        return f"No, {name} is not in stock {wish(clause.colour, clause.size)}. {_in_stock(stocked)}"
    colour = str(fitting[0].get("colour")) if clause.colour else None
    colours = distinct(fitting, "colour") if not colour else []
    others = f" ({listing(colours, 'and')})" if colours and colours != ["None"] else ""
    return f"Yes, {name} is in stock {wish(colour, clause.size)}{others}."


def _left(stocked: list[Json]) -> str:
    counts = [variant.get("stock") for variant in stocked]
    left = sum(count for count in counts if isinstance(count, int))
    return f"{left} in stock in all. {_in_stock(stocked)}" if left else _in_stock(stocked)


def _in_stock(variants: list[Json]) -> str:
    if not variants:
        return "It is sold out."
    sizes = [size for size in distinct(variants, "size") if size not in {"one size", "None"}]
    colours = [colour for colour in distinct(variants, "colour") if colour != "None"]
    return f"In stock in {listing(colours, 'and')}{'; ' + listing(sizes, 'and') if sizes else ''}."
