"""RFC 6749 §6, RFC 9700 §4.14: refresh tokens turn over, are caught when they come twice, and end with what they hang on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from shop.agents import blocks, limits
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, end
from shop.credentials.tokens import RefreshToken, TokenFamily, secret_digest
from shop.oauth.issuer import Issuer
from shop.principal import Workflow
from shop.revocation import cascade
from tests.oauth.looks import events, facts, is_alive, only_grant, row, rows
from tests.support.assistants import ExternalAssistant, connect, error_of, registered
from tests.support.at_once import at_once
from tests.support.people import INES, SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE, chains_hold

Shops = Callable[..., ShopUnderTest]


@pytest.mark.holds("ASVS-10.4.5", "RFC9700-2.2.2")
def test_each_refresh_gives_the_next_token(shop: ShopUnderTest) -> None:
    """§6: a new access token and a new refresh token each time, also for a public client; the old one is used up."""
    assistant = connect(shop.sign_in(SOFIA))
    before = (assistant.access_token, assistant.refresh_token)
    response = assistant.refresh()
    assert response.status_code == 200 and response.get_json()["scope"] == "browse read"
    assert assistant.access_token != before[0] and assistant.refresh_token != before[1]
    assert is_alive(shop, assistant.access_token) and is_alive(shop, before[0])
    used, fresh = (row(shop, RefreshToken, secret_digest(token)) for token in (before[1], assistant.refresh_token))
    assert used.used_at is not None and fresh.used_at is None and used.family_id == fresh.family_id
    event = events(shop, "token.refreshed")[-1].content
    assert event["facts"]["family"] == fresh.family_id and event["actor"]["client"] == assistant.client_id
    stored = str([vars(one) for one in rows(shop, RefreshToken)])
    assert before[1] not in stored and assistant.refresh_token not in stored


@pytest.mark.holds("ASVS-10.4.5", "RFC9700-2.2.2", "RFC9700-4.10")
def test_a_refresh_token_that_comes_twice_kills_its_family(shop: ShopUnderTest) -> None:
    """RFC 9700 §4.14.2: a thief and the client cannot both go on; neither does. Another device of the person's stays."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia)
    stolen = assistant.refresh_token
    assistant.refresh()
    shop.clock.pass_by(seconds=10)  # longer than two processes of one client need to ask at once
    elsewhere = ExternalAssistant(shop, assistant.client_id).connect(sofia)
    assert error_of(assistant.token(grant_type="refresh_token", refresh_token=stolen)) == (400, "invalid_grant")
    assert not is_alive(shop, assistant.access_token)
    assert error_of(assistant.refresh()) == (400, "invalid_grant")
    assert is_alive(shop, elsewhere.access_token) and elsewhere.refresh().status_code == 200
    ended = [family for family in rows(shop, TokenFamily) if family.ended_at]
    assert [family.ended_because for family in ended] == ["refresh_token_reused"]
    told = facts(shop, "refresh_token.reused")
    assert told["client"] == assistant.client_id and len(told["tokens"]) == 2
    assert facts(shop, "token.refused")["grant_type"] == "refresh_token"


@pytest.mark.holds("ASVS-10.4.5")
def test_of_many_that_bring_a_refresh_token_at_once_one_gets_through_at_most(build_shop: Shops) -> None:
    """Without any grace: claimed in one statement before anything is issued, two at once are a theft as much as two in a row."""
    shop = build_shop(refresh_grace=timedelta(0))
    assistant = connect(shop.sign_in(SOFIA))
    form = {"grant_type": "refresh_token", "refresh_token": assistant.refresh_token}
    answers = at_once([lambda: assistant.token(**form)] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    (family,) = rows(shop, TokenFamily)
    assert family.ended_because == "refresh_token_reused"
    assert len(rows(shop, RefreshToken)) == 2
    assert chains_hold(shop)


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.8", "NHI7")
def test_a_refresh_token_ends_by_disuse_and_absolutely(shop: ShopUnderTest) -> None:
    """RFC 9700 §4.14.2: unused for thirty days it is dead; however often it is used, the grant's own end stays where it is."""
    sofia = shop.sign_in(SOFIA)
    idle, busy = connect(sofia, name="Idle"), connect(sofia, name="Busy")
    until = only_grant(shop, busy.client_id)[1].expires_at
    for _ in range(3):
        shop.clock.pass_by(days=29)
        assert busy.refresh().status_code == 200
        assert only_grant(shop, busy.client_id)[1].expires_at == until
    assert error_of(idle.refresh()) == (400, "invalid_grant")
    assert max(token.expires_at for token in rows(shop, RefreshToken)) <= until
    shop.clock.pass_by(days=4)
    assert error_of(busy.refresh()) == (400, "invalid_grant")


@pytest.mark.parametrize("what", ["revoked", "suspended", "blocked", "signed out everywhere", "organization"])
@pytest.mark.holds("I9", "NHI1")
def test_at_a_refresh_everything_it_hangs_on_is_asked_again(shop: ShopUnderTest, what: str) -> None:
    """A person who took it back, was suspended, or whose organization blocked the client: no token, and the reason recorded."""
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    assistant = connect(sofia)
    agent = only_grant(shop, assistant.client_id)[0].agent_id
    person, administrator, policy = sofia.principal(), ines.principal(), shop.services.policy
    with shop.database.write() as db:
        match what:
            case "revoked":
                cascade.revoke_all_grants(db, person)
            case "suspended":
                cascade.suspend(db, policy, administrator, person.membership)
            case "blocked":
                blocks.block_agent(db, policy, administrator, agent)
            case "signed out everywhere":
                cascade.sign_out_everywhere(db, person)
            case "organization":
                end(db, [person.organization], EndReason("contract_ended"))
    assert not is_alive(shop, assistant.access_token)
    refused = assistant.refresh()
    assert error_of(refused) == (400, "invalid_grant")
    assert assistant.refresh_token not in refused.text
    assert facts(shop, "token.refused")["error"] == "invalid_grant"


@ONE_ENGINE
def test_a_refresh_may_ask_for_less_but_never_for_more(shop: ShopUnderTest) -> None:
    """§6: fewer scopes for this access token; more are refused, and a wrong question costs nobody their token."""
    assistant = connect(shop.sign_in(SOFIA))
    assert assistant.refresh(scope="browse").get_json()["scope"] == "browse"
    for more in ("browse transact", "everything"):
        assert error_of(assistant.refresh(scope=more)) == (400, "invalid_scope")
    assert assistant.refresh().get_json()["scope"] == "browse read"


@ONE_ENGINE
@pytest.mark.holds("I3")
def test_a_refresh_gives_what_is_allowed_now(shop: ShopUnderTest) -> None:
    """A ceiling set meanwhile narrows the next token, and lifting it widens it again to what was consented to, no further."""
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    assistant = connect(sofia, "browse", "read", "transact")
    agent = only_grant(shop, assistant.client_id)[0].agent_id
    administrator = ines.principal()
    steps: list[tuple[list[Workflow] | None, str | None]] = [
        ([Workflow.BROWSE], "browse"),
        (None, "browse read transact"),
        ([Workflow.SUPPORT], None),
    ]
    for ceiling, scope in steps:
        with shop.database.write() as db:
            limits.set_ceiling(db, shop.services.policy, administrator, agent, ceiling)
        response = assistant.refresh()
        assert response.get_json().get("scope") == scope
    assert error_of(response) == (400, "invalid_grant")
    assert facts(shop, "agent.ceiling_changed") == {
        "client": assistant.client_id,
        "before": None,
        "after": ["support"],
    }


@ONE_ENGINE
def test_a_refresh_that_gives_nothing_spends_nothing(shop: ShopUnderTest) -> None:
    """While an organization allows nothing of it there is no token; when it does again, the client goes on as before."""
    assistant, administrator = connect(shop.sign_in(SOFIA)), shop.sign_in(INES).principal()
    agent = only_grant(shop, assistant.client_id)[0].agent_id
    for ceiling, status in (([Workflow.SUPPORT], 400), ([Workflow.SUPPORT], 400), (None, 200)):
        with shop.database.write() as db:
            limits.set_ceiling(db, shop.services.policy, administrator, agent, ceiling)
        assert assistant.refresh().status_code == status
    assert events(shop, "refresh_token.reused") == []


@ONE_ENGINE
def test_every_refusal_says_why(shop: ShopUnderTest) -> None:
    """RFC 6749 §5.2: an unknown refresh token, and another client's, get the same code and the same sentence."""
    assistant, other = connect(shop.sign_in(SOFIA)), registered(shop, "Another")
    answers = {other.refresh(refresh_token=token).text for token in (assistant.refresh_token, "unknown")}
    assert len(answers) == 1 and "Ask the person again" in answers.pop()


@ONE_ENGINE
@pytest.mark.holds("M1", "ASI09")
def test_a_new_tool_that_cannot_be_undone_waits_for_a_new_consent(shop: ShopUnderTest) -> None:
    """An old scope does not cover what nobody was told of: the next token leaves the workflow out until the person is asked."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia, "browse", "transact")
    server: Issuer = shop.app.extensions["oauth"]
    today = {**server.risky_tools, "transact": {**server.risky_tools["transact"], "burn_order": "Burn an order"}}
    object.__setattr__(server, "risky_tools", today)
    assert assistant.refresh().get_json()["scope"] == "browse"
    page = assistant.open(sofia, "browse", "transact")
    assert "new in it" in page.text and "Burn an order (new)" in page.text
    assistant.redeem(assistant.ask(sofia, "browse", "transact").code)
    assert assistant.scope == "browse transact"
    assert "burn_order" in only_grant(shop, assistant.client_id)[0].risky_tools["transact"]
    assert assistant.open(sofia, "browse", "transact").status_code == 303, "and is not asked again"


@ONE_ENGINE
def test_only_its_own_client_uses_a_refresh_token(shop: ShopUnderTest) -> None:
    """§6: another client gets nothing and spends nothing; one without refresh tokens is given none."""
    sofia = shop.sign_in(SOFIA)
    assistant, thief = connect(sofia), registered(shop, "A thief")
    assert error_of(thief.refresh(refresh_token=assistant.refresh_token)) == (400, "invalid_grant")
    assert assistant.refresh().status_code == 200
    for odd in ("", "…", "x" * 100, assistant.access_token):
        assert assistant.token(grant_type="refresh_token", refresh_token=odd).status_code == 400
    plain = registered(shop, grant_types=["authorization_code"]).connect(sofia)
    assert plain.refresh_token == ""
    assert error_of(plain.refresh(refresh_token=assistant.refresh_token)) == (400, "unauthorized_client")


@ONE_ENGINE
def test_what_ran_out_is_forgotten(shop: ShopUnderTest) -> None:
    """Rows of access tokens that expired over an hour ago are swept away, so a busy client leaves no pile."""
    assistant = connect(shop.sign_in(SOFIA))
    for _ in range(4):
        shop.clock.pass_by(hours=2)
        assistant.refresh()
    shop.app.extensions["upkeep"].run_all()
    tokens = [authority for authority in rows(shop, Authority) if authority.id.startswith("tok_")]
    assert len(tokens) == 1
    with shop.database.write() as db:
        db.execute(update(RefreshToken).values(expires_at=shop.clock.now))
    assert error_of(assistant.refresh()) == (400, "invalid_grant")
