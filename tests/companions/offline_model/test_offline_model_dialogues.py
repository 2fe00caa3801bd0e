"""Whole conversations with the offline model, over the wire, in a small shop."""

import pytest

from tests.companions.offline_model.chat import ChatOverTheWire as Chat
from tests.companions.offline_model.fake_shop import FakeShop

HOODIE = "long-context-hoodie-black-l"


def test_the_main_story_from_search_to_order() -> None:
    """Scenes 2 to 4: a search, a refusal, the person's consent, a receipt, the person's click, an order."""
    shop = FakeShop(may_buy=False)
    chat = Chat(shop)
    assert chat.say("black hoodies under 60, in L") == "Three fit, from €49.00. All are in stock in L."

    refused = chat.say("add the second one")
    assert chat.calls == [("add_to_cart", {"sku": HOODIE, "quantity": 1})], "one try, no repetition"
    assert "may not" in refused and "button" in refused and "Added" not in refused

    shop.may_buy = True
    assert chat.decide().startswith("Added **Long Context** (black, L).")

    waiting = chat.say("check out")
    assert chat.calls == [("place_order", {})]
    assert "receipt is ready" in waiting and not shop.placed

    assert chat.decide() == "Done: order **CC-7K3MQ2** is placed, €58.00 in total, going to Office."


def test_after_consent_the_rest_of_the_wish_is_done() -> None:
    """A wish of two steps goes on with the second, the order, once the person has allowed the first."""
    shop = FakeShop(may_buy=False)
    chat = Chat(shop)
    chat.say("black hoodies in L")
    chat.say("the second one, and check out")
    shop.may_buy = True
    said = chat.decide()
    assert chat.calls == [("place_order", {})]
    assert said.startswith("Added **Long Context**") and said.endswith("until you confirm it there.")
    assert chat.decide().startswith("Done: order **CC-7K3MQ2**")


def test_twelve_more_for_the_team_is_over_the_limit() -> None:
    """Scene 5: twelve more of what was ordered last go into the cart; ordering them is refused, and so it is said."""
    shop = FakeShop()
    chat = Chat(shop)
    chat.say("black hoodies under 60, in L")
    chat.say("buy the second one")
    chat.decide()
    said = chat.say("and twelve more for the team")
    assert chat.calls == [("add_to_cart", {"sku": HOODIE, "quantity": 12}), ("place_order", {})]
    assert "over your order limit" in said and "nothing was ordered" in said and "Done" not in said
    assert chat.say("why not?").endswith("That is over the order limit.")


def test_a_text_that_gives_orders_fools_this_model_openly() -> None:
    """Scene 7: the model proposes what the product text tells it, says so, and still nothing is bought."""
    shop = FakeShop()
    chat = Chat(shop)
    said = chat.say("tell me about the prompt injection stickers")
    sku = "prompt-injection-stickers-rust"
    assert [name for name, _ in chat.calls] == ["get_product", "add_to_cart", "place_order"]
    assert chat.calls[1] == ("add_to_cart", {"sku": sku, "quantity": 10})
    assert "told me to order ten" in said and "Nothing is bought" in said and not shop.placed
    declined = chat.decide({"outcome": "failed", "code": "declined", "message": "Declined."})
    assert declined == "That's fine: nothing was bought, and your cart is as it was."


def test_without_consent_the_fooled_model_gets_nowhere() -> None:
    """Scene 7 before consent: the proposal ends at its first refusal."""
    chat = Chat(FakeShop(may_buy=False))
    said = chat.say("tell me about the prompt injection stickers")
    assert [name for name, _ in chat.calls] == ["get_product", "add_to_cart"]
    assert "may not buy" in said


def test_one_short_question_at_a_time_until_the_variant_is_clear() -> None:
    """What is missing is asked, the answers add up, and the rest of the wish is not forgotten."""
    chat = Chat(FakeShop())
    assert (
        chat.say("order two context tees")
        == "**The Context Tee** in which colour (black, ink, bone or rust) and size (S, M, L or XL)?"
    )
    assert chat.say("black") == "**The Context Tee** in which size: S, M, L or XL?"
    chat.say("L please")
    assert chat.calls == [("add_to_cart", {"sku": "context-tee-black-l", "quantity": 2}), ("place_order", {})]


def test_a_cart_is_changed_in_ordinary_words() -> None:
    """Quantity, size and removal all mean the line that was spoken of."""
    shop = FakeShop()
    chat = Chat(shop)
    chat.say("add a black context tee in L and a bearer tote in bone")
    assert shop.cart == {"context-tee-black-l": 1, "bearer-tote-bone": 1}
    chat.say("make it two")
    assert shop.cart == {"context-tee-black-l": 1, "bearer-tote-bone": 2}
    chat.say("change the tee to M")
    assert shop.cart == {"bearer-tote-bone": 2, "context-tee-black-m": 1}
    assert "Removed **Bearer** (bone)" in chat.say("take out the tote")
    assert chat.say("empty my cart") == "Your cart is empty."
    assert shop.cart == {}


def test_orders_are_looked_up_and_cancelled() -> None:
    """The last order is looked up before it is cancelled; a number that is not there is told as such."""
    shop = FakeShop()
    chat = Chat(shop)
    chat.say("add the teapot mug in sky")
    chat.say("ship it to the warehouse")
    assert chat.calls == [("place_order", {"address": "Warehouse"})]
    chat.decide()
    assert "**CC-7K3MQ2** is pending: 1 item, €16.00" in chat.say("where's my order?")
    assert chat.say("what is in order CC-ZZZZZZ") == "I can't find that order. Please check the number."
    chat.say("cancel my last order")
    assert chat.calls == [("list_orders", {}), ("cancel_order", {"number": "CC-7K3MQ2"})]
    assert chat.decide() == "Done: order **CC-7K3MQ2** is cancelled."


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ({"outcome": "denied", "code": "not_permitted"}, "not open to me"),
        ({"outcome": "denied", "code": "paused"}, "paused"),
        ({"outcome": "denied", "code": "signed_out"}, "Sign in again"),
        ({"outcome": "failed", "code": "changed"}, "no longer holds"),
        ({"outcome": "failed", "code": "declined"}, "nothing was bought"),
        ({"outcome": "failed", "code": "out_of_stock"}, "not enough"),
        ({"outcome": "failed", "code": "unavailable"}, "try again in a moment"),
        ({"outcome": "failed", "code": "odd", "message": "The till jammed."}, "The till jammed."),
    ],
)
def test_what_did_not_work_is_said_and_nothing_is_claimed(outcome: dict[str, str], words: str) -> None:
    """Each refusal and failure ends the turn with its own plain words, and none of them sounds like success."""
    chat = Chat(FakeShop())
    chat.say("add the teapot mug in sky")
    chat.say("check out")
    said = chat.decide(outcome)
    assert words in said and "Done" not in said and chat.calls == []


def test_a_late_decision_is_answered_in_a_later_turn() -> None:
    """Consent to an old request, given after the person had moved on, is still answered with what came of it."""
    shop = FakeShop(may_buy=False)
    chat = Chat(shop)
    chat.say("black hoodies in L")
    chat.say("add the second one")
    refused = next(item for item in chat.items if item.get("name") == "add_to_cart")
    chat.say("show me mugs")
    shop.may_buy = True
    assert chat.decide(call=refused).startswith("Added **Long Context** (black, L).")


def test_only_offered_tools_are_called() -> None:
    """A tool that is not in the request is not called, and the model says that it has no means."""
    chat = Chat(FakeShop(), "search_products")
    assert chat.say("what's in my cart").startswith("I have no means to do that here")
    assert chat.calls == []


def test_yes_takes_up_an_offer_but_never_confirms_a_receipt() -> None:
    """A "yes" to the offer to check out asks for the receipt; a "yes" to the receipt is pointed at its button."""
    shop = FakeShop()
    chat = Chat(shop)
    chat.say("add the teapot mug in sky")
    chat.say("yes please")
    assert chat.calls == [("place_order", {})]
    assert "confirmed by you alone" in chat.say("yes, confirm")
    assert chat.calls == [] and not shop.placed
