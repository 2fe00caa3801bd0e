"""What a model says and proposes, read from a real socket: each proposal passes the gateway, whatever it looks like."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from shop.conversations.models import TurnState
from shop.principal import CONSENTABLE
from shop.tools.registry import TOOLS
from tests.assistant import upstream as wire
from tests.assistant.scripted import OpenStream
from tests.assistant.upstream import KEY, Upstream
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE


@ONE_ENGINE
def test_text_streams_to_the_page_and_is_stored(talking: ShopUnderTest, upstream: Upstream) -> None:
    """Text arrives on the page as it grows, and what is stored is what the model said."""
    begun, went_on = threading.Event(), threading.Event()
    upstream.will(wire.says_in_steps("Good ", begun, "morning, ", went_on, "**Sofia**."))
    sofia = talking.sign_in(SOFIA)
    stream = OpenStream(sofia, "hello")
    for part, then in (("<p>Good</p>", begun), ("<p>Good morning,</p>", went_on)):
        stream.read_until(part)
        then.set()
    assert "<strong>Sofia</strong>" in stream.read_to_the_end()
    (turn,) = sofia.turns()
    assert (turn.state, [item.text for item in turn.items]) == (TurnState.COMPLETED, ["Good morning, **Sofia**."])
    assert sofia.events() == ["conversation.started", "delegation.started", "message.received", "turn.completed"]
    completed = talking.chain(str(sofia.conversation))[-1]
    assert completed.personal == {"reply": "Good morning, **Sofia**."}
    assert completed.content["facts"]["build"] == turn.build


@pytest.mark.holds("ASI10")
def test_parallel_calls_are_each_decided_recorded_and_told(talking: ShopUnderTest, upstream: Upstream) -> None:
    """Calls proposed at once are made in their order; each has its own event, and the model is told each outcome."""
    upstream.will(
        wire.calls(
            ("search_products", {"query": "mug"}),
            ("view_cart", {}),
            ("add_to_cart", {"sku": "refresh-token-mug-ink"}),
            after=["Let me ", "look."],
        ),
        wire.says("Done."),
    )
    sofia = talking.sign_in(SOFIA)
    sofia.say("mugs, and my cart, and buy one")
    assert [told["outcome"] for told in upstream.outputs()] == ["succeeded", "succeeded", "denied"]
    assert upstream.outputs()[2]["code"] == "consent_needed"
    kinds = [item.get("type", item.get("role")) for item in upstream.inputs[-1]]
    assert kinds == ["user", "assistant", *["function_call", "function_call_output"] * 3]
    events = talking.chain(str(sofia.conversation))[-4:]
    assert [(event.name, event.content["facts"].get("tool")) for event in events] == [
        ("tool_call.succeeded", "search_products"),
        ("tool_call.succeeded", "view_cart"),
        ("tool_call.denied", "add_to_cart"),
        ("turn.completed", None),
    ]
    items = [item for item in sofia.turns()[0].items if item.tool]
    assert [event.content["tool_call"] for event in events[:3]] == [item.id for item in items]
    assert sofia.turns()[0].state is TurnState.WAITING


@ONE_ENGINE
@pytest.mark.parametrize(
    ("proposed", "code"),
    [
        (("search_products", "{query: hoodie"), "invalid_arguments"),
        (("search_products", '["hoodie"]'), "invalid_arguments"),
        (("search_products", '{"query": 7}'), "invalid_arguments"),
        (("add_to_cart", '{"sku": "refresh-token-mug-ink", "price": 1}'), "invalid_arguments"),
        (("get_product", '{"product": "a\\u0000b"}'), "invalid_arguments"),
        (("transfer_money", '{"to": "me"}'), "unknown_tool"),
    ],
    ids=["not JSON", "not an object", "a wrong type", "an argument that is not declared", "a NUL", "no such tool"],
)
@pytest.mark.holds("ASI02", "ASI10")
def test_a_call_that_makes_no_sense_fails_is_told_and_is_recorded(
    talking: ShopUnderTest, upstream: Upstream, proposed: tuple[str, str], code: str
) -> None:
    """Arguments that do not fit, and tools that do not exist, are told to the model, shown, and recorded; the turn goes on."""
    upstream.will(wire.calls(proposed), wire.says("Sorry."))
    sofia = talking.sign_in(SOFIA)
    reply = sofia.say("do it")
    assert "Sorry." in reply.html and "did not work" in reply.html
    (told,) = upstream.outputs()
    assert (told["outcome"], told["code"]) == ("failed", code) and told["message"]
    (item,) = [item for item in sofia.turns()[0].items if item.tool]
    assert item.arguments == proposed[1] and item.outcome and item.outcome["code"] == code
    failed = talking.chain(str(sofia.conversation))[-2]
    assert (failed.name, failed.content["facts"]["code"]) == ("tool_call.failed", code)
    assert sofia.turns()[0].state is TurnState.COMPLETED


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_text_that_a_database_cannot_keep_is_made_plain(talking: ShopUnderTest, upstream: Upstream) -> None:
    """A NUL or half a character in what the model says or proposes does not break the turn."""
    upstream.will(wire.calls(("search\x00_products", '{"query": "mug"}'), after=["a\x00b \ud800"]), wire.says("ok"))
    sofia = talking.sign_in(SOFIA)
    sofia.say("hello")
    (turn,) = sofia.turns()
    assert turn.state is TurnState.COMPLETED
    assert [item.text or item.tool for item in turn.items] == ["ab ?", "search_products", "ok"]


@pytest.mark.holds("LLM10")
@ONE_ENGINE
def test_an_endless_loop_of_calls_is_stopped_at_the_limit(
    build_shop: Callable[..., ShopUnderTest], upstream: Upstream
) -> None:
    """A model that never stops proposing is stopped after the configured number of calls, and the person is told."""
    shop = build_shop(openai_base_url=upstream.url, openai_api_key=KEY, tool_call_limit=3)
    upstream.will(wire.calls(("view_cart", {}), ("list_orders", {})))
    sofia = shop.sign_in(SOFIA)
    reply = sofia.say("hello")
    assert "It wanted more than 3 steps" in reply.html
    (turn,) = sofia.turns()
    assert (turn.state, turn.error_code) == (TurnState.FAILED, "tool_loop")
    assert len([item for item in turn.items if item.tool]) == 3
    assert sofia.events()[-4:] == ["tool_call.succeeded"] * 3 + ["turn.failed"]
    assert len(upstream.requests) == 2


@ONE_ENGINE
def test_a_refusal_of_the_model_is_its_answer(talking: ShopUnderTest, upstream: Upstream) -> None:
    """When the model itself declines, its words are shown, and the turn is complete."""
    upstream.will(wire.refuses("I would rather not."))
    sofia = talking.sign_in(SOFIA)
    assert "I would rather not." in sofia.say("hello").html
    assert sofia.turns()[0].state is TurnState.COMPLETED and sofia.events()[-1] == "turn.completed"


@pytest.mark.holds("I12", "LLM02", "LLM06")
@ONE_ENGINE
def test_a_request_holds_instructions_words_and_schemas_and_nothing_that_identifies(
    talking: ShopUnderTest, upstream: Upstream
) -> None:
    """What leaves for the model names no person, session, credential or conversation; the tools are the registry's."""
    upstream.will(
        wire.calls(
            ("view_cart", {}), ("list_orders", {}), ("what_may_i_do", {}), ("get_order", {"number": "CC-5QF1A7"})
        ),
        wire.says("There you are."),
    )
    sofia = talking.sign_in(SOFIA)
    sofia.say("show me everything")
    sofia.say("and again")
    me, turn = sofia.principal(), sofia.turns()[0]
    for request in upstream.requests:
        assert set(request) == {"model", "instructions", "input", "tools", "store", "stream", "include"}
        assert (request["model"], request["store"]) == ("fake-1", False)
        assert request["include"] == ["reasoning.encrypted_content"], "the server keeps nothing, so it must hand it out"
        assert {tool["name"]: tool["parameters"] for tool in request["tools"]} == {
            name: tool.schema() for name, tool in TOOLS.items() if tool.workflow in CONSENTABLE
        }
    sent = json.dumps(upstream.requests)
    cookie = sofia.client.get_cookie(f"context-and-co-{talking.services.settings.port}", domain="127.0.0.1")
    assert cookie
    secrets = [SOFIA, "Sofia", "Hart", me.subject, me.own_session, me.membership, me.organization, turn.delegation]
    for secret in [*secrets, turn.id, str(sofia.conversation), cookie.value, KEY, talking.services.settings.secret_key]:
        assert secret not in sent


@ONE_ENGINE
def test_each_turn_keeps_the_build_that_answered(talking: ShopUnderTest, upstream: Upstream) -> None:
    """A turn records model, provider, digests of instructions and tools, and the policy; the actor in the audit is that build."""
    upstream.will(wire.calls(("view_cart", {})), wire.says("Empty."))
    sofia = talking.sign_in(SOFIA)
    assert "fake-1" in sofia.say("my cart").html
    build = sofia.turns()[0].build
    assert (build["model"], build["provider"], build["offline"]) == ("fake-1", "127.0.0.1", False)
    assert build["policy"] == talking.services.policy.version
    assert all(len(build[name]) == 16 for name in ("instructions", "tools", "digest"))
    called = next(event for event in talking.chain(str(sofia.conversation)) if event.name == "tool_call.succeeded")
    assert called.content["actor"] == {"client": "client:shop-assistant", "build": build["digest"]}


def test_the_build_changes_with_whatever_shapes_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other instructions, another model or another policy make another digest; the same make the same."""
    from shop.assistant.model import client
    from shop.settings import Settings

    first = client.Model(Settings()).build("p1")
    assert first == client.Model(Settings()).build("p1")
    others = [client.Model(Settings(model="other")).build("p1"), client.Model(Settings()).build("p2")]
    monkeypatch.setattr(client, "INSTRUCTIONS", client.INSTRUCTIONS + "Obey.")
    others.append(client.Model(Settings()).build("p1"))
    assert len({build["digest"] for build in [first, *others]}) == 4
    assert others[-1]["instructions"] != first["instructions"]
