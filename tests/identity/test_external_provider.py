"""An organization's own OpenID provider, by configuration alone: who comes in, as whom, with which roles."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import select
from werkzeug.wrappers import Response

from shop.credentials.ledger import Authority
from shop.credentials.sessions import SignedInSession
from shop.identity.models import ExternalIdentity, Membership, Person, SignInAttempt
from shop.principal import IN_APP_ASSISTANT
from tests.identity.hostile import CLIENT_ID, SUBJECT, HostileProvider, ec_key, query_of, signed
from tests.identity.signing_in import Door
from tests.oauth.looks import is_alive
from tests.support.assistants import connect
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import chains_hold

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def person_of(shop: ShopUnderTest, subject: str, issuer: str | None = None) -> Person:
    """The person behind a `sub`; of one issuer, where several have it."""
    query = select(ExternalIdentity).where(ExternalIdentity.subject == subject)
    with shop.database.read() as db:
        identity = db.scalars(query.where(ExternalIdentity.issuer == issuer) if issuer else query).one()
        return db.get_one(Person, identity.person_id)


def roles_of(shop: ShopUnderTest, person: Person) -> list[str]:
    """The roles that somebody has today."""
    with shop.database.read() as db:
        membership = db.scalars(select(Membership).where(Membership.person_id == person.id)).one()
        return list(db.get_one(Authority, membership.id).roles or [])


def test_people_of_an_external_provider_come_in_by_configuration_alone(door: Door) -> None:
    """A first sign-in makes the person, their membership with the mapped role, a session, and two events."""
    visitor = door.sign_in()
    person = person_of(door.shop, SUBJECT)
    assert (person.email, person.name, person.given_name) == (SOFIA, "Sofia Hart", "Sofia")
    assert roles_of(door.shop, person) == ["buyer"]
    with door.shop.database.read() as db:
        session = db.scalars(select(SignedInSession)).one()
    assert session.person_id == person.id
    events = door.shop.chain(door.shop.organization("acme"))
    assert [event.name for event in events[-2:]] == ["membership.provisioned", "sign_in.succeeded"]
    assert events[-1].content["session"] == session.id and events[-1].content["subject"] == person.id
    assert visitor.get("/sessions").status_code == 200


@on_sqlite
def test_an_es256_provider_works_when_its_algorithm_is_pinned(
    open_shop: Callable[..., ShopUnderTest], provider: HostileProvider
) -> None:
    """A connection that pins ES256 accepts an ID token signed with a P-256 key."""
    provider.keys = [ec_key("curve")]
    provider.encode = lambda claims: signed(claims, ec_key("curve"), "ES256")
    Door(open_shop(provider.issuer, algorithms=["ES256"]), provider).sign_in()


@on_sqlite
@pytest.mark.holds("ASVS-10.2.1", "RFC9700-2.1.1")
def test_every_authorization_request_carries_pkce_state_and_nonce(door: Door) -> None:
    """The request is code flow with PKCE S256; state and nonce have 256 bits and never come twice."""
    one, other = query_of(door.browser().url), query_of(door.browser().url)
    for request in (one, other):
        assert (request["response_type"], request["client_id"]) == ("code", CLIENT_ID)
        assert request["code_challenge_method"] == "S256" and len(request["code_challenge"]) == 43
        assert request["redirect_uri"] == "http://127.0.0.1:5999/sign-in/callback"
        assert "openid" in request["scope"].split()
        assert len(request["state"]) >= 43 and len(request["nonce"]) >= 43
    assert not {one[name] for name in ("state", "nonce", "code_challenge")} & set(other.values())
    with door.shop.database.read() as db:
        stored = [(attempt.state_hash, attempt.browser_hash) for attempt in db.scalars(select(SignInAttempt))]
    assert not {one["state"], other["state"]} & {value for row in stored for value in row}, "only hashes are kept"


@on_sqlite
@pytest.mark.holds("ASVS-10.5.2")
def test_somebody_with_anothers_email_is_somebody_else(door: Door) -> None:
    """A person is who their `sub` says: another `sub` with the same e-mail is a new person with nothing of the first."""
    door.sign_in()
    first = person_of(door.shop, SUBJECT)
    door.provider.claims = {"sub": "00u-impostor", "groups": []}
    door.sign_in()
    second = person_of(door.shop, "00u-impostor")
    assert second.id != first.id and second.email == first.email
    assert (roles_of(door.shop, first), roles_of(door.shop, second)) == (["buyer"], ["guest"])


@on_sqlite
@pytest.mark.holds("RFC9700-4.15")
def test_no_sub_makes_a_person_look_like_a_client(door: Door) -> None:
    """A provider that calls somebody like a client, or like one of the shop's own ids, gets a person with a fresh id."""
    door.sign_in()
    taken = person_of(door.shop, SUBJECT).id
    for subject in (IN_APP_ASSISTANT, CLIENT_ID, taken, door.shop.organization("acme")):
        door.provider.claims = {"sub": subject}
        door.sign_in()
        person = person_of(door.shop, subject)
        assert person.id.startswith("usr_") and person.id not in {subject, taken}
        event = door.shop.chain(door.shop.organization("acme"))[-1]
        assert (event.content["subject"], event.content["actor"]) == (person.id, None)
    assert IN_APP_ASSISTANT.startswith("client:"), "no id of ours has a colon"


@on_sqlite
@pytest.mark.holds("ASVS-10.5.2")
def test_a_person_who_got_another_email_stays_the_same_person(door: Door) -> None:
    """The same `sub` with a new name and e-mail is the same person, whose page says the new name."""
    door.sign_in()
    before = person_of(door.shop, SUBJECT)
    door.provider.claims = {"email": "sofia.brandt@acme.example", "name": "Sofia Brandt"}
    visitor = door.sign_in()
    after = person_of(door.shop, SUBJECT)
    assert after.id == before.id and after.email == "sofia.brandt@acme.example"
    assert "Sofia Brandt" in visitor.get("/sessions").text


@on_sqlite
@pytest.mark.holds("ASVS-10.5.2")
def test_the_same_sub_at_another_issuer_is_somebody_else(
    open_shop: Callable[..., ShopUnderTest], provider: HostileProvider
) -> None:
    """After a connection was moved to another provider, a `sub` of the old one opens nobody's account, and all that it opened ends."""
    old = Door(open_shop(provider.issuer), provider)
    sofia = old.sign_in()
    assistant = connect(sofia)
    before = person_of(old.shop, SUBJECT)
    moved = HostileProvider(old.shop.clock)
    try:
        new = Door(open_shop(moved.issuer), moved)
        assert not is_alive(new.shop, assistant.access_token)
        assert sofia.get("/sessions").headers["Location"].startswith("/sign-in?next=")
        # Whoever comes with what has ended is on record too, after what ended it.
        whole = new.shop.chain(new.shop.organization("acme"))
        trail = [event for event in whole if event.name != "access.denied"]
        names = [str(event.name) for event in trail]
        since = len(names) - 3
        assert names[since:] == ["connection.moved", "session.revoked", "grant.revoked"]
        assert trail[since].content["facts"] == {"before": provider.issuer, "after": moved.issuer}
        for ended in trail[since + 1 :]:
            assert ended.content["subject"] is None and ended.content["facts"]["because"] == "connection_moved"
        assert chains_hold(new.shop)
        open_shop(moved.issuer)
        assert len(new.shop.chain(new.shop.organization("acme"))) == len(whole), "it is moved once"
        new.sign_in()
        assert person_of(new.shop, SUBJECT, moved.issuer).id != before.id
        assert person_of(new.shop, SUBJECT, provider.issuer).id == before.id, "who is who there is not forgotten"
    finally:
        moved.stop()


@on_sqlite
def test_groups_that_only_userinfo_knows_count_too(door: Door) -> None:
    """A provider that keeps e-mail and groups out of the ID token is asked at its userinfo endpoint."""
    door.provider.claims = {"email": None, "groups": None}
    door.provider.metadata = {"userinfo_endpoint": f"{door.provider.issuer}/userinfo"}
    told = {"sub": SUBJECT, "email": SOFIA, "groups": ["shop-buyers"]}
    door.provider.answers["/userinfo"] = Response(json.dumps(told), mimetype="application/json")
    door.sign_in()
    assert roles_of(door.shop, person_of(door.shop, SUBJECT)) == ["buyer"]


@on_sqlite
@pytest.mark.holds("ASVS-10.5.2")
def test_userinfo_of_somebody_else_signs_nobody_in(door: Door) -> None:
    """What userinfo says counts only for the `sub` that the signed token names (Core 5.3.2)."""
    door.provider.claims = {"email": None, "groups": None}
    door.provider.metadata = {"userinfo_endpoint": f"{door.provider.issuer}/userinfo"}
    told = {"sub": "00u-mara", "email": SOFIA, "groups": ["shop-approvers"]}
    door.provider.answers["/userinfo"] = Response(json.dumps(told), mimetype="application/json")
    browser = door.browser()
    door.assert_refused(browser.visitor, browser.come_back(), 400, "id_token_refused", says="did not pass our checks")


def test_roles_follow_the_groups_at_the_next_sign_in(door: Door) -> None:
    """Groups that changed change the roles, and the event says from what to what; unchanged groups write nothing."""
    door.sign_in()
    person = person_of(door.shop, SUBJECT)
    door.provider.claims = {"groups": ["shop-auditors", "shop-unheard-of", "everyone"]}
    door.sign_in()
    assert roles_of(door.shop, person) == ["auditor"]
    door.sign_in()
    events = door.shop.chain(door.shop.organization("acme"))
    changes = [event for event in events if event.name == "membership.roles_changed"]
    assert [event.content["facts"] for event in changes] == [
        {"before": ["buyer"], "after": ["auditor"], "because": "groups at sign-in"}
    ]


@on_sqlite
def test_whoever_maps_to_no_role_may_only_look(door: Door) -> None:
    """No group, or an unknown one, makes a guest, and the record of the sign-in says why."""
    for groups, why in (
        (None, "none said in groups"),
        ([], "none of 0 has a role here"),
        (["everyone", "all"], "none of 2 has a role here"),
        ("everyone", "none of 1 has a role here"),
    ):
        door.provider.claims = {"groups": groups}
        door.sign_in()
        assert roles_of(door.shop, person_of(door.shop, SUBJECT)) == ["guest"]
        event = door.shop.chain(door.shop.organization("acme"))[-1]
        assert (event.name, event.content["facts"]["groups"]) == ("sign_in.succeeded", why)


def test_a_suspended_person_is_told_so_and_gets_no_session(door: Door) -> None:
    """Suspension is said on a page; roles are left as they were, and the attempt is on record."""
    door.sign_in()
    person = person_of(door.shop, SUBJECT)
    with door.shop.database.write() as db:
        membership = db.scalars(select(Membership).where(Membership.person_id == person.id)).one()
        db.get_one(Authority, membership.id).suspended_at = door.shop.clock()
    door.provider.claims = {"groups": ["shop-admins"]}
    browser = door.browser()
    response = browser.come_back()
    door.assert_refused(browser.visitor, response, 403, "suspended", says="has suspended it", sessions=1)
    assert roles_of(door.shop, person) == ["buyer"]


@on_sqlite
@pytest.mark.holds("RFC9700-4.11")
def test_a_sign_in_never_leads_off_this_site(door: Door) -> None:
    """Wherever a link wanted to go afterwards, the person lands on a path of this shop."""
    for next_path, lands in (
        ("/orders?page=2", "/orders?page=2"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example", "/"),
        ("https:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/ok\r\nSet-Cookie: a=b", "/"),
        ("evil.example", "/"),
        ("", "/"),
    ):
        response = door.browser(next_path=next_path).come_back()
        assert (response.status_code, response.headers["Location"]) == (303, lands)
        assert "Set-Cookie: a" not in str(response.headers)


@on_sqlite
@pytest.mark.holds("RFC9700-4.11")
def test_the_sign_in_page_sends_nobody_off_this_site(door: Door) -> None:
    """A crafted link to the sign-in page neither redirects a signed-in person away nor plants an address in its form."""
    visitor = door.sign_in()
    for query in ("//evil.example", "/%5Cevil.example", "https:%2F%2Fevil.example", "/%0d%0aX-Evil:1"):
        response = visitor.get(f"/sign-in?next={query}")
        assert (response.status_code, response.headers["Location"]) == (302, "/")
        assert "X-Evil" not in response.headers
        assert "evil" not in door.shop.visitor().get(f"/sign-in?next={query}").text.lower()
