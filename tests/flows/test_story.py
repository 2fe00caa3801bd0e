"""The story, scene by scene, over the chat's own routes: the response, the stored row and the audit event together."""

from __future__ import annotations

from tests.support.people import SOFIA, ShopUnderTest


def test_scenes_1_to_4_from_sign_in_to_an_order_number(shop: ShopUnderTest) -> None:
    """A shopper signs in, looks, is asked for consent, adds, checks out, confirms, and has an order."""
    sofia = shop.sign_in(SOFIA)
    reply = sofia.say("black hoodies under 60, in L")
    assert "Long Context" in reply.html
    sofia.say("add the second one")
    refused = sofia.latest_call("add_to_cart")
    assert refused.outcome["code"] == "consent_needed"
    sofia.allow(refused.id)
    assert sofia.latest_call("add_to_cart").outcome["kind"] == "succeeded"
    sofia.say("check out")
    receipt = sofia.latest_call("place_order").outcome["receipt"]
    assert "CC-" in sofia.confirm(receipt).html
    print(sofia.events())
