"""What a sentence comes to: clauses, each one wish, with an intent and the slots that say of what."""

from dataclasses import dataclass, fields, replace
from enum import StrEnum


class Intent(StrEnum):
    """What a clause asks for. `FRAGMENT` has slots but no verb: it completes what was said before it (`context.py`)."""

    ADD = "add"
    ADDRESSES = "addresses"
    AGAIN = "again"
    BYE = "bye"
    CANCEL_ORDER = "cancel_order"
    CHANGE = "change"
    CHECK_OUT = "check_out"
    CLEAR_CART = "clear_cart"
    COMPARE = "compare"
    DETAILS = "details"
    FRAGMENT = "fragment"
    GET_ORDER = "get_order"
    HELLO = "hello"
    LIST_ORDERS = "list_orders"
    NEXT_PAGE = "next_page"
    NICE = "nice"
    NO = "no"
    NOT_YOURS = "not_yours"
    OKAY = "okay"
    REMOVE = "remove"
    REORDER = "reorder"
    SEARCH = "search"
    THANKS = "thanks"
    TOPIC = "topic"
    UNCLEAR = "unclear"
    UNDO = "undo"
    UNKNOWN = "unknown"
    VIEW_CART = "view_cart"
    WHAT_MAY = "what_may"
    WHO_SEES = "who_sees"
    WHY_NOT = "why_not"
    YES = "yes"


CHANGES: frozenset[Intent] = frozenset(
    {
        Intent.ADD, Intent.CANCEL_ORDER, Intent.CHANGE, Intent.CHECK_OUT, Intent.CLEAR_CART, Intent.REMOVE, Intent.REORDER,
        Intent.UNDO,
    }
)  # fmt: skip
"""What changes something: wished for in plain words, or not done."""


@dataclass(frozen=True)
class Pick:
    """Which of several things that were shown: by place, by price, all of them, or the other one."""

    places: tuple[int, ...] = ()
    """From 1 on, from -1 backwards, 0 for the middle."""
    first: int = 0
    """The first so many; the last so many if negative."""
    by_price: str = ""
    """`lowest` or `highest`."""
    every: bool = False
    other: bool = False

    def __bool__(self) -> bool:
        return self != Pick()

    @property
    def several(self) -> bool:
        """Whether more than one thing is meant."""
        return self.every or len(self.places) > 1 or abs(self.first) > 1


@dataclass(frozen=True)
class Clause:
    """One wish. Prices are in minor units."""

    intent: Intent
    names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    category_word: str | None = None
    colours: tuple[str, ...] = ()
    """The colours that one word may mean, the likeliest first."""
    size: str | None = None
    size_step: int = 0
    """So many sizes larger, or smaller."""
    max_price: int | None = None
    min_price: int | None = None
    sort: str | None = None
    quantity: int | None = None
    pick: Pick = Pick()
    refers: bool = False
    """Says "it" or "this"."""
    this: bool = False
    """Says "this": what the person has before them."""
    some: bool = False
    """Says "something": of a kind, not one that is known."""
    any: bool = False
    """Says "any": among what was spoken of, if it was."""
    asks: bool = False
    """Ends in a question mark."""
    joins: bool = False
    """Begins with "and": it goes on with what was wished for."""
    adds: bool = False
    """Says "add" or "more", so that a number is one more than what there is."""
    again: bool = False
    all: bool = False
    """Says "all": every line of the kind that is named."""
    more: bool = False
    for_group: bool = False
    asks_price: bool = False
    asks_stock: bool = False
    latest: bool = False
    of_order: bool = False
    fixes: bool = False
    """Says "no" or "I meant": it sets right what was understood or done before."""
    without: tuple[str, ...] = ()
    """Kinds, colours and words that are not wanted."""
    unexplained: tuple[str, ...] = ()
    """The words that nothing explains: a change is not made then."""
    alone: bool = False
    """Nothing else of the message is done."""
    answer: str = ""
    """What is to be said, where nothing needs to be looked up."""
    polite: bool = False
    order_number: str | None = None
    sku: str | None = None
    address: tuple[str, ...] = ()
    instead: "Clause | None" = None
    """What is to take the place of the thing."""

    @property
    def colour(self) -> str | None:
        return self.colours[0] if self.colours else None

    @property
    def category(self) -> str | None:
        return self.categories[0] if self.categories else None

    @property
    def words(self) -> list[str]:
        """The words that name the thing: of its name, and of its kind as it was said."""
        return [*self.names, *filter(None, [self.category_word])]

    @property
    def names_a_thing(self) -> bool:
        return bool(self.names or self.categories or self.sku or self.pick)

    @property
    def wishes(self) -> bool:
        """Whether it says how the thing is to be: its colour, size or price."""
        return bool(self.colours or self.size or self.size_step or self.sort or self.without) or not (
            self.max_price is None and self.min_price is None
        )

    @property
    def share(self) -> int | None:
        """The highest price of one thing, where a budget is for several: "8 hoodies for the team under 500"."""
        return (
            self.max_price // self.quantity if self.max_price and self.for_group and self.quantity else self.max_price
        )

    @property
    def says_something(self) -> bool:
        """Whether it has any slot that could complete another wish."""
        return self.names_a_thing or self.wishes or self.refers or self.more or self.quantity is not None

    def on_top_of(self, earlier: "Clause") -> "Clause":
        """The earlier wish, with whatever this one says anew."""
        said = {
            item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) != item.default
        }
        said.pop("intent", None)
        if self.pick or self.names or self.sku:
            # A thing that is named anew takes the place of the one that was unclear.
            earlier = replace(earlier, pick=Pick(), names=(), refers=False, this=False, sku=None)
        if self.categories:
            earlier = replace(earlier, pick=Pick(), names=(), categories=(), category_word=None, sku=None)
        return replace(earlier, **said)
