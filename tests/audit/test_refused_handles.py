"""Whoever comes with what is not theirs, not there or not good any more leaves a recorded denial, in their own trail (I5, I10, I14)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from shop.audit.chain import AuditChain
from shop.audit.denial_windows import FIRST, DenialWindow, close_windows
from shop.audit.events import EventName
from shop.audit.queries import RecordedEvent
from shop.audit.verification import verify
from shop.credentials.sessions import SignedInSession
from tests.mcp.host import HANDSHAKE, OPENS_URLS, Host, host_of
from tests.support.assistants import connect, registered
from tests.support.people import GIL, INES, MARA, SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL
from tests.support.state import FOREIGN_ORDER, HOODIE, NO_ORDER, ONE_ENGINE, watching


@dataclass
class Refused:
    """What an attempt is recorded as, and what of the presented must not stand there."""

    by: str
    """Whose trail it is in: a person's e-mail; empty for a stranger, who is only counted."""
    name: str = "access.denied"
    handle: str | None = None
    secrets: tuple[str, ...] = ()


def sessions_of(shop: ShopUnderTest, visitor: Visitor) -> str:
    with shop.database.read() as db:
        return db.scalars(select(SignedInSession.id).order_by(SignedInSession.started_at.desc())).first() or ""


def asks_to_buy(host: Host) -> tuple[dict[str, Any], str]:
    """A call that waits for its person, and the state that its client keeps."""
    host.call("add_to_cart", {"sku": HOODIE})
    params = {"name": "place_order", "arguments": {}}
    return params, str(host.result("tools/call", params)["requestState"])


def someone_elses_request_state(shop: ShopUnderTest) -> Refused:
    sofia = host_of(shop.sign_in(SOFIA), "browse", "read", "transact", capabilities=OPENS_URLS)
    params, state = asks_to_buy(sofia)
    gil = host_of(shop.sign_in(GIL), "browse", "read", "transact", capabilities=OPENS_URLS)
    assert gil.ask("tools/call", params | {"requestState": state}).status_code == 400
    return Refused(GIL, handle="request_state", secrets=(state,))


def request_state_of_another_call(shop: ShopUnderTest) -> Refused:
    sofia = host_of(shop.sign_in(SOFIA), "browse", "read", "transact", capabilities=OPENS_URLS)
    _, state = asks_to_buy(sofia)
    changed = {"name": "view_cart", "arguments": {}, "requestState": state}
    assert sofia.ask("tools/call", changed).status_code == 400
    return Refused(SOFIA, handle="request_state", secrets=(state,))


def someone_elses_mcp_session(shop: ShopUnderTest) -> Refused:
    sofia = host_of(shop.sign_in(SOFIA), version=HANDSHAKE)
    gil = host_of(shop.sign_in(GIL), version=HANDSHAKE)
    assert gil.ask("tools/list", headers={"Mcp-Session-Id": sofia.session}).status_code == 404
    return Refused(GIL, handle="mcp_session", secrets=(str(sofia.session),))


def revoked_assistant_lists_tools(shop: ShopUnderTest) -> Refused:
    sofia = shop.sign_in(SOFIA)
    host = host_of(sofia)
    sofia.post("/assistants/revoke-all")
    assert host.ask("tools/list").status_code == 401
    return Refused(SOFIA)


def revoked_assistant_reads_a_widget(shop: ShopUnderTest) -> Refused:
    sofia = shop.sign_in(SOFIA)
    host = host_of(sofia)
    uri = next(r["uri"] for r in host.result("resources/list")["resources"] if r["uri"].startswith("ui://"))
    sofia.post("/assistants/revoke-all")
    assert host.ask("resources/read", {"uri": uri}).status_code == 401
    return Refused(SOFIA)


def expired_bearer(shop: ShopUnderTest) -> Refused:
    host = host_of(shop.sign_in(SOFIA))
    shop.clock.pass_by(hours=1)
    assert host.ask("tools/list").status_code == 401
    return Refused(SOFIA, handle="access_token", secrets=(host.assistant.access_token if host.assistant else "",))


def bearer_that_is_none(shop: ShopUnderTest) -> Refused:
    host = Host(shop, None)
    assert host.ask("tools/list", headers={"Authorization": "Bearer no-token-of-ours"}).status_code == 401
    return Refused("", handle="access_token", secrets=("no-token-of-ours",))


def header_that_is_no_bearer(shop: ShopUnderTest) -> Refused:
    host = Host(shop, None)
    assert host.ask("tools/list", headers={"Authorization": "Basic c29maWE6cGFzcw=="}).status_code == 401
    return Refused("", handle="access_token", secrets=("c29maWE6cGFzcw==",))


def someone_elses_consent_question(shop: ShopUnderTest) -> Refused:
    sofia, gil = shop.sign_in(SOFIA), shop.sign_in(GIL)
    page = registered(shop).open(sofia, "browse")
    question = page.text.split('name="question" value="')[1].split('"')[0]
    assert gil.post("/oauth/consent", question=question, answer="allow", scope=["browse"]).status_code == 400
    return Refused(GIL, handle="consent_question", secrets=(question,))


def someone_elses_session(shop: ShopUnderTest) -> Refused:
    gil = shop.sign_in(GIL)
    sofia = shop.sign_in(SOFIA)
    assert gil.post(f"/sessions/{sessions_of(shop, sofia)}/end").status_code == 404
    assert sofia.get("/sessions").status_code == 200
    return Refused(GIL, handle="session")


def someone_elses_grant(shop: ShopUnderTest) -> Refused:
    sofia, gil = shop.sign_in(SOFIA), shop.sign_in(GIL)
    connect(sofia)
    grant = sofia.get("/assistants").text.split("/assistants/gnt_")[1].split("/")[0]
    assert gil.post(f"/assistants/gnt_{grant}/revoke").status_code == 404
    return Refused(GIL, handle="grant")


def cookie_of_an_ended_session(shop: ShopUnderTest) -> Refused:
    sofia, elsewhere = shop.sign_in(SOFIA), shop.sign_in(SOFIA)
    elsewhere.post("/sessions/end-all")
    assert sofia.get("/orders").status_code == 302
    return Refused(SOFIA, handle="session")


def form_without_its_token(shop: ShopUnderTest) -> Refused:
    sofia = shop.sign_in(SOFIA)
    answer = sofia.client.post("/cart/add", base_url=BASE_URL, data={"sku": HOODIE}, headers={"Referer": BASE_URL})
    assert answer.status_code == 400
    return Refused(SOFIA, handle="form_token")


def widget_that_wants_to_buy(shop: ShopUnderTest) -> Refused:
    sofia = shop.sign_in(SOFIA)
    sofia.say("show me hoodies")
    path, headers = f"/assistant/{sofia.conversation}/widget-calls", {"Referer": BASE_URL}
    body = {"name": "place_order", "arguments": {}}
    headers["X-CSRFToken"] = sofia.csrf_token()
    assert sofia.client.post(path, base_url=BASE_URL, json=body, headers=headers).status_code == 400
    return Refused(SOFIA, "tool_call.denied")


def someone_elses_turn_in_ones_own_conversation(shop: ShopUnderTest) -> Refused:
    sofia, gil = shop.sign_in(SOFIA), shop.sign_in(GIL)
    sofia.say("show me hoodies")
    gil.say("show me mugs")
    assert gil.get(f"/assistant/{gil.conversation}/turns/{sofia.turns()[-1].id}").status_code == 404
    return Refused(GIL, handle="answer")


def someone_elses_conversation(shop: ShopUnderTest) -> Refused:
    sofia, gil = shop.sign_in(SOFIA), shop.sign_in(GIL)
    sofia.say("show me hoodies")
    assert gil.get(f"/assistant/{sofia.conversation}/export.json").status_code == 404
    return Refused(GIL)


def undo_of_someone_elses_change(shop: ShopUnderTest) -> Refused:
    gil = shop.sign_in(GIL)
    gil.say("show me hoodies")
    assert gil.post(f"/assistant/{gil.conversation}/undo", call="call_0", card="").status_code == 409
    return Refused(GIL, handle="cart_change")


def receipt_that_is_not_there(shop: ShopUnderTest) -> Refused:
    gil = shop.sign_in(GIL)
    assert gil.get("/approvals/rcp_0").status_code == 404
    return Refused(GIL, "approval.refused")


def agent_of_another_organization(shop: ShopUnderTest) -> Refused:
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    connect(sofia)
    assert ines.get("/admin/agents/agt_0").status_code == 404
    return Refused(INES)


def introspection_of_another_clients_token(shop: ShopUnderTest) -> Refused:
    token = connect(shop.sign_in(SOFIA)).access_token
    other = registered(shop, "Another", method="client_secret_post")
    assert other.send("/oauth/introspect", token=token).get_json() == {"active": False}
    return Refused(SOFIA, handle="access_token", secrets=(token,))


def wrong_secret_at_revocation(shop: ShopUnderTest) -> Refused:
    client = registered(shop, method="client_secret_post")
    client.secret = "not the secret"
    assert client.send("/oauth/revoke", token="x").status_code == 401
    return Refused("", handle="client_credential", secrets=("not the secret",))


def refresh_token_that_nobody_gave_out(shop: ShopUnderTest) -> Refused:
    client = registered(shop)
    client.refresh_token = "no-refresh-token-of-ours"
    assert client.refresh().status_code == 400
    return Refused("", "token.refused", secrets=("no-refresh-token-of-ours",))


def code_that_nobody_gave_out_by_a_client_with_its_secret(shop: ShopUnderTest) -> Refused:
    client = registered(shop, method="client_secret_post")
    assert client.token(grant_type="refresh_token", refresh_token="no-token-of-ours").status_code == 400
    return Refused("system", "token.refused", secrets=("no-token-of-ours", str(client.secret)))


def state_of_a_sign_in_that_nobody_began(shop: ShopUnderTest) -> Refused:
    assert shop.visitor().get("/sign-in/callback?state=no-state-of-ours&code=x").status_code == 400
    return Refused("", "sign_in.failed", secrets=("no-state-of-ours",))


CASES: list[Callable[[ShopUnderTest], Refused]] = [
    someone_elses_request_state,
    request_state_of_another_call,
    someone_elses_mcp_session,
    revoked_assistant_lists_tools,
    revoked_assistant_reads_a_widget,
    expired_bearer,
    bearer_that_is_none,
    header_that_is_no_bearer,
    someone_elses_consent_question,
    someone_elses_session,
    someone_elses_grant,
    cookie_of_an_ended_session,
    form_without_its_token,
    widget_that_wants_to_buy,
    someone_elses_turn_in_ones_own_conversation,
    someone_elses_conversation,
    undo_of_someone_elses_change,
    receipt_that_is_not_there,
    agent_of_another_organization,
    introspection_of_another_clients_token,
    wrong_secret_at_revocation,
    refresh_token_that_nobody_gave_out,
    code_that_nobody_gave_out_by_a_client_with_its_secret,
    state_of_a_sign_in_that_nobody_began,
]
SLUGS = {GIL: "globex"}


@ONE_ENGINE
@pytest.mark.holds("I5", "I10", "I14")
@pytest.mark.parametrize("attempt", CASES, ids=lambda case: case.__name__.replace("_", " "))
def test_a_refused_handle_is_recorded(shop: ShopUnderTest, attempt: Callable[[ShopUnderTest], Refused]) -> None:
    """Once, as the asker's own, with what kind of handle it was; nothing of the other's, and not the handle itself."""
    with watching(shop) as seen:
        refused = attempt(shop)
    with shop.database.read() as db:
        windows = list(db.scalars(select(DenialWindow)))
        assert all(verify(db, chain).ok for chain in db.scalars(select(AuditChain.id)))
    mine = [window for window in windows if window.name in {refused.name, "tool_call.failed"}]
    assert [(window.count, bool(window.party)) for window in mine] == [(1, bool(refused.by))], mine
    if refused.handle:
        assert mine[0].kind.split()[0] in {refused.handle, "introspection"}
    events = [event for event in seen.events if event.name == refused.name]
    assert len(events) == (1 if refused.by else 0)
    text = json.dumps([[event.content, event.personal] for event in seen.events]) + repr(
        [(window.kind, window.principal) for window in windows]
    )
    assert [secret for secret in refused.secrets if secret in text] == []
    if "@" in refused.by:
        _is_their_own(shop, refused, events[0])


def _is_their_own(shop: ShopUnderTest, refused: Refused, event: RecordedEvent) -> None:
    organization = shop.organization(SLUGS.get(refused.by, "acme"))
    assert event.content["organization"] == organization and event.content["subject"]
    assert event.content["facts"].get("handle") == refused.handle
    others = [shop.organization(slug) for slug in ("acme", "globex") if shop.organization(slug) != organization]
    assert not [other for other in others if other in json.dumps([event.content, event.personal])]


@pytest.mark.holds("I5", "I10", "LLM10")
def test_an_assistants_loop_of_refused_calls_is_ten_events_a_minute(shop: ShopUnderTest) -> None:
    """Through the gateway, on both engines: each call is answered, further ones are counted. What is another organization's and
    what is not there count as one for their person, so that no number tells which is which; an auditor is told how many.
    """
    shop.clock.now = shop.clock.now.replace(second=0)
    sofia = shop.sign_in(SOFIA)
    host = host_of(sofia)
    host.meta = {"openai/session": "v1/one"}
    for number in range(40):
        order = FOREIGN_ORDER if number % 2 else NO_ORDER
        assert host.call("get_order", {"number": order})["structuredContent"]["code"] == "not_found"
    shop.clock.pass_by(minutes=2)
    with watching(shop) as seen:
        page = sofia.get("/audit/")
        conversation = page.text.split('href="/audit/conversations/')[1].split('"')[0]
        own = sofia.get(f"/audit/conversations/{conversation}")
        for_auditor = shop.sign_in(MARA)
    assert "denials.counted" in seen.names
    refused = [e for e in shop.chain(conversation) if e.name in {"tool_call.denied", "tool_call.failed"}]
    (counted,) = [e for e in shop.chain(conversation) if e.name is EventName.DENIALS_COUNTED]
    assert len(refused) == FIRST and counted.content["facts"]["count"] == 40 - FIRST
    assert counted.content["facts"]["hidden"] == 20
    assert "30 more refusals between" in own.text and "not theirs" not in own.text
    assert '"hidden": 20' not in own.text and counted.hash not in own.text
    assert for_auditor and close_windows(shop.database) >= 0


@ONE_ENGINE
@pytest.mark.holds("LLM10")
def test_strangers_registrations_and_bearers_fill_no_chain(build_shop: Callable[..., ShopUnderTest]) -> None:
    """A hundred refused registrations, token requests, callbacks and bearers: four counts, one for each, once the minute is over."""
    shop = build_shop(registrations_per_address=1000, registrations_per_hour=1000)
    shop.clock.now = shop.clock.now.replace(second=0)
    client = shop.app.test_client()
    with watching(shop) as seen:
        for number in range(25):
            client.post("/oauth/register", json={"redirect_uris": [f"ftp://{number}"]}, base_url=BASE_URL)
            client.post(
                "/oauth/token", data={"grant_type": "refresh_token", "client_id": f"c{number}"}, base_url=BASE_URL
            )
            client.get(f"/sign-in/callback?state={number}", base_url=BASE_URL)
            Host(shop, None).ask("tools/list", headers={"Authorization": f"Bearer {number}"})
    assert seen.events == []
    shop.clock.pass_by(minutes=2)
    with watching(shop) as closed:
        close_windows(shop.database)
    told = {event.content["facts"]["event"]: event.content["facts"]["count"] for event in closed.events}
    assert set(told.values()) == {25} and set(told) == {
        "access.denied", "client.registration_refused", "sign_in.failed", "token.refused",
    }  # fmt: skip
