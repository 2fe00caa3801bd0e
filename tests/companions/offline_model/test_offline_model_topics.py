"""What the offline model knows as data, and of what kind an utterance is."""

import re

import pytest

from shop.companions.offline_model.clauses import Intent
from shop.companions.offline_model.kinds import Kind, kind_of
from shop.companions.offline_model.topics import FOLDER, in_another_language, topic_of
from tests.companions.offline_model.chat import Chat
from tests.companions.offline_model.fake_shop import TOOLS, FakeShop
from tests.companions.offline_model.labelled import read_toml


@pytest.mark.parametrize("file", ["shop.toml", "assistant.toml", "talk.toml"])
def test_each_way_to_ask_finds_its_topic(file: str) -> None:
    """Every example of a topic is nearest to that topic, said as what it is: a question, or else a remark."""
    for topic in read_toml(FOLDER / file)["topic"]:
        kind = Kind.OTHER if topic.get("said_as") == "remark" else Kind.QUESTION
        for ask in topic["ask"]:
            found = topic_of(ask.casefold(), kind)
            assert found is not None, ask
            assert found.answer.startswith(topic.get("answer", "")), ask
            assert found.intent == topic.get("intent", Intent.TOPIC), ask


@pytest.mark.parametrize("file", ["shop.toml", "assistant.toml", "talk.toml"])
def test_answers_are_short(file: str) -> None:
    """Two sentences at most, none of which asks something back."""
    for topic in read_toml(FOLDER / file)["topic"]:
        assert len(re.findall(r"[.!?](?: |$)", topic.get("answer", ""))) <= 2 and not topic.get("answer", "").endswith(
            "?"
        ), topic


def test_a_wish_is_no_question() -> None:
    """How a sentence begins and ends tells its kind, whatever it is about."""
    kinds = {
        "can i pay by card?": Kind.QUESTION,
        "who can check out here": Kind.QUESTION,
        "add two?": Kind.QUESTION,
        "could you please add two of them?": Kind.OTHER,
        "can i have the second one?": Kind.OTHER,
        "how can i change my address?": Kind.QUESTION,
        "don't check out yet": Kind.REFUSAL,
        "add the second one": Kind.OTHER,
        "i was wondering whether it is warm": Kind.QUESTION,
    }
    assert {said: kind_of(said) for said in kinds} == kinds


def test_english_is_not_taken_for_another_language() -> None:
    """A word or two that other languages have too make no sentence of theirs."""
    for said in (
        "black hoodies under 60, in L",
        "no, the sun one",
        "das",
        "merci",
        "a la carte mug",
        "on me",
        "die cast pins",
    ):
        assert in_another_language(said) is None, said
    answer = in_another_language("где мой заказ?")
    assert answer is not None and "по-английски" in answer.answer


def test_what_is_not_wanted_is_never_shown_without_the_means_to_leave_it_out() -> None:
    """A shop whose search cannot leave things out is not asked to; the assistant says so."""
    chat = Chat(FakeShop())
    for tool in chat.tools:
        if tool["name"] == "search_products":
            del tool["parameters"]["properties"]["without"]
    assert "can't leave anything out" in chat.say("hoodies in any colour but black")
    assert chat.calls == [] and "search_products" in TOOLS


def test_an_order_that_is_not_there_is_no_other_order() -> None:
    """A number of whatever form is looked for as it was said, and found or not."""
    for said in ("cancel order 48213", "cancel order number 77", "where is order #9911?", "what's in order AB12CD?"):
        chat = Chat(FakeShop())
        assert "can't find that order" in chat.say(said), said
        assert [list(arguments) for _, arguments in chat.calls] == [["number"]] and "5QF1A7" not in str(chat.calls), (
            said
        )


def test_a_wish_with_words_that_nothing_explains_changes_nothing() -> None:
    """The words are named, with two things that work; the same wish without them is fulfilled."""
    chat = Chat(FakeShop())
    said = chat.say("xyzzy the teapot mug plugh in sky and add it frobnicated")
    assert not chat.shop.cart, said
    assert "did not understand “frobnicated”" in chat.say("undo frobnicated")
    chat.say("add the teapot mug in sky")
    assert chat.shop.cart == {"teapot-mug-sky": 1}
