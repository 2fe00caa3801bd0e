"""A long answer costs in proportion to its length, whoever reads it; and every answer has an end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from itertools import repeat

import pytest

from shop.assistant.model import bounds
from shop.assistant.model.response_events import Event, ProposedCall, TextDelta, Thinking
from shop.assistant.turn.channel import Channel
from shop.assistant.turn.loop import CallChanged, TextGrew, TurnEnded
from shop.assistant.turn.pace import Pace
from shop.assistant.web.growing_text import Writing, finished
from shop.assistant.web.presenter import html_of
from shop.conversations.models import TurnState
from tests.assistant.scripted import ScriptedModel, call
from tests.assistant.upstream import Upstream, pieces_of_arguments, says
from tests.support.people import SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE

ONE_BLOCK = "word and **word** "
PARAGRAPHS = "Some words of a paragraph, and then some more of them.\n\n"
ONE_LIST = "- a point, and `what` it means\n"
Building = Callable[..., ShopUnderTest]


class Endless(ScriptedModel):
    """A model that never stops of its own accord."""

    def __init__(self, event: Event) -> None:
        super().__init__([])
        self._event, self.was_closed = event, False

    def stream(self, items: list[dict[str, object]]) -> Generator[Event]:
        """The same, for ever."""
        try:
            yield from repeat(self._event)
        finally:
            self.was_closed = True


def growing(pattern: str, length: int, *, pieces: int) -> Iterator[str]:
    """The states of a text that grows in so many pieces."""
    text = (pattern * (length // len(pattern) + 1))[:length]
    yield from (text[: length * n // pieces] for n in range(1, pieces + 1))


def bytes_sent(states: Iterator[str], *, seconds: float) -> int:
    """Bytes that a page is sent of a text whose states come so far apart; it is asked for news at each of them."""
    writing, now, sent = Writing("trn_1", "itm_1"), 0.0, 0
    for state in states:
        writing.grow(state)
        now += seconds
        sent += len((writing.news(now) or "").encode())
    return sent + len(writing.all().encode())


@ONE_ENGINE
@pytest.mark.holds("LLM10")
@pytest.mark.parametrize("pattern", [ONE_BLOCK, PARAGRAPHS, ONE_LIST], ids=["one block", "paragraphs", "one list"])
@pytest.mark.parametrize("seconds", [0.002, 0.05], ids=["quick", "slow"])
def test_the_bytes_that_are_sent_grow_as_the_answer_does(shop: ShopUnderTest, pattern: str, seconds: float) -> None:
    """Twice the answer is about twice the bytes, whether or not it has paragraphs; a slow one costs some for each second."""
    lengths, each = (15_000, 30_000), 20
    with shop.app.app_context():
        short, long = (
            bytes_sent(growing(pattern, length, pieces=length // each), seconds=seconds) for length in lengths
        )
    assert long / short < 2.5
    rendered = 1.5  # bytes of HTML for each character of these texts
    assert long < rendered * (10 * 30_000 + 2_000 * seconds * 30_000 / each), "as it was: 750 times the text"


@ONE_ENGINE
def test_a_growing_answer_ends_as_a_reload_shows_it(shop: ShopUnderTest) -> None:
    """What was finished is sent once, before the place of what still grows; the last message is the whole text."""
    text = PARAGRAPHS * 60 + ONE_LIST * 3
    writing = Writing("trn_1", "itm_1")
    with shop.app.app_context():
        sent = []
        for now, state in enumerate(growing(text, len(text), pieces=40)):
            writing.grow(state)
            sent.append(writing.news(float(now)) or "")
        stays = "".join(part for part in sent if "beforebegin" in part)
        assert stays.count("Some words of a paragraph") >= 50 and not writing.is_behind
        assert html_of(text) in writing.all() and 'hx-target="#item-itm_1" hx-swap="innerHTML"' in writing.all()


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("", ""),
        ("one line", ""),
        ("a paragraph\n\n", ""),
        ("a paragraph\n\nanother", ""),
        ("a paragraph\n\nanother\n", "a paragraph\n\n"),
        ("a paragraph\n-", ""),
        ("a paragraph\n---\ntext\n", "a paragraph\n---\n"),
        ("- one\n\n  more of it\n- two\n", ""),
        ("```\ncode\n\ncode\n", ""),
        ("before\r\n\r\n```\r\ncode\r\n", "before\r\n\r\n"),
        ("| a |\n|---|\n| 1 |\n", ""),
        ("x\n\n| a |\n|---|\n| 1 |\n", "x\n\n"),
        ("[a]: b\n\ntext\n", "[a]: b\n\n"),
    ],
)
def test_only_blocks_that_no_later_text_can_change_are_finished(text: str, stays: str) -> None:
    """The last block may still grow, a line that is not complete may become anything, and all before them stays."""
    assert text[: finished(text)] == stays


@pytest.mark.holds("LLM10")
def test_a_reader_that_never_reads_costs_a_slot_for_each_item() -> None:
    """Whatever comes of an item takes the place of what waited; the reader then finds the newest, in the items' order."""
    channel = Channel()
    for length in range(5_000):
        channel.put(TextGrew("itm_1", "x" * length))
    channel.put(CallChanged("itm_2", is_new=True))
    channel.put(CallChanged("itm_2", is_new=False))
    channel.put(TextGrew("itm_3", "y"))
    assert channel.waiting == 3 and not channel.is_over
    channel.put(TurnEnded())
    assert list(channel) == [
        TextGrew("itm_1", "x" * 4_999),
        CallChanged("itm_2", is_new=False),
        TextGrew("itm_3", "y"),
    ]
    assert channel.is_over and channel.take(None) == []


@pytest.mark.parametrize("seconds", [0.001, 0.2, 1.0])
def test_what_is_stored_of_a_growing_text_grows_as_it_does(seconds: float) -> None:
    """The states that are due add up to a small multiple of the text, and of the time that a slow model took."""

    def characters(length: int) -> int:
        pace, now, passed_on = Pace(0.15), 0.0, 0
        for grown in range(4, length, 4):
            now += seconds
            if pace.is_due(grown, grown, now):
                pace.passed_on(grown, now)
                passed_on += grown
        return passed_on

    assert characters(20_000) < 10 * 20_000 + 2_000 * seconds * 5_000


def ended(visitor: Visitor) -> tuple[TurnState, str | None]:
    turn = visitor.turns()[-1]
    return turn.state, turn.error_code


@pytest.mark.holds("LLM10")
def test_a_model_that_never_stops_talking_is_cut(build_shop: Building) -> None:
    """At the bound the connection is closed, what was said stays, the person is told, and the record says why."""
    model = Endless(TextDelta("word " * 20))
    sofia = build_shop(model=model).sign_in(SOFIA)
    reply = sofia.say("tell me all")
    assert "The answer was cut at 40,000 characters" in reply.html and model.was_closed
    assert ended(sofia) == (TurnState.FAILED, "answer_too_long")
    (item,) = sofia.turns()[0].items
    assert item.text == ("word " * bounds.ANSWER_CHARACTERS)[: bounds.ANSWER_CHARACTERS]
    failed = sofia.shop.chain(str(sofia.conversation))[-1]
    assert (str(failed.name), failed.content["facts"]["because"]) == ("turn.failed", "answer_too_long")


@ONE_ENGINE
@pytest.mark.holds("LLM10")
@pytest.mark.parametrize(
    ("event", "code"),
    [(call("view_cart"), "tool_loop"), (call("view_cart", '"' + "ä" * 8_192 + '"'), "arguments_too_long")],
    ids=["calls without an end", "arguments that are too long"],
)
def test_an_answer_of_too_many_or_too_large_calls_makes_none(
    build_shop: Building, event: ProposedCall, code: str
) -> None:
    """An answer is not acted on before it is complete; one that would be too much never is."""
    model = Endless(event)
    sofia = build_shop(model=model).sign_in(SOFIA)
    assert "The assistant got stuck" in sofia.say("my cart").html and model.was_closed
    assert ended(sofia) == (TurnState.FAILED, code) and sofia.turns()[0].items == []
    assert sofia.events()[-2:] == ["message.received", "turn.failed"]


@ONE_ENGINE
@pytest.mark.holds("LLM10")
def test_a_model_that_is_never_done_is_stopped_when_its_time_is_up(
    build_shop: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that only thinks, for longer than a turn may take, is hung up on, and the person is told."""
    monkeypatch.setattr("shop.assistant.model.bounds.TURN_SECONDS", 0.0)
    model = Endless(Thinking())
    sofia = build_shop(model=model).sign_in(SOFIA)
    assert "The assistant took too long" in sofia.say("hello").html and model.was_closed
    assert ended(sofia) == (TurnState.FAILED, "turn_too_long")


@ONE_ENGINE
@pytest.mark.holds("LLM10")
def test_arguments_that_arrive_in_pieces_are_counted_as_they_come(talking: ShopUnderTest, upstream: Upstream) -> None:
    """Pieces without an end, for calls that are never complete, are given up on after 64 kB; Retry then works."""
    upstream.will(pieces_of_arguments(count=500, each="x" * 2_000))
    sofia = talking.sign_in(SOFIA)
    assert "The assistant got stuck" in sofia.say("my cart").html
    assert ended(sofia) == (TurnState.FAILED, "arguments_too_long") and sofia.turns()[0].items == []
    upstream.will(says("Hello."))
    turn = sofia.turns()[0].id
    assert "Hello." in sofia.post(f"/assistant/{sofia.conversation}/turns/{turn}/retry").text
