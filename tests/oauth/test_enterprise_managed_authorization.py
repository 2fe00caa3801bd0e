"""Enterprise-managed authorization (Cross-App Access): an identity assertion of the organization's own provider, redeemed here.

Sections are of the MCP extension "Enterprise-Managed Authorization" and, as "draft", of
draft-ietf-oauth-identity-assertion-authz-grant.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import select

from shop.agents import blocks, limits
from shop.audit.denial_windows import FIRST
from shop.credentials import fair_locks
from shop.credentials.agents import Agent, entry_lock
from shop.credentials.ledger import Authority, live
from shop.identity.members import Profile, connection_of, provision
from shop.identity.models import Connection, Organization, Person
from shop.identity.providers import provider_of
from shop.oauth.grants.assertion_checks import IdentityAssertion
from shop.oauth.resource_server.bearer import authenticate
from shop.principal import Workflow
from shop.revocation import cascade
from tests.oauth.desk import JWT_BEARER, TYPE, Desk, allow_for_everyone, desk
from tests.oauth.looks import events, facts, grants, is_alive, only_grant, refusals, row, rows, scopes_now
from tests.revocation.waiting import Running, wait_until_blocked
from tests.support.assistants import RESOURCE, error_of, registered, segments
from tests.support.people import ADA, GIL, INES, NOAH, SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL, DESK, ServedProvider
from tests.support.state import ONE_ENGINE, chains_hold, watching

SOFIA_THERE, NOAH_THERE, GIL_THERE = "acme-10417", "acme-10562", "globex-0207"


@pytest.fixture
def acme(shop: ShopUnderTest, providers: list[ServedProvider]) -> Desk:
    """Desk at Acme, whose administrator allowed it for everybody to look and read."""
    client = desk(shop, providers[0])
    allow_for_everyone(shop.sign_in(INES), DESK, "browse", "read")
    return client


def refused(client: Desk, assertion: str, **changed: str | None) -> str:
    """The description of the refusal that an assertion gets; nothing but its record is left."""
    shop = client.assistant.shop
    before = refusals(shop, "token.refused")
    with watching(shop) as seen:
        response = client.redeem(assertion, **changed)
    assert error_of(response) == (400, "invalid_grant"), response.text
    ((which, number),) = refusals(shop, "token.refused").items() - before.items()
    assert "invalid_grant" in which and number == before.get(which, 0) + 1
    assert seen.names == (["token.refused"] if number <= FIRST else []) and seen.changed <= {"identity_assertions"}
    assert all(event.content["facts"]["error"] == "invalid_grant" for event in seen.events)
    return str(response.get_json()["error_description"])


@pytest.mark.holds("EMA-5", "EMA-6", "I3", "ASVS-10.3.3")
def test_an_assertion_becomes_a_token_and_nobody_is_asked(shop: ShopUnderTest, acme: Desk) -> None:
    """§5: signed in at Acme's provider, asserted, redeemed: a token of a grant that the organization made; on record as that."""
    assertion = acme.assertion(SOFIA)
    header, claims = segments(assertion)
    assert header["typ"] == TYPE and (claims["aud"], claims["resource"]) == (BASE_URL, RESOURCE)

    answer = acme.redeem(assertion).get_json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}, "no refresh token"
    assert (answer["token_type"], answer["scope"], answer["expires_in"]) == ("Bearer", "browse read", 600)
    grant, authority = only_grant(shop, DESK)
    sofia = row(shop, Person, grant.person_id)
    assert (
        (sofia.email, sofia.name) == (SOFIA, "Sofia Hart")
        and grant.by_organization
        and grant.authenticated_by.startswith("jag_")
    )
    assert authority.scopes == ["browse", "read"] and grant.redirect_host == ""
    _, said = segments(answer["access_token"])
    assert (said["sub"], said["grant"], said["aud"]) == (sofia.id, grant.id, RESOURCE) and "sid" not in said

    event = events(shop, "grant.asserted")[-1].content
    assert event["subject"] == sofia.id and event["actor"]["client"] == DESK
    assert event["facts"]["assertion"] == grant.authenticated_by and event["facts"]["before"] is None
    assert facts(shop, "token.issued")["scopes"] == ["browse", "read"]
    with shop.app.app_context():
        principal = authenticate(acme.assistant.authorization)
    assert shop.gateway.call_tool(principal, None, "search_products", {"query": "hoodie"}).kind == "succeeded"
    assert shop.gateway.call_tool(principal, None, "add_to_cart", {"sku": "x"}).kind != "succeeded"
    metadata = shop.visitor().get("/.well-known/oauth-authorization-server").get_json()
    assert metadata["authorization_grant_profiles_supported"] == ["urn:ietf:params:oauth:grant-profile:id-jag"]
    assert assertion not in json.dumps([event.content for event in shop.chain(shop.organization("acme"))])
    assert chains_hold(shop)


@pytest.mark.holds("EMA-7.4.2", "RFC9700-4.10")
def test_7_4_2_an_assertion_is_good_once_in_whatever_process(
    shop: ShopUnderTest, acme: Desk, build_shop: Callable[..., ShopUnderTest]
) -> None:
    """Of several that bring it at once, one gets a token; another process refuses it too; the row goes when it has expired."""
    assertion = acme.assertion(SOFIA)
    with ThreadPoolExecutor(4) as threads:
        statuses = sorted(r.status_code for r in threads.map(lambda _: acme.redeem(assertion), range(4)))
    assert statuses == [200, 400, 400, 400]
    elsewhere = Desk(acme.provider, acme.assistant)
    elsewhere.assistant.shop = build_shop()
    assert "used before" in refused(elsewhere, assertion)
    used = rows(shop, IdentityAssertion)
    assert len(used) == 1 and segments(assertion)[1]["jti"] not in used[0].jti_hash
    shop.clock.pass_by(minutes=7)
    assert "expired" in refused(elsewhere, assertion)


BENT: dict[str, tuple[dict[str, Any], str]] = {
    "7.4.1 of another issuer": ({"iss": "https://evil.example"}, "No organization"),
    "7.4.1 of the other company's issuer": ({"iss": "globex"}, "No organization"),
    "7.4.1 without an issuer": ({"iss": None}, "No organization"),
    "7.4.1 from an issuer that is no text": ({"iss": ["https://evil.example"]}, "No organization"),
    "7.6.2 for another authorization server": ({"aud": "https://other.example"}, "its aud must be"),
    "7.6.2 for several": ({"aud": [BASE_URL, "https://other.example"]}, "its aud must be"),
    "7.6.2 for the token endpoint": ({"aud": f"{BASE_URL}/oauth/token"}, "its aud must be"),
    "7.6.2 for another resource": ({"resource": "https://other.example/mcp"}, "its resource"),
    "7.6.2 for no resource": ({"resource": None}, "its resource"),
    "7.6.2 with aud and resource swapped": ({"aud": RESOURCE, "resource": BASE_URL}, "its aud must be"),
    "7.6.2 for a scope that is none": ({"scope": "browse admin"}, "its scope"),
    "draft 4.4.1 for another client": ({"client_id": "cli_other"}, "another client"),
    "draft 4.4.1 for no client": ({"client_id": None}, "another client"),
    "7.4.2 that has expired": ({"iat": 1_700_000_000, "exp": 1_700_000_300}, "expired"),
    "7.4.2 that never expires": ({"exp": None}, "expired"),
    "7.4.2 that expires in words": ({"exp": "tomorrow"}, "expired"),
    "7.4.2 from the future": ({"iat": 4_000_000_000, "exp": 4_000_000_300}, "not valid yet"),
    "7.4.2 that lives for an hour": ({"hours": 1}, "more than ten minutes"),
    "7.4.2 without a jti": ({"jti": None}, "a jti"),
    "7.4.2 with a jti that is no text": ({"jti": 7}, "a jti"),
    "draft 3.1 about nobody": ({"sub": None}, "a sub"),
    "draft 9.11 bound to a key": ({"cnf": {"jkt": "x"}}, "bound to a key"),
}


@ONE_ENGINE
@pytest.mark.holds("EMA-7.4.1", "EMA-7.4.2", "EMA-7.6.2", "ASVS-9.2.1", "ASVS-9.2.3", "RFC9700-4.4")
def test_an_assertion_with_one_claim_bent_is_refused(
    shop: ShopUnderTest, acme: Desk, providers: list[ServedProvider]
) -> None:
    """However well it is signed: issuer, audience and resource as a pair, client, time and identifiers are all checked."""
    for what, (bent, says) in BENT.items():
        claims = acme.claims(SOFIA_THERE) | {name: value for name, value in bent.items() if name != "hours"}
        claims = {name: value for name, value in claims.items() if value is not None}
        if bent.get("iss") == "globex":
            claims["iss"] = f"http://127.0.0.1:{providers[1].port}"
        if "hours" in bent:
            claims["exp"] = claims["iat"] + 3600
        assert says in refused(acme, acme.provider.sign(claims, TYPE)), what
    assert not grants(shop, DESK)
    assert acme.redeem(acme.signed(SOFIA_THERE)).status_code == 200, "and with none of them bent it is taken"


@ONE_ENGINE
@pytest.mark.holds("EMA-7.4.1", "ASVS-9.1.1", "ASVS-9.1.2", "ASVS-9.1.3", "ASVS-9.2.2")
def test_7_4_1_only_the_providers_own_signature_and_type_count(
    shop: ShopUnderTest, acme: Desk, providers: list[ServedProvider]
) -> None:
    """Unsigned, by the public key as a secret, by a key of its own, by another company's: refused; so is an ID token."""
    good = acme.signed(SOFIA_THERE)
    header, claims = segments(good)
    head, body, signature = good.split(".")
    published = RSAKey.import_key(acme.provider.app.test_client().get("/jwks").get_json()["keys"][0])
    confused = f"{_encoded({**header, 'alg': 'HS256'})}.{body}"
    mac = hmac.new(published.as_pem(private=False), confused.encode(), hashlib.sha256).digest()
    own, small = RSAKey.generate_key(2048), ECKey.generate_key("P-256")
    forged = [
        f"{_encoded({**header, 'alg': 'none'})}.{body}.",
        f"{confused}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}",
        f"{head}.{_encoded({**claims, 'sub': NOAH_THERE})}.{signature}",
        jwt.encode({"typ": TYPE, "alg": "ES256", "jwk": small.as_dict(private=False)}, claims, small, ["ES256"]),
        jwt.encode({**header, "jku": "https://evil.example/jwks"}, claims, own, ["RS256"]),
        jwt.encode(header, claims, own, ["RS256"]),
        providers[1].sign(claims, TYPE),
    ]
    for assertion in forged:
        assert "its signature" in refused(acme, assertion), assertion[:60]
    for nonsense in ("not.a.token", "…", "a" * 5000, f"{head}.{_encoded(['no claims'])}.{signature}"):
        assert "not a JWT" in refused(acme, nonsense), nonsense[:60]
    for typ in ("JWT", "at+jwt", "id_token", ""):
        assert "its typ" in refused(acme, acme.signed(SOFIA_THERE, typ=typ)), typ
    assert "No organization" in refused(acme, acme.provider.sign({"aud": "desk", "sub": SOFIA_THERE}, "JWT"))
    assert "its typ" in refused(acme, acme.sign_in(SOFIA)), "an ID token is for the client, and asserts nothing here"
    assert not grants(shop, DESK)


@ONE_ENGINE
@pytest.mark.holds("EMA-7.7", "ASVS-10.4.10")
def test_7_7_a_client_that_is_not_the_one_or_proves_nothing_gets_nothing(shop: ShopUnderTest, acme: Desk) -> None:
    """A public client, one that is not registered for this, and one with a wrong secret; and a stolen assertion is not spent."""
    assertion = acme.assertion(SOFIA)
    public = registered(shop, grant_types=["authorization_code", JWT_BEARER])
    assert error_of(public.token(grant_type=JWT_BEARER, assertion=assertion)) == (401, "invalid_client")
    thief = registered(shop, method="client_secret_post", grant_types=["authorization_code", JWT_BEARER])
    assert error_of(thief.token(grant_type=JWT_BEARER, assertion=assertion)) == (400, "invalid_grant")
    allow_for_everyone(shop.sign_in(INES), thief.client_id, "browse")
    stolen = thief.token(grant_type=JWT_BEARER, assertion=assertion)
    assert "issued for another client" in stolen.get_json()["error_description"]
    other = registered(shop, method="client_secret_post")
    allow_for_everyone(shop.sign_in(INES), other.client_id, "browse")
    own = acme.signed(SOFIA_THERE, client_id=other.client_id)
    assert error_of(other.token(grant_type=JWT_BEARER, assertion=own)) == (400, "unauthorized_client")
    assert error_of(acme.redeem(assertion, client_secret="wrong")) == (401, "invalid_client")
    assert error_of(acme.redeem(None)) == (400, "invalid_request")
    assert error_of(acme.redeem(assertion, resource="https://other.example")) == (400, "invalid_target")
    assert acme.redeem(acme.assertion(SOFIA)).status_code == 200


@pytest.mark.holds("I10", "EMA-7.4.1", "ASVS-8.4.1")
def test_another_organizations_person_gets_nothing(
    shop: ShopUnderTest, acme: Desk, providers: list[ServedProvider]
) -> None:
    """Globex allowed nothing: its own assertion is refused like one of nobody's; and Acme's provider speaks for Acme alone."""
    globex = Desk(providers[1], acme.assistant)
    description = refused(globex, globex.assertion(GIL))
    assert description == refused(acme, acme.signed(GIL_THERE, iss="https://evil.example"))
    assert "another company" not in description and "Globex" not in description
    foreign = acme.signed(GIL_THERE, email=GIL, groups=["shop-buyers"])
    assert "own addresses" in refused(acme, foreign)
    assert "never signed in" in refused(acme, acme.signed(GIL_THERE))
    assert not grants(shop, DESK)


@pytest.mark.holds("NHI1", "I9", "ASVS-7.4.2")
def test_an_off_boarded_persons_assistant_gets_nothing(shop: ShopUnderTest, acme: Desk) -> None:
    """Suspended here: the token dies at the next call, no assertion helps; and restored, only a new sign-in does."""
    acme.redeem(acme.assertion(SOFIA))
    token, ines, grant = acme.assistant.access_token, shop.sign_in(INES).principal(), only_grant(shop, DESK)[0]
    with shop.database.write() as db:
        cascade.suspend(db, shop.services.policy, ines, grant.membership_id)
    assert not is_alive(shop, token)
    assert "membership suspended" in refused(acme, acme.signed(SOFIA_THERE, auth_time=4_000_000_000))
    assert facts(shop, "token.refused")["person"] == grant.person_id
    assert [one.id for one, _ in grants(shop, DESK)] == [grant.id], "no grant waits for the suspension's end"
    with shop.database.write() as db:
        cascade.restore(db, shop.services.policy, ines, grant.membership_id)
    now = int(shop.clock.now.timestamp())
    assert "has ended" in refused(acme, acme.signed(SOFIA_THERE, auth_time=now - 3600))
    assert acme.redeem(acme.signed(SOFIA_THERE, auth_time=now + 60)).status_code == 200


@pytest.mark.holds("I9", "ASVS-10.4.9", "ASVS-10.7.3")
def test_what_a_person_took_back_stays_so_until_they_sign_in_anew(shop: ShopUnderTest, acme: Desk) -> None:
    """Their revocation acts at the next call, and what the client still holds does not undo it."""
    assertion = acme.assertion(SOFIA)
    acme.redeem(assertion)
    sofia, grant = shop.sign_in(SOFIA).principal(), only_grant(shop, DESK)[0].id
    with shop.database.write() as db:
        cascade.revoke_grant(db, sofia, grant)
    assert not is_alive(shop, acme.assistant.access_token)
    now = int(shop.clock.now.timestamp())
    assert "has ended" in refused(acme, acme.signed(SOFIA_THERE, auth_time=now - 60))
    assert "has ended" in refused(acme, acme.signed(SOFIA_THERE)), "a provider that does not say when cannot say anew"
    assert acme.redeem(acme.assertion(NOAH)).status_code == 200, "a colleague decides for himself"
    assert acme.redeem(acme.signed(SOFIA_THERE, auth_time=now + 60)).status_code == 200
    assert len({grant.id for grant, _ in grants(shop, DESK)}) == 3


@pytest.mark.holds("I3", "I9", "EMA-7.2.1", "ASI10")
def test_the_organization_narrows_blocks_and_takes_back_at_the_next_call(shop: ShopUnderTest, acme: Desk) -> None:
    """Scopes are the least of assertion, request, allowance and ceiling; block and withdrawal kill; lifted, it goes on."""
    ines, policy = shop.sign_in(INES).principal(), shop.services.policy
    entry = next(agent for agent in rows(shop, Agent) if agent.client_id == DESK).id
    assert acme.redeem(acme.assertion(SOFIA, scope="browse")).get_json()["scope"] == "browse"
    assert acme.redeem(acme.assertion(SOFIA), scope="read").get_json()["scope"] == "read"
    assert acme.redeem(acme.assertion(SOFIA, scope="browse transact")).get_json()["scope"] == "browse"
    assert error_of(acme.redeem(acme.assertion(SOFIA, scope="transact")))[1] == "invalid_scope"
    assert error_of(acme.redeem(acme.assertion(SOFIA), scope="everything"))[1] == "invalid_scope"

    with shop.database.write() as db:
        limits.set_ceiling(db, policy, ines, entry, [Workflow.BROWSE])
    assert acme.redeem(acme.assertion(SOFIA)).get_json()["scope"] == "browse"
    token = acme.assistant.access_token
    with shop.database.write() as db:
        blocks.block_agent(db, policy, ines, entry)
    assert not is_alive(shop, token) and "blocked" in refused(acme, acme.signed(SOFIA_THERE))
    with shop.database.write() as db:
        blocks.unblock_agent(db, policy, ines, entry)
        limits.set_ceiling(db, policy, ines, entry, None)
    assert acme.redeem(acme.signed(SOFIA_THERE)).status_code == 200, "an administrator's own word needs no new sign-in"
    token = acme.assistant.access_token
    with shop.database.write() as db:
        limits.allow_for_everyone(db, policy, ines, entry, None, {})
    assert not is_alive(shop, token) and "No organization" in refused(acme, acme.signed(SOFIA_THERE))
    page = shop.sign_in(ADA).get("/audit/organization")
    for told in (
        "allows Desk for everybody: browse, read",
        "Desk is allowed for everybody: browse, read",
        "to nobody",
    ):
        assert told in page.text, told
    assert facts(shop, "agent.everyone_changed")["after"] is None
    assert facts(shop, "grant.revoked")["because"] == "not_for_everyone"


@ONE_ENGINE
@pytest.mark.holds("EMA-7.2.1", "I3")
def test_7_2_1_a_new_risky_tool_waits_for_the_administrator(shop: ShopUnderTest, acme: Desk) -> None:
    """What was allowed for everybody before a tool that cannot be undone came into the workflow does not cover it."""
    ines = shop.sign_in(INES).principal()
    entry = next(agent for agent in rows(shop, Agent) if agent.client_id == DESK).id
    with shop.database.write() as db:
        limits.allow_for_everyone(db, shop.services.policy, ines, entry, list(Workflow)[:3], {"transact": []})
    answer = acme.redeem(acme.signed(SOFIA_THERE, scope="browse read transact")).get_json()
    assert answer["scope"] == "browse read", "place_order cannot be undone, and the administrator was not shown it"
    allow_for_everyone(shop.sign_in(INES), DESK, "browse", "read", "transact")
    answer = acme.redeem(acme.signed(SOFIA_THERE, scope="browse read transact")).get_json()
    assert answer["scope"] == "browse read transact"
    assert scopes_now(shop, acme.assistant.access_token) == {"browse", "read", "transact"}


@ONE_ENGINE
@pytest.mark.holds("I3", "ASVS-10.7.3")
def test_what_a_person_took_back_of_it_is_not_given_back(shop: ShopUnderTest, acme: Desk) -> None:
    """They narrow their grant: the next assertion renews it as it is; what the administrator allows later is new."""
    acme.redeem(acme.signed(SOFIA_THERE))
    grant, _ = only_grant(shop, DESK)
    with shop.database.write() as db:
        db.get_one(Authority, grant.id).scopes = ["browse"]
    assert acme.redeem(acme.signed(SOFIA_THERE)).get_json()["scope"] == "browse"
    allow_for_everyone(shop.sign_in(INES), DESK, "browse", "read", "transact")
    assert acme.redeem(acme.signed(SOFIA_THERE, scope="browse read transact")).get_json()["scope"] == "browse transact"
    assert only_grant(shop, DESK)[1].scopes == ["browse", "transact"]


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.5.2", "ASVS-8.3.2")
def test_a_newcomer_is_introduced_with_todays_groups(shop: ShopUnderTest, acme: Desk) -> None:
    """Address and groups in the assertion: a member with the roles that they map to, as at a sign-in; known by `sub` alone."""
    said: dict[str, Any] = {"email": "new.hire@acme.example", "groups": ["shop-shoppers"]}
    acme.redeem(acme.signed("acme-99999", **said))
    with shop.app.app_context():
        principal = authenticate(acme.assistant.authorization)
    with shop.database.read() as db:
        assert live(db, principal).roles == {"shopper"}
        assert db.scalars(select(Person.email).where(Person.id == principal.subject)).one() == said["email"]
    assert events(shop, "membership.provisioned")
    acme.redeem(acme.signed("acme-99999", **{**said, "groups": []}))
    with shop.database.read() as db:
        assert live(db, principal).roles == {"guest"}, "the next call has what the groups are worth today"
    assert facts(shop, "membership.roles_changed")["after"] == ["guest"]


@ONE_ENGINE
def test_a_provider_that_does_not_answer_is_told_apart(
    shop: ShopUnderTest, acme: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is spent and nothing is blamed on the assertion: the client tries again."""
    server = shop.app.extensions["oauth"]
    assertion = acme.signed(SOFIA_THERE)
    monkeypatch.setattr(server.providers, "_keys", {})
    monkeypatch.setattr(server.providers, "_documents", {})
    monkeypatch.setattr(server.providers, "_http", _Silence())
    assert error_of(acme.redeem(assertion)) == (503, "temporarily_unavailable")
    monkeypatch.undo()
    assert acme.redeem(assertion).status_code == 200


class _Silence:
    """A network in which nobody answers."""

    def get(self, *_: object, **__: object) -> object:
        raise OSError("nobody is there")


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.holds("EMA-5")
def test_a_person_who_is_introduced_meanwhile_is_the_same_one(shop: ShopUnderTest, acme: Desk) -> None:
    """An assertion about somebody who signs in for the first time at this moment waits for that, and is about them. It found no
    membership to lock before, and then one that stands above what it had locked: an error of ours, answered with 503.
    """
    assertion = acme.assertion(NOAH)
    with shop.database.write() as db:
        connection, organization = db.execute(
            select(Connection, Organization).join(Organization).where(Organization.slug == "acme")
        ).one()
        introduced = provider_of(connection, organization)
        profile = Profile(subject=NOAH_THERE, email=NOAH, name="Noah Lind", given_name="Noah", groups=())
        person, _ = provision(db, connection_of(db, introduced, NOAH_THERE), profile)
        fair_locks.take(db, exclusive=[entry_lock(organization.id, DESK)])  # as another assertion of this client does
        redeeming = Running(lambda: acme.redeem(assertion))
        wait_until_blocked(shop, redeeming)
    assert redeeming.result().status_code == 200
    assert only_grant(shop, DESK)[0].person_id == person.id
