"""Sofia, her assistant, and a receipt that waits for her."""

from __future__ import annotations

import pytest

from shop.tools.outcomes import AwaitingApproval
from tests.support.people import SOFIA, Assistant, ShopUnderTest, Visitor
from tests.support.state import HOODIE


@pytest.fixture
def sofia(shop: ShopUnderTest) -> Visitor:
    """Sofia in her browser, signed in."""
    return shop.sign_in(SOFIA)


@pytest.fixture
def assistant(sofia: Visitor) -> Assistant:
    """Her assistant, allowed to browse, read and transact."""
    return sofia.assistant("transact")


@pytest.fixture
def waiting(assistant: Assistant) -> str:
    """The id of an open receipt for one hoodie at €58.00."""
    assert assistant.call("add_to_cart", sku=HOODIE).kind == "succeeded"
    return asked(assistant)


def asked(assistant: Assistant, tool: str = "place_order", **arguments: object) -> str:
    """Have the assistant propose something that must be confirmed; the id of its receipt."""
    outcome = assistant.propose(tool, arguments)
    assert isinstance(outcome, AwaitingApproval), outcome
    return outcome.receipt_id
