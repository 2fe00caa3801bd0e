"""Step 2: whatever a model writes as arguments is either exactly what a tool declares, or refused and recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from shop.audit.denial_windows import FIRST, DenialWindow
from shop.tools.outcomes import Failed
from shop.tools.registry import TOOLS
from tests.support.people import Assistant, ShopUnderTest
from tests.support.state import HOODIE, ONE_ENGINE, chains_hold, watching


def nested(depth: int) -> list[Any]:
    """Lists in lists."""
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["sku", "quantity", "query", "number", "limit", "product"]) | st.text(), inner
        )
    ),
    max_leaves=12,
)
INVALID: dict[str, object] = {
    "sku is a number": {"sku": 5},
    "sku is missing": {"quantity": 1},
    "sku is empty": {"sku": ""},
    "sku is only spaces": {"sku": "   "},
    "sku of 10,000 characters": {"sku": "x" * 10_000},
    "sku with a lone surrogate": {"sku": "hoodie-\ud800"},
    "sku with a NUL": {"sku": "hoodie\x00"},
    "quantity as text": {"sku": HOODIE, "quantity": "2"},
    "quantity as a float": {"sku": HOODIE, "quantity": 1.0},
    "quantity as a boolean": {"sku": HOODIE, "quantity": True},
    "quantity null": {"sku": HOODIE, "quantity": None},
    "quantity zero": {"sku": HOODIE, "quantity": 0},
    "quantity negative": {"sku": HOODIE, "quantity": -1},
    "quantity one over the most": {"sku": HOODIE, "quantity": 100},
    "quantity beyond 2^53": {"sku": HOODIE, "quantity": 2**63},
    "quantity of 5,000 digits": {"sku": HOODIE, "quantity": 10**5000},
    "quantity 1e999": {"sku": HOODIE, "quantity": json.loads("1e999")},
    "quantity NaN": {"sku": HOODIE, "quantity": json.loads("NaN")},
    "quantity 1e22": {"sku": HOODIE, "quantity": 1e22},
    "a price": {"sku": HOODIE, "price": 1},
    "a total": {"sku": HOODIE, "total": {"minor": 1}},
    "a buyer": {"sku": HOODIE, "buyer": "usr_somebody"},
    "an owner": {"sku": HOODIE, "owner": "usr_somebody"},
    "an organization": {"sku": HOODIE, "organization": "org_other"},
    "a key of 10,000 characters": {"sku": HOODIE, "k" * 10_000: 1},
    "a key with a lone surrogate": {"sku": HOODIE, "\udc80": 1},
    "a key with a NUL": {"sku": HOODIE, "\x00": 1},
    "keys that are no words": {"sku": HOODIE, 1: 2},
    **{f"a value of {depth} lists": {"sku": nested(depth)} for depth in (500, 930)},
    "lists deeper than any stack": nested(50_000),
    "null": None,
    "a list": [],
    "a text": '{"sku": "x"}',
    "a number": 7,
    "bytes": b"\xff\x00",
    "something that is not JSON": object(),
}


@pytest.mark.holds("I5", "I6", "ASI02", "ASVS-8.3.1")
def test_arguments_that_do_not_fit_change_nothing_and_are_recorded_once(
    shop: ShopUnderTest, assistant: Assistant
) -> None:
    """What is not declared is refused with a sentence of bearable length; nothing changes, and one event says so."""
    for name, arguments in INVALID.items():
        shop.clock.pass_by(seconds=10)  # more than ten of these within a minute would only be counted
        with watching(shop) as seen:
            outcome = assistant.propose("add_to_cart", arguments)
        assert isinstance(outcome, Failed) and outcome.code == "invalid_arguments", name
        assert 10 < len(outcome.message) < 600, name
        json.dumps(outcome.for_model(), ensure_ascii=False).encode()
        assert (seen.changed, seen.names) == (set(), ["tool_call.failed"]), name
        event = seen.events[0]
        assert event.content["facts"] == {"tool": "add_to_cart", "workflow": "transact", "code": "invalid_arguments"}
        assert len(json.dumps(event.personal)) < 8000, name
    assert chains_hold(shop)


THE_SERVERS = {
    "price",
    "amount",
    "total",
    "buyer",
    "owner",
    "subject",
    "organization",
    "approved",
    "receipt",
    "seen",
    "pin",
}
"""What only the server may say."""


@ONE_ENGINE
@pytest.mark.holds("I6", "ASI02")
def test_nobody_can_give_a_tool_more_than_it_declares(shop: ShopUnderTest, assistant: Assistant) -> None:
    """Every tool refuses an argument that it does not declare: price, total, buyer, identity are the server's."""
    required = {"add_to_cart": {"sku": HOODIE}, "get_product": {"product": "Bearer"}}
    assert assistant.call("add_to_cart", sku=HOODIE).kind == "succeeded"
    with watching(shop) as seen:
        for name, tool in TOOLS.items():
            assert tool.schema()["additionalProperties"] is False
            assert not THE_SERVERS & set(tool.schema()["properties"])
            for extra in sorted(THE_SERVERS):
                outcome = assistant.propose(name, {**required.get(name, {}), extra: "1"})
                assert isinstance(outcome, Failed) and outcome.code == "invalid_arguments", (name, extra)
                assert extra in outcome.message
    assert seen.changed == set()
    assert seen.names == ["tool_call.failed"] * len(TOOLS) * FIRST, "of each tool, the first are events"
    with shop.database.read() as db:
        counted = db.scalar(select(func.sum(DenialWindow.count)))
    assert counted == len(TOOLS) * len(THE_SERVERS), "and all are counted"


@ONE_ENGINE
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(TOOLS)) | st.text(max_size=80), arguments=JSON)
@pytest.mark.holds("I5", "ASI02")
def test_whatever_a_model_proposes_has_an_outcome_and_an_event(
    shop: ShopUnderTest, assistant: Assistant, name: str, arguments: object
) -> None:
    """No name and no JSON value makes the gateway raise: each proposal ends in one typed outcome and one event of it."""
    shop.clock.pass_by(seconds=7)  # more than ten of a kind within a minute would only be counted
    before = len(assistant.events())
    outcome = assistant.propose(name, arguments)
    json.dumps(outcome.for_model(), ensure_ascii=False).encode()
    events = assistant.events()[before:]
    assert [event.name for event in events if event.content["tool_call"] == outcome.call_id] == [outcome.event]
