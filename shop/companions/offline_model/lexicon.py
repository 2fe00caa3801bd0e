"""The words the offline model knows: tables, and nothing that decides.

Each word has a *tag*, its class for the rules (`ADD`, `COLOUR`, `CART` …), and some a *value*, what it stands for
("green" is "moss", "dozen" is 12). A function word is its own tag. What is in no table is taken as part of a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Value = str | int | tuple[str, ...] | None


def words(written: str) -> frozenset[str]:
    """The words of a text, or the tags: a set of many small words reads best like this."""
    return frozenset(written.split())


NUMBERS: Final[dict[str, int]] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "couple": 2, "few": 3, "dozen": 12,
    "halfdozen": 6, "twice": 2,
}  # fmt: skip

ORDINALS: Final[dict[str, int]] = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "leftmost": 1, "rightmost": -1, "middle": 0,
}  # fmt: skip
"""Places among what was shown: from 1 on, or from -1 backwards; 0 is the middle."""

COLOURS: Final[dict[str, tuple[str, ...]]] = {
    # The shop's palette; then everyday names, each with the colours that it may mean, the likeliest first.
    **{name: (name,) for name in ("black", "ink", "bone", "rust", "moss", "navy", "plum", "sand", "sky", "sun")},
    "white": ("bone",), "cream": ("bone",), "ivory": ("bone",), "ecru": ("bone",), "offwhite": ("bone",),
    "green": ("moss",), "olive": ("moss",), "khaki": ("moss", "sand"),
    "purple": ("plum",), "violet": ("plum",), "burgundy": ("plum",), "maroon": ("plum",), "aubergine": ("plum",),
    "beige": ("sand",), "tan": ("sand",),
    "red": ("rust",), "orange": ("rust",), "terracotta": ("rust",),
    "blue": ("navy", "sky", "ink"), "darkblue": ("navy", "ink"), "marine": ("navy",), "midnight": ("navy", "ink"),
    "lightblue": ("sky",), "azure": ("sky",), "yellow": ("sun",), "golden": ("sun",), "anthracite": ("ink",),
    "charcoal": ("ink", "black"),
    # Colours that the shop may not have: they are asked for as they are, so that the shop can say no.
    **{name: (name,) for name in ("grey", "pink", "brown", "turquoise", "teal", "silver")}, "gray": ("grey",),
}  # fmt: skip

SIZES: Final[dict[str, str]] = {
    "xxs": "XXS", "xs": "XS", "s": "S", "small": "S", "m": "M", "medium": "M", "l": "L", "large": "L", "xl": "XL", "xxl": "XXL",
    "2xl": "XXL", "a2": "A2", "a3": "A3",
}  # fmt: skip
LADDER: Final = ("XS", "S", "M", "L", "XL", "XXL")
"""Sizes in order, for "one size up"."""

_CATEGORIES: Final[dict[str, str]] = {
    "hoodies": "hoodie hoodies hoody hoodys sweatshirt sweatshirts sweater sweaters jumper jumpers pullover pullovers",
    "tees": "tee tees shirt shirts tshirt tshirts",
    "beanies": "beanie beanies beany hat hats",
    "caps": "cap caps snapback",
    "socks": "sock socks",
    "mugs": "mug mugs cup cups",
    "bottles": "bottle bottles flask flasks thermos",
    "stickers": "sticker stickers decal decals",
    "notebooks": "notebook notebooks journal journals notepad notepads pad pads",
    "posters": "poster posters",
    "totes": "tote totes bag bags",
    "pins": "pin pins badge badges",
    "mats": "mat mats mousemat mousepad deskmat",
}
CATEGORIES: Final = {word: category for category, listed in _CATEGORIES.items() for word in listed.split()}

_PURPOSES: Final[dict[str, str]] = {
    # What it is for, in the kinds of goods that serve it. The first purpose in this order that is named counts.
    "head ears ear": "beanies",
    "feet foot toes ankles": "socks",
    "coffee tea espresso cocoa": "mugs",
    "water hydrated gym": "bottles",
    "drink drinking sip thirsty": "mugs bottles",
    "laptop macbook": "stickers",
    "wall walls decorate decoration": "posters",
    "write writing notes sketch scribble": "notebooks",
    "carry carrying groceries": "totes",
    "lapel backpack jacket lanyard": "pins",
    "keyboard mouse": "mats",
    "warm warmer cosy cozy cold winter freezing chilly": "hoodies",
    "wear wearing": "tees hoodies",
}
SECOND_CHOICES: Final = ("beanies", "socks")
"""The kinds that are shown where those that serve a purpose best are not wanted."""
PURPOSES: Final = {word: tuple(kinds.split()) for listed, kinds in _PURPOSES.items() for word in listed.split()}

_WORDS_BY_TAG: Final[dict[str, str]] = {
    # Wishes that change something.
    "ADD": "add put include throw toss pop chuck stick",
    "WANT": "want wants wanted need needs take grab give get love",
    "REMOVE": "remove delete drop lose scrap ditch bin dump kick rm forget skip omit",
    "CLEAR": "empty clear",
    "CHANGE": "make change set update switch swap replace exchange increase reduce decrease raise lower adjust",
    "CANCEL": "cancel abort",
    "BUY": "buy purchase",
    "CHECKOUT": "checkout pay proceed",
    "SHIP": "ship send deliver",
    "REORDER": "reorder",
    "UNDO": "undo revert mistake scratch",
    "LATER": "later",
    "PUTBACK": "putback",
    # Wishes to look.
    "SHOW": "show view open select find search browse list recommend suggest sell display searching",
    "SOME": "popular bestseller bestsellers trending any anything something whatever stuff things",
    "TELL": "tell describe details detail info describes explain",
    "SEE": "see sees seeing read reads reading look",
    "COMPARE": "compare comparison difference differ differences diff versus vs",
    "BETTER": "better best nicer",
    "SIMILAR": "similar alternatives alternative",
    "WHY": "why",
    # What is spoken of.
    "CART": "cart basket trolley",
    "ORDER": "order parcel package",
    "ORDERS": "orders ordered purchases",
    "ADDED": "added removed emptied confirmed",
    "ARRIVE": "sent cancelled canceled placed shipped delivered dispatched arrive arrives arrived arriving tracking eta track",
    "LAST": "last latest recent previous",
    "NEWEST": "newest new newer",
    "ADDRESS": "address addresses",
    "MORE": "more another extra",
    "LESS": "fewer",
    "ALL": "everything all",
    "EACH": "each every",
    "BOTH": "both",
    "OTHER": "other",
    "IT": "it they that this them those these thing",
    "ONES": "ones",
    "UNDER": "under below max maximum within budget",
    "OVER": "over above min minimum",
    "BETWEEN": "between",
    "PRICE": "price prices cost costs costing",
    "TOTAL": "total altogether subtotal",
    "STOCK": "stock available availability remaining",
    "CHOICES": "sizes colours colors",
    "LESS_THINGS": "except excluding",
    # What the assistant may do, and who listens.
    "ALLOWED": "allowed permitted permission permissions able",
    "OTHERS": "somebodyelse",
    "LIMIT": "limit spend",
    # What only a topic of the data answers, never the grammar.
    "BEYOND": """refused denied blocked rejected data private privacy confidential listening watching recorded recording logged
        spying people boss manager employer anyone anybody somebody someone others auditors robot bot machine ai real person
        chatbot return returns returned refund refunds warranty guarantee discount discounts voucher vouchers coupon coupons promo
        invoice paypal visa mastercard complaint complain phone wrapping engrave customise customize weather joke jokes poem poems
        story song songs sing news football recipe translate homework president politics capital movie movies horoscope""",
    # Courtesies and turns of speech.
    "HELLO": "hello hi hey heya hiya howdy hallo bonjour hola ciao greetings yo",
    "THANKS": "thanks thx ty cheers ta merci danke gracias",
    "BYE": "bye goodbye",
    "YES": "yes yep yeah yup sure confirm yea",
    "OK": "ok okay done finished finish",
    "NO": "no nope nah stop pause wrong",
    "FIX": "actually instead rather meant mean sorry oops wait correction",
    "AGAIN": "again retry",
    "HELP": "help capabilities abilities commands features",
    "NICE": "great perfect nice good lovely brilliant awesome cool wonderful excellent fantastic super wow lol haha",
    "NOT": "not never",
    "FILLER": "asap urgently bunch hmm hm um uh well ooh oh ah so just now maybe perhaps kindly simply quite really",
    "ALSO": "too also",
}  # fmt: skip

PRICED: Final[dict[str, str]] = {
    "cheapest": "lowest", "cheaper": "lowest", "cheap": "lowest", "priciest": "highest", "pricier": "highest",
    "dearest": "highest", "fanciest": "highest", "dearer": "highest", "affordable": "lowest",
}  # fmt: skip
SIZE_STEPS: Final[dict[str, int]] = {"bigger": 1, "larger": 1, "smaller": -1}

_FUNCTION_WORDS: Final = """
    please have ready a about am an and are at be been but by can come comes could did do does else for from got had has here how i if in
    into is know let like looking may me might my much many none of off on only or our out quantity should size sizes
    some than the their there time to up us very was we what when where which while who will with would you your his her
    gift gifts present presents colour color kind kinds product products item items piece pieces euro euros status
    history go going try left right today day per pack packs mine today tomorrow next back stay
    called named name say said think guess wondering wonder bit lot way shop store buys until yet already still after
    before both team everyone everybody us colleague colleagues friend friends mate guys dear hope work works matter
    able use using find best seller sellers side answer question questions wish pick choose page card number
    first-time once every whole rest as same different type these too long-time usual lets lot lots amount today's
    because since unless while although though
    then repeat without
    sized coloured colored looks seems sounds rn possible nothing
    around roughly circa approximately qty buying bought paying adding removing expensive
    talk believe happy glad really much-needed fine believe were being because why's its im ive id dont cant wont am
    check place submit rid half free ask asking keep keeps company till times
    whats wheres whos hows thats theres whys dont cant wont isnt arent didnt doesnt couldnt wouldnt shouldnt hasnt
    havent ill id ive im youre theyre lets ad u ur pls plz pleas thru gimme lemme wanna gonna yours whoareyou nextpage
    alphabetical smth enough made less shipping delivery far persons selection range collection
"""
FUNCTION_WORDS: Final = words(_FUNCTION_WORDS)


@dataclass(frozen=True)
class Entry:
    """What the lexicon knows of a word."""

    tag: str
    value: Value = None


def _entries() -> dict[str, Entry]:
    found = {word: Entry(word) for word in FUNCTION_WORDS}
    for tag, listed in _WORDS_BY_TAG.items():
        found |= {word: Entry(tag) for word in listed.split()}
    tables: dict[str, Mapping[str, Value]] = {
        "PURPOSE": PURPOSES, "PRICED": PRICED, "STEP": SIZE_STEPS, "COLOUR": COLOURS, "SIZE": SIZES,
        "CATEGORY": CATEGORIES, "ORDINAL": ORDINALS, "NUMBER": NUMBERS,
    }  # fmt: skip
    for tag, values in tables.items():
        found |= {word: Entry(tag, value) for word, value in values.items()}
    return found


WORDS: Final[Mapping[str, Entry]] = _entries()
