"""`docs/request-flow.md` is true: each trip is played, traced, and compared with its list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.assistant.scripted import Gate, OpenStream, ScriptedModel, text
from tests.flows.scenes import allowed_to_buy, in_cart
from tests.mcp.host import failure, host_of
from tests.mcp.test_authorization import signed
from tests.support.assistants import connect
from tests.support.documents import document
from tests.support.people import INES, SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE
from tests.support.trace import Seen, Trace, passed, traced

Building = Callable[..., ShopUnderTest]

FLOWS = document("docs/request-flow.md")
_STEP = re.compile(r"^(\d+)\. \[`(shop/[\w/]+\.py:[\w.]+)`\]\(\.\./(shop/[\w/]+\.py)\): \S", re.MULTILINE)

CHAT, AUDIENCE = "Add to cart, said in chat", "MCP call with a wrong audience"
REFRESH, SUSPENSION = "Token refresh", "Suspension that ends a running turn"

ALWAYS_LISTED = {
    CHAT: {
        "shop/access.py:enforce",
        "shop/guards/rate_limits.py:RateLimits.check_principal",
        "shop/conversations/turns.py:begin",
        "shop/conversations/delegation.py:assistant_for",
        "shop/assistant/turn/loop.py:TurnLoop.run",
        "shop/assistant/turn/context.py:input_for",
        "shop/assistant/model/client.py:Model.stream",
        "shop/tools/gateway.py:Gateway._pass",
        "shop/tools/registry.py:find",
        "shop/tools/tool.py:Tool.validate",
        "shop/credentials/ledger.py:live",
        "shop/authorization/policy.py:Policy.authorize",
        "shop/tools/permit.py:require",
        "shop/tools/workflows/change_cart.py:add_to_cart",
        "shop/store/carts.py:add",
        "shop/audit/writer.py:record",
    },
    AUDIENCE: {"shop/oauth/access_token.py:verify", "shop/audit/denials.py:record_refused_handle"},
    REFRESH: {"shop/credentials/ledger.py:live", "shop/audit/writer.py:record"},
    SUSPENSION: {
        "shop/access.py:enforce",
        "shop/credentials/ledger.py:live",
        "shop/authorization/policy.py:Policy.authorize",
        "shop/credentials/ledger.py:end",
        "shop/conversations/turns.py:stop_below",
        "shop/approvals/receipts.py:void_open_below",
        "shop/conversations/turns.py:beat",
        "shop/conversations/turns.py:finish",
        "shop/audit/writer.py:record",
    },
}
"""Checks and effects of which a reader must not be spared: a list does not get shorter by leaving these out."""

MOST_FILES = {CHAT: 22, SUSPENSION: 12}


def listed(trip: str) -> list[str]:
    """The functions that the document lists for a trip, each as `file:function`."""
    steps = _STEP.findall(FLOWS.section(trip))
    assert [int(number) for number, *_ in steps] == list(range(1, len(steps) + 1)), f"{trip}: not numbered in order"
    assert len(steps) == len(re.findall(r"^\d+\. ", FLOWS.section(trip), re.MULTILINE)), (
        f"{trip}: a step is no function"
    )
    assert all(name.startswith(f"{link}:") for _, name, link in steps), f"{trip}: a link leads elsewhere"
    return [name for _, name, _ in steps]


def files(names: list[str]) -> set[str]:
    """The files of some functions."""
    return {name.partition(":")[0] for name in names}


def compare(trip: str, calls: list[Seen]) -> None:
    """The listed functions were called in this order, and whoever waited for one of them is listed too."""
    names = listed(trip)
    steps = passed(calls, names)
    left_out = {caller for step in steps for caller in step.callers} - files(names)
    assert not left_out, f"{trip}: {sorted(left_out)}"
    assert ALWAYS_LISTED[trip] - set(names) == set()


@pytest.fixture
def trace() -> Iterator[Trace]:
    """Sees the thread of the test and those that begin in it. It is there before the shop is."""
    with traced() as trace:
        yield trace


@pytest.mark.parametrize("trip", MOST_FILES)
def test_the_way_leads_through_few_files(trip: str) -> None:
    """Whoever follows a message to its audit event, or a suspension to the end of a turn, opens few files."""
    assert len(files(listed(trip))) <= MOST_FILES[trip]


@ONE_ENGINE
def test_add_to_cart_said_in_chat(trace: Trace, shop: ShopUnderTest) -> None:
    """A message leads through the listed functions to the audit event of the call that came of it."""
    sofia = shop.sign_in(SOFIA)
    allowed_to_buy(sofia)
    before = in_cart(sofia)
    sofia.csrf_token()  # of the page that is open: what happens before is not the trip
    with trace.recording():
        sofia.say("add the first one")
    assert in_cart(sofia) == before + 1
    assert sofia.events()[-2:] == ["tool_call.succeeded", "turn.completed"]
    compare(CHAT, trace.calls)


@ONE_ENGINE
def test_mcp_call_with_a_wrong_audience(trace: Trace, shop: ShopUnderTest) -> None:
    """A token for another resource leads through the listed functions to a refusal, and never to the gateway."""
    host = host_of(shop.sign_in(SOFIA))
    token = signed(host, aud="https://other.example/mcp")
    with trace.recording():
        answer = host.ask("tools/call", {"name": "view_cart", "arguments": {}}, headers={"Authorization": token})
    assert failure(answer)[0] == 401
    compare(AUDIENCE, trace.calls)
    assert not [call for call in trace.calls if call.name.startswith("shop/tools/gateway.py")]


@ONE_ENGINE
def test_token_refresh(trace: Trace, shop: ShopUnderTest) -> None:
    """A refresh token leads through the listed functions to a new pair of tokens."""
    assistant = connect(shop.sign_in(SOFIA))
    with trace.recording():
        assert assistant.refresh().status_code == 200
    compare(REFRESH, trace.calls)


@ONE_ENGINE
def test_suspension_that_ends_a_running_turn(trace: Trace, build_shop: Building) -> None:
    """A suspension leads through the listed functions to the end of a turn whose model is still talking."""
    gate = Gate()
    shop = build_shop(model=ScriptedModel([*text("I will look. "), gate, *text("Two fit.")]))
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    member = sofia.principal().membership
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    ines.csrf_token()
    with trace.recording():
        assert ines.post(f"/admin/people/{member}/suspend").status_code == 303
        gate.open()
        assert "Your account was suspended." in stream.read_to_the_end()
    assert [turn.error_code for turn in sofia.turns()] == ["suspended"]
    compare(SUSPENSION, trace.calls)


def seen(name: str, thread: int = 1, callers: tuple[str, ...] = ()) -> Seen:
    """A call of a function `name` of a file `name`."""
    return Seen(f"shop/{name}.py:{name}", callers, thread)


@pytest.mark.parametrize(
    "calls",
    [
        [seen("b"), seen("a"), seen("c", 2)],
        [seen("a"), seen("c", 2)],
        [seen("a"), seen("b", 2), seen("c", 1)],
    ],
    ids=["in another order", "one is missing", "back in the thread that was left"],
)
def test_a_list_that_is_not_what_happened_is_found(calls: list[Seen]) -> None:
    """A function that was not called, or not in its place, fails the comparison; calls between two steps do not."""
    names = [f"shop/{name}.py:{name}" for name in "abc"]
    right = [seen("a"), seen("between"), seen("b"), seen("c", 2)]
    assert [step.name for step in passed(right, names)] == names
    with pytest.raises(AssertionError, match="was not called"):
        passed(calls, names)


def test_a_file_between_two_steps_cannot_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a listed function is listed too."""
    calls = [seen(f"{number}", callers=("shop/between.py",)) for number in range(3)]
    monkeypatch.setitem(ALWAYS_LISTED, REFRESH, set())
    monkeypatch.setattr(f"{__name__}.listed", lambda _trip: [call.name for call in calls])
    with pytest.raises(AssertionError, match="between"):
        compare(REFRESH, calls)
