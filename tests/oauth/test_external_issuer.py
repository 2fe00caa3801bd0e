"""Bring your own authorization server: the shop as pure resource server, against an issuer that is not our code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy.orm import Session

from shop.agents import blocks, limits
from shop.credentials.agents import Agent
from shop.credentials.ledger import Authority, Kind, NotAlive, live
from shop.credentials.sessions import start_session
from shop.database import new_id
from shop.guards.safe_fetch import Fetcher, FetchRefused
from shop.identity.members import Profile, provision
from shop.identity.models import Connection, Organization
from shop.mcp.wire import ACCESS_REFUSED
from shop.oauth.resource_server.bearer import BearerRefused, authenticate
from shop.oauth.resource_server.external_issuer import IssuerUnavailable
from shop.principal import IN_APP_ASSISTANT, Principal, Workflow
from shop.revocation import cascade
from tests.mcp.host import Host, failure
from tests.oauth.looks import events, grants, only_grant, row, rows, scopes_now
from tests.oauth.own_issuer import SUBJECT, OwnIssuer, own_issuer
from tests.oauth.strangers import Stranger, a_stranger
from tests.support.assistants import RESOURCE, ExternalAssistant
from tests.support.people import ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE, chains_hold, watching

Build = Callable[..., ShopUnderTest]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnIssuer]:
    """nanoidp, running."""
    with own_issuer(tmp_path_factory.mktemp("issuer")) as running:
        yield running


@pytest.fixture
def their_shop(build_shop: Build, issuer: OwnIssuer) -> ShopUnderTest:
    """A shop whose operator brought that issuer."""
    return build_shop(oauth_issuer=issuer.url, oauth_profile="jwt")


@pytest.fixture
def company(their_shop: ShopUnderTest, issuer: OwnIssuer) -> Company:
    """A company that signs in through it."""
    return company_of(their_shop, issuer.url)


@dataclass(frozen=True)
class Company:
    """A customer whose people sign in to the shop through the external issuer: somebody who buys, and an administrator."""

    organization: str
    buyer: Principal
    administrator: Principal


def company_of(shop: ShopUnderTest, issuer: str, slug: str = "initech") -> Company:
    """Their two people have signed in: what that leaves behind."""
    with shop.database.write() as db:
        organization = Organization(id=new_id("org"), slug=slug, name=slug.title(), order_limits={"buyer": 20000})
        db.add(Authority(id=organization.id, kind=Kind.ORGANIZATION))
        db.flush()
        connection = Connection(
            id=new_id("con"),
            organization_id=organization.id,
            issuer=issuer,
            client_id="context-and-co",
            client_secret_ref="file:unused",
            domains=[f"{slug}.example"],
            group_roles={"buyers": "buyer", "admins": "administrator"},
            scope="openid",
            algorithms=["RS256"],
        )
        db.add(organization)
        db.flush()
        db.add(connection)
        db.flush()
        people = {subject: signed_in(db, connection, subject, group) for subject, group in PEOPLE.items()}
    return Company(organization.id, people[SUBJECT], people["admin-1"])


PEOPLE = {SUBJECT: "buyers", "admin-1": "admins"}


def signed_in(db: Session, connection: Connection, subject: str, group: str) -> Principal:
    """Somebody's own principal, below a session of theirs."""
    email = f"{subject}@{connection.domains[0]}"
    profile = Profile(subject=subject, email=email, name="Somebody", given_name="Some", groups=(group,))
    person, membership = provision(db, connection, profile)
    session, _ = start_session(
        db,
        person_id=person.id,
        membership_id=membership.id,
        organization_id=membership.organization_id,
        connection_id=connection.id,
        method="oidc",
        provider_session=None,
        user_agent="",
        idle=timedelta(hours=1),
        absolute=timedelta(hours=1),
    )
    return session.principal()


def bearer(shop: ShopUnderTest, token: str) -> Principal:
    """Whom a token stands for."""
    with shop.app.app_context():
        return authenticate(f"Bearer {token}")


def refused(shop: ShopUnderTest, token: str) -> str:
    """Why a token is refused."""
    with shop.app.app_context(), pytest.raises(BearerRefused) as caught:
        authenticate(f"Bearer {token}")
    assert caught.value.error == "invalid_token"
    return str(caught.value.description)


@pytest.mark.holds("M9", "ASVS-10.3.1", "RFC9068-4", "I4")
def test_their_token_is_taken_and_becomes_a_grant_here(
    their_shop: ShopUnderTest, company: Company, issuer: OwnIssuer
) -> None:
    """Metadata names their issuer; its token acts for the member; grant, token row, inventory and trail are as for our own."""
    shop = their_shop
    metadata = shop.visitor().get("/.well-known/oauth-protected-resource/mcp").get_json()
    assert metadata["authorization_servers"] == [issuer.url] and metadata["resource"] == RESOURCE
    token = issuer.tokens("openid browse read")["access_token"]
    with watching(shop) as seen:
        principal = bearer(shop, token)
    assert seen.names == ["grant.recognized", "token.recognized"]
    assert seen.changed == {"agents", "authorities", "grants"}
    grant, authority = only_grant(shop, "desk")
    assert authority.scopes == ["browse", "read"] and grant.authenticated_by.startswith("con_")
    assert (grant.person_id, grant.membership_id) == (company.buyer.subject, company.buyer.membership)
    assert principal.grant == grant.id and principal.subject == grant.person_id and principal.token
    with shop.database.read() as db:
        alive = live(db, principal)
    assert alive.roles == {"buyer"} and alive.scopes == {"browse", "read"}
    assert row(shop, Authority, principal.token).parent_id == grant.id
    (agent,) = [one for one in rows(shop, Agent) if one.client_id == "desk"]
    assert agent.kind == "external" and principal.actor and principal.actor.agent == agent.id
    event = events(shop, "grant.recognized", company.organization)[-1].content
    assert event["subject"] == grant.person_id and event["facts"]["issuer"] == issuer.url

    assert shop.gateway.call_tool(principal, None, "search_products", {"query": "mug"}).kind == "succeeded"
    refusal = shop.gateway.call_tool(principal, None, "add_to_cart", {"sku": "context-tee-ink-m"})
    assert getattr(refusal, "code", "") == "consent_needed"
    with watching(shop) as again:
        assert bearer(shop, token) == principal
    assert not again.events and not again.changed, "what was seen is not made twice"
    assert chains_hold(shop)


@ONE_ENGINE
@pytest.mark.holds("I15", "RFC9700-2.6")
def test_the_shops_own_authorization_server_is_not_there(their_shop: ShopUnderTest, issuer: OwnIssuer) -> None:
    """Nobody is sent to two of them: every endpoint of ours answers 404, and a token of ours is none."""
    visitor = their_shop.visitor()
    for path in (
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/oauth/jwks",
        "/oauth/authorize",
    ):
        assert visitor.get(path).status_code == 404, path
    for path in ("/oauth/token", "/oauth/register", "/oauth/revoke", "/oauth/introspect", "/oauth/consent"):
        assert their_shop.app.test_client().post(path, base_url=BASE_URL).status_code == 404, path
    command = ["oauth", "register", "Desk", "--redirect-uri", "https://a.example/cb"]
    registering = their_shop.app.test_cli_runner().invoke(args=command)
    assert registering.exit_code == 1 and f"Tokens come from {issuer.url}" in registering.output
    own = their_shop.app.extensions["oauth"].keys.signer().sign({"iss": BASE_URL, "aud": RESOURCE}, typ="at+jwt")
    assert "not one of this shop's issuer" in refused(their_shop, own)


@pytest.mark.holds("I9", "ASVS-10.4.9", "ASVS-10.7.3", "ASI10")
def test_revoking_blocking_and_ceilings_work_here(
    their_shop: ShopUnderTest, company: Company, issuer: OwnIssuer
) -> None:
    """Revoked here, the next call is refused, and no further token of theirs undoes it; a block and a ceiling act as ever."""
    shop, policy, administrator = their_shop, their_shop.services.policy, company.administrator
    token = issuer.tokens("browse read")["access_token"]
    principal = bearer(shop, token)
    entry = str(principal.actor.agent) if principal.actor else ""
    with shop.database.write() as db:
        limits.set_ceiling(db, policy, administrator, entry, [Workflow.READ])
    assert scopes_now(shop, token) == {"read"}
    with shop.database.write() as db:
        blocks.block_agent(db, policy, administrator, entry)
    assert_ended(shop, token)
    assert "blocked" in refused(shop, issuer.tokens("browse")["access_token"])
    with shop.database.write() as db:
        blocks.unblock_agent(db, policy, administrator, entry)
        limits.set_ceiling(db, policy, administrator, entry, None)
    token = issuer.tokens("browse read")["access_token"]
    assert scopes_now(shop, token) == {"browse", "read"}, "an administrator's own word is lifted"

    living = next(grant for grant, authority in grants(shop, "desk") if authority.ended_at is None)
    with shop.database.write() as db:
        cascade.revoke_grant(db, company.buyer, living.id)
    assert_ended(shop, token)
    with watching(shop) as seen:
        assert "has ended" in refused(shop, issuer.tokens("browse")["access_token"])
    assert seen.names == ["token.refused"] and not seen.changed


def assert_ended(shop: ShopUnderTest, token: str) -> None:
    """The token still verifies, and the gateway refuses its call and records that."""
    principal = bearer(shop, token)
    with pytest.raises(NotAlive), shop.database.read() as db:
        live(db, principal)
    assert shop.gateway.call_tool(principal, None, "search_products", {"query": "mug"}).kind == "denied"


@ONE_ENGINE
@pytest.mark.holds("ASVS-9.2.2", "ASVS-9.2.3", "ASVS-10.5.2", "I10")
def test_their_other_tokens_are_refused(
    their_shop: ShopUnderTest, company: Company, issuer: OwnIssuer, build_shop: Build
) -> None:
    """An ID token; a token for another resource; one of a person who never signed in here; one of no person."""
    tokens = issuer.tokens("openid browse")
    assert "ID token" in refused(their_shop, tokens["id_token"])
    assert "another resource" in refused(their_shop, issuer.tokens("browse", resource=None)["access_token"])
    assert "another resource" in refused(
        their_shop, issuer.tokens("browse", resource="https://other.example")["access_token"]
    )
    with watching(their_shop) as seen:
        stranger = issuer.tokens("browse", subject="person-2")["access_token"]
        assert "never signed in" in refused(their_shop, stranger), "an address in a token says nothing"
        assert "never signed in" in refused(their_shop, issuer.of_the_client_itself()["access_token"])
    assert seen.names == ["token.refused", "token.refused"] and not seen.changed
    strict = build_shop(oauth_issuer=issuer.url)
    assert refused(strict, tokens["access_token"]) == "This is not an access token.", "RFC 9068: typ says at+jwt"
    their_shop.clock.pass_by(hours=2)
    assert "expired" in refused(their_shop, tokens["access_token"])


@pytest.mark.holds("RFC7662-2")
def test_introspection_asks_them_about_each_token(build_shop: Build, issuer: OwnIssuer, data_dir: Path) -> None:
    """RFC 7662: with the shop's own credentials there; a token that was revoked there is dead here at once."""
    (data_dir / "introspection").write_text("shop-secret", encoding="ascii")
    shop = build_shop(
        oauth_issuer=issuer.url,
        oauth_introspection_client_id="shop",
        oauth_introspection_client_secret="file:introspection",
    )
    company_of(shop, issuer.url)
    token = issuer.tokens("browse transact")["access_token"]
    assert scopes_now(shop, token) == {"browse", "transact"}
    issuer.revoke(token)
    assert "not active" in refused(shop, token)
    assert "not active" in refused(shop, "nonsense")
    other = issuer.tokens("browse", resource=None)["access_token"]
    assert "another resource" in refused(shop, other)
    (data_dir / "introspection").write_text("wrong", encoding="ascii")
    wrong = build_shop(
        oauth_issuer=issuer.url,
        oauth_introspection_client_id="shop",
        oauth_introspection_client_secret="file:introspection",
    )
    with wrong.app.app_context(), pytest.raises(IssuerUnavailable):
        authenticate(f"Bearer {token}")


@pytest.mark.holds("RFC7662-2", "I3")
def test_what_they_say_of_a_token_now_is_what_it_may(build_shop: Build, hand_made: Stranger, data_dir: Path) -> None:
    """RFC 7662 §2.2: a scope that the issuer took from a token is gone at the next call, and comes back with nothing but a new one."""
    (data_dir / "introspection").write_text("shop-secret", encoding="ascii")
    publish(hand_made, introspection_endpoint=f"{ISSUER}/introspect")
    shop = build_shop(
        oauth_issuer=ISSUER,
        fetcher=hand_made.fetcher(),
        oauth_introspection_client_id="shop",
        oauth_introspection_client_secret="file:introspection",
    )
    theirs = company_of(shop, ISSUER)
    said = {"active": True, "aud": RESOURCE, "sub": SUBJECT, "client_id": "desk", "exp": int(time.time()) + 300}
    for scope, allowed in (("browse read", {"browse", "read"}), ("browse", {"browse"}), ("browse read", {"browse"})):
        hand_made.publish("/introspect", said | {"scope": scope})
        assert scopes_now(shop, "opaque") == allowed
    (narrowed,) = events(shop, "token.narrowed", theirs.organization)
    assert (narrowed.content["facts"]["before"], narrowed.content["facts"]["scopes"]) == (
        ["browse", "read"],
        ["browse"],
    )


@pytest.mark.holds("RFC7662-2", "I14")
@pytest.mark.parametrize(
    ("status", "answered"),
    [("400 Bad Request", 401), ("401 Unauthorized", 503), ("500 Oops", 503), ("302 Found", 503)],
)
@ONE_ENGINE
def test_a_token_that_they_cannot_read_is_no_token(
    build_shop: Build,
    hand_made: Stranger,
    data_dir: Path,
    caplog: pytest.LogCaptureFixture,
    status: str,
    answered: int,
) -> None:
    """Some answer 400 where RFC 7662 §2.2 has *not active*: 401. Where they do not take us, or are down: 503. No trace of either."""
    (data_dir / "introspection").write_text("shop-secret", encoding="ascii")
    publish(hand_made, introspection_endpoint=f"{ISSUER}/introspect")
    shop = build_shop(
        oauth_issuer=ISSUER,
        fetcher=hand_made.fetcher(),
        oauth_introspection_client_id="shop",
        oauth_introspection_client_secret="file:introspection",
    )
    company_of(shop, ISSUER)
    hand_made.publish("/introspect", {"error": "invalid_request"}, status=status)
    with watching(shop) as seen:
        answer = Host(shop, ExternalAssistant(shop, "desk", access_token="opaque")).ask("tools/list")
    assert answer.status_code == answered and ("WWW-Authenticate" in answer.headers) == (answered == 401)
    assert not seen.changed and not any(record.exc_info for record in caplog.records)
    assert "opaque" not in caplog.text + answer.text


@ONE_ENGINE
@pytest.mark.holds("M9", "I5")
def test_who_never_signed_in_here_is_told_where(strict: ShopUnderTest, theirs: Company) -> None:
    """403 with the address, and no challenge: the client's next token would say the same. A blocked client is told so likewise."""
    host = Host(strict, ExternalAssistant(strict, "desk", access_token=signed(sub="somebody-else")))
    with watching(strict) as seen:
        answer = host.ask("tools/list")
    assert failure(answer) == (403, ACCESS_REFUSED) and "WWW-Authenticate" not in answer.headers
    assert f"{BASE_URL}/sign-in" in answer.get_json()["error"]["message"]
    assert seen.names == ["token.refused"] and not seen.changed
    known = Host(strict, ExternalAssistant(strict, "desk", access_token=signed()))
    assert known.ask("tools/list").status_code == 200
    (entry,) = [one for one in rows(strict, Agent) if one.client_id == "desk"]
    with strict.database.write() as db:
        blocks.block_agent(db, strict.services.policy, theirs.administrator, entry.id)
    anew = Host(strict, ExternalAssistant(strict, "desk", access_token=signed())).ask("tools/list")
    assert failure(anew) == (403, ACCESS_REFUSED) and "WWW-Authenticate" not in anew.headers
    assert "/sign-in" not in anew.text


@pytest.mark.parametrize("audience", [RESOURCE, f"{RESOURCE}/", ["https://other.example", f"{RESOURCE}/"]])
@ONE_ENGINE
@pytest.mark.holds("ASVS-10.3.1")
def test_either_address_of_the_resource_is_the_audience(
    strict: ShopUnderTest, theirs: Company, audience: object
) -> None:
    """A client that was given `/mcp/` asks its issuer for that; anything that is no text is no audience."""
    assert scopes_now(strict, signed(aud=audience)) == {"browse"}
    assert "another resource" in refused(strict, signed(aud=[{"x": RESOURCE}, 7, None]))


@pytest.mark.holds("M8")
def test_their_client_is_told_what_it_lacks(strict: ShopUnderTest, theirs: Company) -> None:
    """RFC 6750 §3.1: also the first time, 403 with every scope that the call needs; what the token names is asked for no more."""
    host = Host(strict, ExternalAssistant(strict, "desk", access_token=signed()))
    for _ in range(2):
        answer = host.ask("tools/call", {"name": "list_orders", "arguments": {}})
        assert answer.status_code == 403
        challenge = answer.headers["WWW-Authenticate"]
        assert 'error="insufficient_scope"' in challenge and 'scope="browse read"' in challenge


ISSUER = "https://assistant.example"
KEY, OTHER, SMALL = RSAKey.generate_key(2048), RSAKey.generate_key(2048), ECKey.generate_key("P-256")


def signed(key: RSAKey = KEY, *, kid: str | None = "one", typ: str = "at+jwt", **changed: Any) -> str:
    """A token of the hand-made issuer; `None` leaves a claim out."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "sub": SUBJECT,
        "aud": RESOURCE,
        "client_id": "desk",
        "iat": now,
        "exp": now + 300,
        "jti": f"t{time.monotonic_ns()}",
        "scope": "browse",
        **changed,
    }
    header = {"alg": "RS256", "typ": typ} | ({"kid": kid} if kid else {})
    return jwt.encode(header, {name: value for name, value in good.items() if value is not None}, key, ["RS256"])


def publish(host: Stranger, *keys: dict[str, Any], **metadata: Any) -> None:
    """What the hand-made issuer says of itself."""
    host.publish(
        "/.well-known/oauth-authorization-server", {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks", **metadata}
    )
    host.publish("/jwks", {"keys": list(keys)})


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": kid, **more}


@pytest.fixture
def hand_made() -> Iterator[Stranger]:
    """An issuer on the internet that says what the test wants."""
    with a_stranger() as stranger:
        publish(stranger, jwk(KEY, "one"))
        yield stranger


@pytest.fixture
def strict(build_shop: Build, hand_made: Stranger) -> ShopUnderTest:
    """A shop that takes the hand-made issuer's tokens, by RFC 9068."""
    return build_shop(oauth_issuer=ISSUER, fetcher=hand_made.fetcher())


@pytest.fixture
def theirs(strict: ShopUnderTest) -> Company:
    """A company that signs in through the hand-made issuer."""
    return company_of(strict, ISSUER)


BENT: dict[str, tuple[dict[str, Any], str]] = {
    "of another issuer": ({"iss": "https://assistant.example/"}, "another issuer"),
    "of no issuer": ({"iss": None}, "another issuer"),
    "for another resource": ({"aud": "https://other.example/mcp"}, "another resource"),
    "for the base URL only": ({"aud": BASE_URL}, "another resource"),
    "for nobody": ({"aud": None}, "another resource"),
    "that expired": ({"exp": 1_700_000_000}, "expired"),
    "that never expires": ({"exp": None}, "expired"),
    "that expires in words": ({"exp": "tomorrow"}, "expired"),
    "from the future": ({"iat": 4_000_000_000}, "not valid yet"),
    "not yet valid": ({"nbf": 4_000_000_000}, "not valid yet"),
    "without a client": ({"client_id": None}, "client_id"),
    "about nobody": ({"sub": None}, "sub"),
    "about what is no text": ({"sub": 7}, "sub"),
    "with a nonce": ({"nonce": "n"}, "ID token"),
    "with another type": ({"typ": "JWT"}, "not an access token"),
    "with the type of a logout token": ({"typ": "logout+jwt"}, "not an access token"),
}


@ONE_ENGINE
@pytest.mark.holds("RFC9700-4.15")
def test_none_of_their_clients_is_the_shops_own_assistant(strict: ShopUnderTest, theirs: Company) -> None:
    """Whatever the issuer calls a client: nothing outside of the shop acts under the name of what is inside."""
    with watching(strict) as seen:
        assert "outside of the shop" in refused(strict, signed(client_id=IN_APP_ASSISTANT))
    assert seen.names == ["token.refused"] and not seen.changed


@ONE_ENGINE
@pytest.mark.holds("RFC9068-4", "ASVS-9.2.1", "ASVS-9.2.2", "ASVS-9.2.3", "ASVS-10.3.1")
def test_rfc9068_4_a_token_with_one_claim_bent_is_refused(strict: ShopUnderTest, theirs: Company) -> None:
    """Issuer exact, audience, time, type and identifiers, however well it is signed; and with none of it bent it is taken."""
    for what, (bent, says) in BENT.items():
        assert says in refused(strict, signed(**bent)), what
    assert not grants(strict, "desk")
    assert bearer(strict, signed(aud=["https://other.example", RESOURCE], client_id=None, azp="desk")).subject
    assert scopes_now(strict, signed(scope=None, scp=["browse", "read", 7])) == {"browse", "read"}
    assert scopes_now(strict, signed(scope="transact nonsense administer")) == {"transact"}, "no more than can be asked"


@ONE_ENGINE
@pytest.mark.holds("ASVS-9.1.1", "ASVS-9.1.2", "ASVS-9.1.3", "M3")
def test_keys_come_from_the_issuers_metadata_alone(strict: ShopUnderTest, theirs: Company, hand_made: Stranger) -> None:
    """Not from a header, not symmetric, not of another algorithm; one that is unknown is looked for once a minute."""
    header, body, signature = signed().split(".")
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": RESOURCE, "client_id": "desk", "exp": 4_000_000_000}
    asked = len(hand_made.asked)
    for forged in (
        signed(OTHER),
        signed(OTHER, kid="two"),
        jwt.encode({"alg": "ES256", "typ": "at+jwt", "jwk": SMALL.as_dict(private=False)}, claims, SMALL, ["ES256"]),
        jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "one"}, claims, SMALL, ["ES256"]),
        f"{header}.{body}.{signature[:-8]}AAAAAAAA",
        f"{header}.{body}.",
        "not.a.token",
        "…",
        "a" * 20_000,
    ):
        assert "not one of this shop's issuer" in refused(strict, forged), forged[:60]
    assert len(hand_made.asked) - asked == 2, "metadata and keys, once"
    publish(hand_made, jwk(KEY, "one"), jwk(OTHER, "two"), {"kty": "from the future"})
    assert "not one of" in refused(strict, signed(OTHER, kid="two"))
    strict.clock.pass_by(seconds=61)
    assert bearer(strict, signed(OTHER, kid="two")).subject, "a rotated key is found"
    assert bearer(strict, signed()).subject
    assert "not one of" in refused(strict, signed(kid=None)), "of two keys, the token says which"
    asked = len(hand_made.asked)
    for number in range(20):
        refused(strict, signed(OTHER, kid=f"unknown-{number}"))
    assert len(hand_made.asked) - asked <= 1


@ONE_ENGINE
@pytest.mark.holds("M3", "RFC9700-4.4")
def test_an_issuer_that_lies_or_is_silent_makes_nobody_anybody(build_shop: Build, hand_made: Stranger) -> None:
    """Metadata of another issuer, no keys, a redirect, a private address: that the issuer cannot be asked is not the client's fault."""
    token = signed()
    for bad in ("another issuer", "no keys", "keys elsewhere", "a private address", "a redirect"):
        hand_made.addresses = ["93.184.215.14"]
        publish(hand_made, jwk(KEY, "one"))
        if bad == "another issuer":
            publish(hand_made, jwk(KEY, "one"), issuer="https://evil.example")
        elif bad == "no keys":
            publish(hand_made, jwk(KEY, "one"), jwks_uri=None)
        elif bad == "keys elsewhere":
            publish(hand_made, jwk(KEY, "one"), jwks_uri="http://127.0.0.1:1/jwks")
        elif bad == "a private address":
            hand_made.addresses = ["10.0.0.7"]
        else:
            hand_made.publish(
                "/.well-known/oauth-authorization-server",
                {},
                status="302 Found",
                headers="Location: https://evil.example/\r\n",
            )
        shop = build_shop(oauth_issuer=ISSUER, fetcher=hand_made.fetcher())
        with shop.app.app_context():
            with pytest.raises(IssuerUnavailable):
                authenticate(f"Bearer {token}")
            asked = len(hand_made.asked)
            with pytest.raises(IssuerUnavailable):
                authenticate(f"Bearer {token}")
        assert len(hand_made.asked) == asked, f"{bad}: whoever comes next does not wait for it again"


@pytest.mark.holds("M3")
def test_only_the_origin_that_the_operator_named_may_be_inside(issuer: OwnIssuer) -> None:
    """The settings' own issuer may be on this machine; any other address there is a stranger's, and is not asked."""
    own = Fetcher(operators_own=issuer.url)
    assert own.get_json(f"{issuer.url}/.well-known/openid-configuration", limit=65536).document["issuer"] == issuer.url
    for stranger in (Fetcher(), Fetcher(operators_own="http://127.0.0.1:1")):
        with pytest.raises(FetchRefused):
            stranger.get_json(f"{issuer.url}/.well-known/openid-configuration", limit=65536)


@pytest.mark.holds("I9", "I3")
def test_wider_narrower_and_after_the_end(strict: ShopUnderTest, theirs: Company) -> None:
    """A token's scopes bound its calls; the grant grows by what the issuer allows anew; `auth_time` after the end begins anew."""
    narrow, wide = signed(), signed(scope="browse read")
    bearer(strict, narrow)
    bearer(strict, wide)
    assert scopes_now(strict, narrow) == {"browse"} and scopes_now(strict, wide) == {"browse", "read"}
    grant, authority = only_grant(strict, "desk")
    assert authority.scopes == ["browse", "read"]
    told = events(strict, "grant.recognized", theirs.organization)[-1].content["facts"]
    assert (told["before"], told["scopes"]) == (["browse"], ["browse", "read"])
    with strict.database.write() as db:
        db.get_one(Authority, grant.id).scopes = ["browse"]  # its person took one back
    assert scopes_now(strict, signed(scope="browse read")) == {"browse"}, "which no further token brings back"
    now = int(strict.clock.now.timestamp())
    with strict.database.write() as db:
        ended = db.get_one(Authority, grant.id)
        ended.ended_at, ended.ended_because = strict.clock.now, "revoked_by_person"
    assert "has ended" in refused(strict, signed(auth_time=now - 3600))
    assert scopes_now(strict, signed(auth_time=now + 5)) == {"browse"}
    assert len(grants(strict, "desk")) == 2


@pytest.mark.holds("ASVS-8.4.1", "I10")
def test_of_one_issuer_with_two_organizations_the_person_is_in_exactly_one(
    strict: ShopUnderTest, theirs: Company
) -> None:
    """Where the same `sub` is a member of both, nobody can say for which the token is: it is refused."""
    assert bearer(strict, signed()).organization == theirs.organization
    company_of(strict, ISSUER, "hooli")
    assert "never signed in" in refused(strict, signed())


def test_two_first_requests_at_once_make_one_grant(strict: ShopUnderTest, theirs: Company) -> None:
    """Many requests that bring the same new token at once: one grant, one token row, one entry in the inventory."""
    token = signed()
    with ThreadPoolExecutor(6) as threads:
        principals = list(threads.map(lambda _: bearer(strict, token), range(6)))
    assert len(set(principals)) == 1
    assert len(grants(strict, "desk")) == 1 and len(events(strict, "token.recognized", theirs.organization)) == 1
