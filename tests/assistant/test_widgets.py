"""The chat as a host of the shop's widgets: what a frame is given, and that its calls pass the door as the assistant's."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shop.tools.registry import TOOLS
from shop.tools.results.widgets import CALLED_BY_WIDGETS, OF_TOOLS, WIDGETS, document
from tests.mcp.host import host_of
from tests.support.people import MARA, SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL
from tests.support.state import HOODIE, ONE_ENGINE, watching


def ask(visitor: Visitor, body: object, conversation: str | None = None, **headers: str) -> TestResponse:
    """What the host's script sends when code in a frame asks for a call."""
    return visitor.client.post(
        f"/assistant/{conversation or visitor.conversation}/widget-calls",
        base_url=BASE_URL,
        json=body,
        headers={"Referer": BASE_URL, "X-CSRFToken": visitor.csrf_token(), **headers},
    )


def call(visitor: Visitor, name: str, **arguments: Any) -> dict[str, Any]:
    """The answer to a call that the shop took."""
    response = ask(visitor, {"name": name, "arguments": arguments})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def talking_sofia(shop: ShopUnderTest) -> Visitor:
    """Sofia, whose assistant has shown her some hoodies."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("black hoodies under 60, in L")
    return sofia


@ONE_ENGINE
@pytest.mark.parametrize("name", WIDGETS)
@pytest.mark.holds("RFC9700-4.16")
def test_a_widgets_document_may_do_next_to_nothing(shop: ShopUnderTest, name: str) -> None:
    """Its own script and style by their hashes, the shop's pictures, no origin, and the shop's own pages around it."""
    response = shop.sign_in(SOFIA).get(f"/assistant/widgets/{name}")
    assert (
        response.status_code == 200 and response.mimetype == "text/html" and response.text == document(name, BASE_URL)
    )
    policy: dict[str, str] = {}
    for part in response.headers["Content-Security-Policy"].split(";"):
        directive, _, value = part.strip().partition(" ")
        policy[directive] = value
    for directive, element in (("script-src", "script"), ("style-src", "style")):
        (text,) = re.findall(f"<{element}>(.*?)</{element}>", response.text, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy.pop(directive) == f"'sha256-{digest}'"
    assert policy == {
        "default-src": "'none'",
        "img-src": BASE_URL,
        "font-src": BASE_URL,
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "allow-scripts",
    }
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@ONE_ENGINE
def test_a_widget_that_there_is_not_is_not_there(shop: ShopUnderTest) -> None:
    """Its address is a 404 page, which cannot be framed."""
    response = shop.sign_in(SOFIA).get("/assistant/widgets/none")
    assert response.status_code == 404 and "There is nothing here" in response.text
    assert response.headers["X-Frame-Options"] == "DENY"


@ONE_ENGINE
def test_what_a_frame_is_given_is_what_another_host_gets(shop: ShopUnderTest) -> None:
    """A stored call's arguments, and its result as `/mcp` gives it; a purchase that waits, with the page of its receipt."""
    sofia = talking_sofia(shop)
    item = sofia.latest_call("search_products")
    page = sofia.get(f"/assistant/{sofia.conversation}").text
    assert f'data-widget="products" data-call="{item.id}"' in page
    shown = sofia.get(f"/assistant/{sofia.conversation}/widget-calls/{item.id}").get_json()
    elsewhere = host_of(sofia).call("search_products", shown["arguments"])
    assert shown["arguments"]["colour"] == "black"
    assert shown["result"]["structuredContent"] == elsewhere["structuredContent"]
    assert shown["result"]["content"] == elsewhere["content"] and not shown["result"].get("isError")

    sofia.post(f"/assistant/{sofia.conversation}/consent", workflow="transact", allow="1")
    sofia.say("buy the second one")
    waits = sofia.latest_call("place_order")
    receipt = (waits.outcome or {})["receipt"]
    told = sofia.get(f"/assistant/{sofia.conversation}/widget-calls/{waits.id}").get_json()["result"][
        "structuredContent"
    ]
    assert (told["waiting_for"], told["approve_at"]) == ("approval", f"{BASE_URL}/approvals/{receipt}")
    confirmed = sofia.confirm(receipt)
    assert confirmed.status == 200
    asked = call(sofia, "check_approval", approval=receipt)["result"]["structuredContent"]
    order = call(sofia, "get_order", number=asked["done"]["order"])["result"]["structuredContent"]
    assert asked["state"] == "approved" and order["number"] == asked["done"]["order"]


@pytest.mark.holds("I1", "I3", "I5")
def test_a_call_of_a_widget_is_the_assistants(shop: ShopUnderTest) -> None:
    """Refused and recorded until its person allows it here; then done, with the assistant as actor, and told apart from
    what a model proposed. The answer brings what changed around the conversation.
    """
    sofia = talking_sofia(shop)
    with watching(shop) as seen:
        refused = call(sofia, "add_to_cart", sku=HOODIE, quantity=1)
    assert refused["page"] == "" and refused["result"]["isError"]
    said = refused["result"]["structuredContent"]
    assert said["code"] == "consent_needed" and "Switch on “buy” above the conversation" in said["message"]
    assert seen.names == ["tool_call.denied"] and shop.gateway.enquiries.items_in_cart(sofia.principal()) == 0

    sofia.post(f"/assistant/{sofia.conversation}/consent", workflow="transact", allow="1")
    with watching(shop) as seen:
        added = call(sofia, "add_to_cart", sku=HOODIE, quantity=1)
    assert added["result"]["structuredContent"]["items"] == 1 and not added["result"].get("isError")
    assert 'hx-target="#cart-link"' in added["page"] and 'hx-target="#undoable"' in added["page"]
    assert shop.gateway.enquiries.items_in_cart(sofia.principal()) == 1
    (event,) = seen.events
    assert event.name == "tool_call.succeeded" and event.content["chain"] == sofia.conversation
    assert event.content["actor"]["client"] == "client:shop-assistant" and event.content["delegation"]
    assert event.content["turn"] is None and event.content["facts"]["from"] == "widget"
    assert event.content["decision"]["rule"] == "shopper.cart.write"
    audit = sofia.get(f"/audit/conversations/{sofia.conversation}").text
    assert audit.count("is asked by a widget for add_to_cart") == 2 and audit.count("proposes search_products") == 1


@ONE_ENGINE
@pytest.mark.holds("I3", "I9")
def test_what_ends_the_assistants_authority_ends_the_widgets(shop: ShopUnderTest) -> None:
    """Paused, it is told so; consent of an earlier session is none in a new one; signed out, nothing is called at all."""
    sofia = talking_sofia(shop)
    sofia.post(f"/assistant/{sofia.conversation}/consent", workflow="transact", allow="1")
    sofia.post("/assistant/pause")
    paused = call(sofia, "search_products", query="mug")["result"]
    assert paused["isError"] and "Your assistant is paused." in paused["structuredContent"]["message"]
    sofia.post("/assistant/resume")
    assert not call(sofia, "search_products", query="mug")["result"].get("isError")

    again = shop.sign_in(SOFIA)
    again.conversation = sofia.conversation
    assert call(again, "add_to_cart", sku=HOODIE)["result"]["structuredContent"]["code"] == "consent_needed"
    sofia_token = sofia.csrf_token()
    sofia.post("/sign-out")
    with watching(shop) as seen:
        dead = sofia.client.post(
            f"/assistant/{sofia.conversation}/widget-calls",
            base_url=BASE_URL,
            json={"name": "add_to_cart", "arguments": {"sku": HOODIE}},
            headers={"Referer": BASE_URL, "X-CSRFToken": sofia_token},
        )
    assert dead.status_code == 401 and "You are signed out." in dead.text and not seen.changed and not seen.events


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_somebody_elses_conversation_is_not_there(shop: ShopUnderTest) -> None:
    """The same answer as for none, to a call and to a look at a stored one; the attempt is recorded where the person is."""
    sofia, mara = talking_sofia(shop), shop.sign_in(MARA)
    item = sofia.latest_call("search_products")
    wanted = {"name": "view_cart", "arguments": {}}
    for conversation in (str(sofia.conversation), "cnv_none"):
        with watching(shop) as seen:
            answers = [ask(mara, wanted, conversation), mara.get(f"/assistant/{conversation}/widget-calls/{item.id}")]
        assert all(answer.status_code == 404 and "There is no such conversation." in answer.text for answer in answers)
        assert seen.names == ["access.denied"] * 2
    mara.say("a mug")
    other = mara.get(f"/assistant/{mara.conversation}/widget-calls/{item.id}")
    none = mara.get(f"/assistant/{mara.conversation}/widget-calls/itm_none")
    assert (other.status_code, other.text) == (none.status_code, none.text) and other.status_code == 404


@ONE_ENGINE
@pytest.mark.holds("I6")
@pytest.mark.parametrize(
    "body",
    [
        *({"name": name, "arguments": {}} for name in sorted(set(TOOLS) - CALLED_BY_WIDGETS)),
        {"name": "nothing", "arguments": {}},
        {"name": ["add_to_cart"]},
        {},
        [],
        "add_to_cart",
        None,
    ],
    ids=str,
)
def test_a_frame_can_ask_for_nothing_else(shop: ShopUnderTest, body: object) -> None:
    """Not for what a human must confirm, not for what no widget needs, not in any other shape: nothing is called. A named tool is a refused call."""
    sofia = talking_sofia(shop)
    with watching(shop) as seen:
        response = ask(sofia, body)
    assert response.status_code == 400 and "Nothing was done." in response.text
    assert not seen.changed
    name = body.get("name") if isinstance(body, dict) else None
    if not isinstance(name, str):
        assert not seen.events
        return
    (refused,) = seen.events
    assert refused.name == ("tool_call.denied" if name in TOOLS else "tool_call.failed")
    assert refused.content["conversation"] == sofia.conversation and refused.content["facts"]["from"] == "widget"
    assert name not in TOOLS or refused.content["decision"]["rule"] == "widget.not_for_widgets"


@ONE_ENGINE
@pytest.mark.parametrize(
    "bent", [b"[" * 60_000, b'{"name": "search_products", "arguments": ' + b"[" * 60_000, b'"\xff"', b""], ids=len
)
def test_a_body_that_is_no_json_is_answered_in_words(shop: ShopUnderTest, bent: bytes) -> None:
    """Nested endlessly, half a character, nothing at all: a notice for the person, and nothing is called."""
    sofia = talking_sofia(shop)
    headers = {"Referer": BASE_URL, "X-CSRFToken": sofia.csrf_token()}
    path = f"/assistant/{sofia.conversation}/widget-calls"
    with watching(shop) as seen:
        response = sofia.client.post(
            path, base_url=BASE_URL, data=bent, content_type="application/json", headers=headers
        )
    assert response.status_code == 400 and "Nothing was done." in response.text
    assert not seen.changed and not seen.events


@ONE_ENGINE
def test_arguments_are_checked_like_any_others(shop: ShopUnderTest) -> None:
    """Whatever they are, the answer is an error in words that a widget can show."""
    sofia = talking_sofia(shop)
    wrong: tuple[Any, ...] = (None, [], "x", {"product": 5}, {"product": "no-such-thing"}, {"nothing": "of the kind"})
    for arguments in wrong:
        answer = ask(sofia, {"name": "get_product", "arguments": arguments}).get_json()["result"]
        assert answer["isError"] and answer["structuredContent"]["message"], arguments


@ONE_ENGINE
def test_a_call_without_the_pages_token_is_not_taken(shop: ShopUnderTest) -> None:
    """Another site cannot make a person's browser ask in their name."""
    sofia = talking_sofia(shop)
    with watching(shop) as seen:
        response = ask(sofia, {"name": "view_cart", "arguments": {}}, **{"X-CSRFToken": "forged"})
    assert response.status_code == 400 and "This page has become too old" in response.text
    assert seen.names == ["access.denied"] and seen.events[0].content["facts"]["handle"] == "form_token"


@ONE_ENGINE
def test_only_results_that_a_widget_shows_offer_one(shop: ShopUnderTest) -> None:
    """A refused call and a tool without a widget offer none, and are not given to a frame either."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("buy a long context hoodie in black, L")
    refused = sofia.latest_call("add_to_cart")
    assert (refused.outcome or {})["kind"] == "denied" and "add_to_cart" in OF_TOOLS
    assert f'data-call="{refused.id}"' not in sofia.get(f"/assistant/{sofia.conversation}").text
    assert sofia.get(f"/assistant/{sofia.conversation}/widget-calls/{refused.id}").status_code == 404
