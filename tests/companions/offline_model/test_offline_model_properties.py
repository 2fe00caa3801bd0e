"""What must hold whatever is said and whatever the shop answers: no crash, no unwished effect, always the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.companions.offline_model.chat import Chat
from tests.companions.offline_model.fake_shop import TOOLS, TRANSACT, FakeShop, Json

CODES = [
    "consent_needed",
    "not_permitted",
    "over_limit",
    "paused",
    "signed_out",
    "out_of_stock",
    "cart_empty",
    "changed",
    "not_found",
    "odd",
]

WISHING = [
    "add",
    "put",
    "take",
    "want",
    "buy",
    "order",
    "pay",
    "checkout",
    "ship",
    "remove",
    "cancel",
    "empty",
    "make",
    "two",
    "more",
    "again",
    "yes",
    "the",
    "second",
    "one",
    "it",
    "that",
    "undo",
    "same",
    "usual",
    "no",
    "actually",
    "instead",
    "please",
    "and",
]
NEUTRAL = [
    "hello",
    "black",
    "hoodie",
    "hoodies",
    "mug",
    "mugs",
    "socks",
    "navy",
    "L",
    "what",
    "is",
    "are",
    "how",
    "much",
    "does",
    "cost",
    "which",
    "colours",
    "in",
    "under",
    "€60",
    "euros",
    "who",
    "sees",
    "this",
    "warm",
    "head",
    "where",
    "weather",
    "when",
    "long",
    "context",
    "teapot",
    "show",
    "me",
    "tell",
    "about",
    "compare",
    "cheapest",
    "thanks",
    "my",
    "cart",
    "orders",
    "difference",
    "between",
    "why",
    "not",
    "can",
    "you",
    "do",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
texts = st.text(max_size=80) | st.lists(st.sampled_from(WISHING + NEUTRAL), max_size=14).map(" ".join)


@st.composite
def outcomes(draw: st.DrawFn) -> Json:
    """Any outcome of a call: refused, failed, or with a result in which anything may stand, or be missing."""
    if draw(st.booleans()):
        return {"outcome": draw(st.sampled_from(["denied", "failed"])), "code": draw(st.sampled_from(CODES))}
    keys = "products lines orders addresses total items product name variants price number status count added skipped"
    result = draw(st.dictionaries(st.sampled_from(keys.split()), json_values, max_size=6))
    return {"outcome": draw(st.sampled_from(["succeeded", "awaiting_approval"])), "result": result}


class AnyShop(FakeShop):
    """Answers every call with whatever hypothesis makes up."""

    def __init__(self, data: st.DataObject) -> None:
        super().__init__()
        self._data = data

    def call(self, name: str, arguments: Json, *, confirmed: bool = False) -> Json:
        assert name in TOOLS
        return self._data.draw(outcomes())


@settings(max_examples=150, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4), st.data())
def test_it_never_raises_and_always_ends(messages: list[str], data: st.DataObject) -> None:
    """Any text and any outcome lead to calls of offered tools and, in the end, to words."""
    chat = Chat(AnyShop(data))
    for message in messages:
        assert chat.say(message)


@settings(max_examples=80, deadline=None)
@given(st.lists(texts, min_size=1, max_size=5))
def test_a_shop_is_asked_for_nothing_odd_and_always_the_same(messages: list[str]) -> None:
    """In a shop that answers properly, quantities are counts; and the same conversation goes the same way again."""
    first, again = Chat(FakeShop()), Chat(FakeShop())
    for message in messages:
        assert first.say(message) == again.say(message)
        assert first.calls == again.calls
        for name, arguments in first.calls:
            assert arguments.get("quantity", 1) >= (name == "add_to_cart")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.sampled_from(NEUTRAL), max_size=10).map(" ".join), min_size=1, max_size=4))
def test_nothing_is_changed_without_a_word_of_wish(messages: list[str]) -> None:
    """As long as nobody says that something is wanted, ordered, changed or taken back, nothing of it is proposed."""
    chat = Chat(FakeShop())
    for message in messages:
        chat.say(message)
        assert not [name for name, _ in chat.calls if name in TRANSACT], messages
