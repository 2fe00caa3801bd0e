"""The slots of a clause: what its words say of the thing, how many of it, at what price, and where to."""

from collections.abc import Iterable
from typing import Final

from shop.companions.offline_model.clauses import Clause, Intent, Pick
from shop.companions.offline_model.lexicon import PURPOSES, SECOND_CHOICES
from shop.companions.offline_model.naming import NOISE, all_names, first_name
from shop.companions.offline_model.splitting import LEFT_OUT
from shop.companions.offline_model.tokens import NAME, Token

_GROUP: Final = frozenset(
    {"team", "everyone", "everybody", "us", "colleagues", "office", "group", "people", "persons", "friends"}
)
_BY_PURPOSE: Final = list(dict.fromkeys(PURPOSES.values()))


def slots(intent: Intent, tokens: list[Token]) -> Clause:
    """The clause that `tokens` say, given what they ask for."""
    address = _address(intent, tokens)
    for_group, tokens = _without_group([token for token in tokens if token.text not in address])
    tags = {token.tag for token in tokens}
    fixes = bool(tags & {"NO", "FIX"})
    # What sets something right says both, what was wrong and what is right: "L, no, M".
    latest = -1 if fixes or intent is Intent.CHANGE else 0

    def value(tag: str, place: int = latest) -> Token | None:
        found = [token for token in tokens if token.tag == tag]
        return found[place] if found else None

    kind, size, step = value("CATEGORY"), value("SIZE"), value("STEP")
    lowest, highest = _prices(tokens)
    colour = value("COLOUR")
    order_number, sku = value("ORDER_NUMBER"), value("SKU")
    return Clause(
        intent,
        names=all_names(tokens) if intent is Intent.COMPARE else first_name(tokens),
        categories=_categories(tokens),
        category_word=kind.text if kind else None,
        colours=colour.value if colour and isinstance(colour.value, tuple) else (),
        size=str(size.value) if size else None,
        size_step=step.number if step else 0,
        min_price=lowest,
        max_price=highest,
        sort=_sort(tokens),
        quantity=_quantity(tokens),
        pick=_pick(tokens),
        refers=bool(tags & {"IT", "ONE", "ONES"}),
        this=any(token.text in {"this", "these"} for token in tokens),
        some="SOME" in tags,
        any=any(token.text in {"any", "anything"} for token in tokens),
        asks="ASKED" in tags,
        joins="ALSO" in tags,
        adds=bool(tags & {"ADD", "BUY", "MORE"}),
        again="AGAIN" in tags,
        all=bool(tags & {"ALL", "EACH"}),
        more="MORE" in tags,
        for_group=for_group or "TOTAL" in tags,
        asks_price="PRICE" in tags or {"how", "much"} <= tags,
        asks_stock="STOCK" in tags or {"how", "many"} <= tags,
        latest="LAST" in tags,
        of_order="ORDER" in tags,
        fixes=fixes,
        without=_without(tokens, said=tags),
        polite=any(token.text == "please" for token in tokens),
        order_number=str(order_number.value) if order_number else None,
        sku=sku.text if sku else None,
        address=address,
    )


def _categories(tokens: list[Token]) -> tuple[str, ...]:
    """The kinds that are named; else those that serve the purpose that is named, the most particular purpose first."""
    unwanted = _unwanted(tokens)
    kinds = dict.fromkeys(
        str(token.value) for token in tokens if token.tag == "CATEGORY" and token.value not in unwanted
    )
    if kinds:
        return tuple(kinds)
    purposes = [token.value for token in tokens if token.tag == "PURPOSE" and isinstance(token.value, tuple)]
    served = min(purposes, key=_BY_PURPOSE.index, default=())
    wanted = tuple(kind for kind in served if kind not in unwanted)
    return wanted or (tuple(kind for kind in SECOND_CHOICES if kind not in unwanted) if served else ())


def _without(tokens: list[Token], said: set[str]) -> tuple[str, ...]:
    """What is not wanted, unless what is wanted of that sort is named anyway: "no hoodies, only tees"."""
    return _unwanted(token for token in tokens if token.text not in said)


def _unwanted(tokens: Iterable[Token]) -> tuple[str, ...]:
    values = (token.value for token in tokens if token.tag == LEFT_OUT and isinstance(token.value, tuple))
    return tuple(dict.fromkeys(one for value in values for one in value))


def _prices(tokens: list[Token]) -> tuple[int | None, int | None]:
    """The lowest and the highest price that are named."""
    tags = [token.tag for token in tokens]
    amounts = [token.number for token in tokens if token.tag == "MONEY"]
    if len(amounts) > 1 and ("BETWEEN" in tags or "OVER" in tags or "to" in tags or "MARK" in tags):
        return min(amounts), max(amounts)
    if not amounts:
        return None, _price_without_unit(tokens)
    if "OVER" in tags and "UNDER" not in tags:
        return amounts[-1], None
    if any(token.text in {"around", "about", "roughly", "circa"} for token in tokens):
        return amounts[-1] * 4 // 5, amounts[-1] * 6 // 5
    return None, amounts[-1]


def _price_without_unit(tokens: list[Token]) -> int | None:
    """ "black hoodies for 60 or less", "max 60", "<50" without a unit."""
    for place, token in enumerate(tokens):
        near = {other.tag for other in tokens[max(0, place - 1) : place + 3]}
        if token.tag == "NUMBER" and token.text.isdigit() and "UNDER" in near:
            return token.number * 100
    return None


def _sort(tokens: list[Token]) -> str | None:
    for token in tokens:
        if token.tag == "PRICED":
            return "price_up" if token.value == "lowest" else "price_down"
        if token.tag == "NEWEST":
            return "newest"
        if token.text == "alphabetical":
            return "name"
    return None


def _quantity(tokens: list[Token]) -> int | None:
    """How many: the last number that counts things. "the first two" and "the two mugs" count nothing."""
    counts = [
        token.number
        for place, token in enumerate(tokens)
        if token.tag == "NUMBER" and not (place and tokens[place - 1].tag in {"ORDINAL", "LAST", "the", "size"})
    ]
    if not counts and any(token.text == "another" for token in tokens):
        return 1
    return counts[-1] if counts else None


def _pick(tokens: list[Token]) -> Pick:
    """Which of the things that were shown."""
    tags = [token.tag for token in tokens]
    places, first = list[int](), 0
    for place, token in enumerate(tokens):
        behind = tags[place + 1] if place + 1 < len(tags) else ""
        if token.tag in {"ORDINAL", "LAST"} and behind == "NUMBER":
            first = tokens[place + 1].number * (-1 if token.tag == "LAST" else 1)
        elif token.tag == "the" and behind == "NUMBER":
            first = tokens[place + 1].number
        elif token.tag == "ORDINAL":
            places.append(token.number)
        elif token.tag == "LAST" and behind in {"ONE", "", "MARK", "IT", "in", "and"} and "ORDER" not in tags:
            places.append(-1)
    if "COMPARE" in tags and not places and not first:
        # "Compare 1 and 2": numbers are places here.
        small = [token for token in tokens if token.tag in {"NUMBER", "MONEY"} and token.text.isdecimal()]
        places = [int(token.text) for token in small if len(token.text) < 3]
    if "BOTH" in tags:
        first = 2
    priced = next((token for token in tokens if token.tag == "PRICED"), None)
    definite = "the" in tags or (bool({"ONE", "IT", "of"} & set(tags)) and not {"SOME", "ONES"} & set(tags))
    return Pick(
        places=tuple(dict.fromkeys(places[-1:] if {"NO", "FIX"} & set(tags) else places)),
        first=first,
        by_price=str(priced.value) if priced and definite and not places else "",
        every="EACH" in tags or _means_all(tokens),
        other="OTHER" in tags,
    )


def _means_all(tokens: list[Token]) -> bool:
    """ "all of them", "all three", "add everything"; but "is that everything?" points at nothing."""
    texts, tags = {token.text for token in tokens}, {token.tag for token in tokens}
    return ("all" in texts and bool(tags & {"of", "IT", "NUMBER", "WANT"})) or ("ALL" in tags and "ADD" in tags)


def _address(intent: Intent, tokens: list[Token]) -> tuple[str, ...]:
    """The words behind the last "to" of "ship it to the office", or the name in "ship it home"."""
    tags = [token.tag for token in tokens]
    if intent is not Intent.CHECK_OUT or not {"to", "SHIP", "CHECKOUT", "ADDRESS"} & set(tags):
        return ()
    behind = tokens[len(tags) - tags[::-1].index("to") :] if "to" in tags else tokens
    return tuple(token.text for token in behind if token.tag in {NAME, NOISE})


def _without_group(tokens: list[Token]) -> tuple[bool, list[Token]]:
    """Whether the clause says for whom ("for the team", "for 4 people"), and its tokens without these words, but the number."""
    for place, token in enumerate(tokens):
        group = next((at for at in range(place + 1, min(place + 4, len(tokens))) if tokens[at].text in _GROUP), None)
        if token.tag == "for" and group is not None:
            return True, [
                *tokens[:place],
                *(one for one in tokens[place:group] if one.tag == "NUMBER"),
                *tokens[group + 1 :],
            ]
    return False, tokens
