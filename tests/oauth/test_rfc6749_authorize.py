"""RFC 6749 §4.1.1-4.1.2: the authorization endpoint; where an answer goes, where an error goes, and who is asked first."""

from __future__ import annotations

import pytest

from shop.oauth.endpoints.consent_request import ConsentQuestion
from shop.oauth.grants.authorization_code import AuthorizationCode
from tests.oauth.looks import events, facts, grants, only_grant, rows
from tests.support.assistants import CALLBACK, RESOURCE, ExternalAssistant, back, decide, leads_to, registered
from tests.support.people import GIL, SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE, watching


@pytest.mark.holds("I2", "M8", "ASVS-10.7.1")
def test_a_person_lets_an_assistant_in(shop: ShopUnderTest) -> None:
    """§4.1.2: asked, answered, back with a code, state and issuer; the grant is stored and both events are on record."""
    assistant, sofia = registered(shop, "Campus Buyer"), shop.sign_in(SOFIA)
    answer = assistant.ask(sofia, "browse", "read")
    assert answer.uri == CALLBACK
    assert set(answer.parameters) == {"code", "state", "iss"}
    assert answer.parameters["state"] == "a state of the assistant" and answer.parameters["iss"] == BASE_URL
    assert answer.response.headers["Referrer-Policy"] == "no-referrer"
    grant, authority = only_grant(shop, assistant.client_id)
    person = sofia.principal()
    assert (grant.person_id, grant.membership_id) == (person.subject, person.membership)
    assert grant.authenticated_by == person.session and authority.parent_id == person.membership
    assert authority.scopes == ["browse", "read"]
    assert facts(shop, "agent.first_seen")["name"] == "Campus Buyer"
    told = facts(shop, "grant.consented")
    assert (told["client"], told["scopes"], told["redirect_host"]) == (
        assistant.client_id,
        ["browse", "read"],
        "assistant.example",
    )
    (stored,) = rows(shop, AuthorizationCode)
    assert stored.resource == RESOURCE and answer.code not in str(vars(stored))


@ONE_ENGINE
def test_a_visitor_signs_in_through_their_organization_first(shop: ShopUnderTest) -> None:
    """Nothing is looked at, fetched or stored for somebody unknown; after the sign-in they are where they wanted to go."""
    assistant, visitor = registered(shop), shop.visitor()
    with watching(shop) as seen:
        response = assistant.open(visitor, "browse")
    assert response.status_code == 302 and response.headers["Location"].startswith("/sign-in?next=%2Foauth%2Fauthorize")
    assert not seen.changed and not seen.events
    request = assistant.request("browse")
    path = "/oauth/authorize?" + "&".join(f"{name}={value.replace(' ', '+')}" for name, value in request.items())
    landed = visitor.sign_in(SOFIA, path)
    page = visitor.get(leads_to(landed))
    assert page.status_code == 200 and "A registered assistant" in page.text
    assert back(decide(visitor, page)).code


OTHER_PLACES = {
    "another host": "https://evil.example/callback",
    "a subdomain": "https://sub.assistant.example/callback",
    "a longer path": "https://assistant.example/callback/more",
    "another case": "https://assistant.example/Callback",
    "a query on top": "https://assistant.example/callback?next=https://evil.example",
    "a fragment": "https://assistant.example/callback#here",
    "a user name": "https://assistant.example@evil.example/callback",
    "another port": "https://assistant.example:8443/callback",
    "without https": "http://assistant.example/callback",
    "dots in the path": "https://assistant.example/x/../callback",
    "a script": "javascript:alert(1)",
    "quotes": 'https://assistant.example/callback"><script>',
    "nothing": "",
}


@ONE_ENGINE
@pytest.mark.holds("RFC9700-2.1", "ASVS-10.4.1", "RFC9700-4.11")
def test_an_answer_goes_only_where_the_client_registered(shop: ShopUnderTest) -> None:
    """§3.1.2.3, RFC 9700 §4.1.3: compared exactly. What is not registered gets nothing, not even an error: a page says so."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    for what, uri in OTHER_PLACES.items():
        shop.clock.pass_by(minutes=1)  # of one minute, the eleventh would be counted and have no event
        sofia.get("/sessions")  # noted as seen before anything is watched
        with watching(shop) as seen:
            response = assistant.open(sofia, "browse", redirect_uri=uri)
        assert response.status_code == 400 and "cannot be let in" in response.text, what
        assert "Location" not in response.headers and "<script>" not in response.text, what
        assert seen.names == ["authorization.refused"] and not seen.changed, what
        assert seen.events[0].content["facts"]["told_client"] is False
    assert rows(shop, ConsentQuestion) == []


@ONE_ENGINE
@pytest.mark.parametrize("registered_as", ["http://127.0.0.1/cb", "http://localhost/cb", "http://[::1]/cb"])
def test_the_port_of_a_loopback_address_is_free(shop: ShopUnderTest, registered_as: str) -> None:
    """RFC 8252 §7.3: an app on the person's computer gets another port each time; nothing else of it may differ."""
    assistant, sofia = registered(shop, redirect_uri=registered_as), shop.sign_in(SOFIA)
    with_port = registered_as.replace("/cb", ":49152/cb")
    assert assistant.ask(sofia, "browse", redirect_uri=with_port).uri == with_port
    for other in ("/other", "/cb/", "/cb?a=b", "/cb?", "/CB"):
        assert assistant.open(sofia, "browse", redirect_uri=with_port.replace("/cb", other)).status_code == 400
    shouted = with_port.replace("http://", "HTTP://")
    assert assistant.open(sofia, "browse", redirect_uri=shouted).status_code == 400, "compared as it is written"
    elsewhere = "http://localhost:49152/cb" if "localhost" not in registered_as else "http://127.0.0.1:49152/cb"
    assert assistant.open(sofia, "browse", redirect_uri=elsewhere).status_code == 400


ERRORS: dict[str, tuple[dict[str, str | None], str]] = {
    "implicit": ({"response_type": "token"}, "unsupported_response_type"),
    "an ID token": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "no response type": ({"response_type": None}, "unsupported_response_type"),
    "a scope nobody has": ({"scope": "browse everything"}, "invalid_scope"),
    "a workflow that cannot be consented to": ({"scope": "browse administer"}, "invalid_scope"),
    "another response mode": ({"response_mode": "fragment"}, "invalid_request"),
}


@ONE_ENGINE
@pytest.mark.holds("RFC9700-2.1.2", "ASVS-10.4.4")
def test_an_error_goes_to_the_client_once_it_is_verified(shop: ShopUnderTest) -> None:
    """§4.1.2.1: with its own state and the issuer, and without a code; the person is asked nothing; it is on record."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    for what, (changed, error) in ERRORS.items():
        answer = back(assistant.open(sofia, "browse", **changed))
        assert answer.uri == CALLBACK, what
        assert answer.parameters["error"] == error and "code" not in answer.parameters, what
        assert answer.parameters["state"] == "a state of the assistant" and answer.parameters["iss"] == BASE_URL
        told = facts(shop, "authorization.refused")
        assert (told["error"], told["client"], told["told_client"]) == (error, assistant.client_id, True)
    assert rows(shop, ConsentQuestion) == rows(shop, AuthorizationCode) == []


@ONE_ENGINE
@pytest.mark.holds("RFC9700-4.11")
def test_a_client_that_nobody_here_knows_takes_no_browser_anywhere(shop: ShopUnderTest) -> None:
    """RFC 9700 §4.11.2: anybody can register a client with whatever address, so its errors wait on a page for the person's own
    click; once somebody of the organization has let it in, they go to it by themselves.
    """
    document = {"client_name": "A prize for you", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
    answer = shop.app.test_client().post("/oauth/register", json=document, base_url=BASE_URL)
    client, sofia = ExternalAssistant(shop, answer.get_json()["client_id"]), shop.sign_in(SOFIA)
    page = client.open(sofia, "browse", response_type="token")
    assert page.status_code == 400 and "Location" not in page.headers
    assert "Take that answer to assistant.example" in page.text and "go no further" in page.text
    assert facts(shop, "authorization.refused")["told_client"] is False
    client.connect(sofia, "browse")
    told = back(client.open(sofia, "browse", response_type="token"))
    assert told.uri == CALLBACK and told.parameters["error"] == "unsupported_response_type"
    assert facts(shop, "authorization.refused")["told_client"] is True


@ONE_ENGINE
def test_what_cannot_be_read_is_a_page(shop: ShopUnderTest) -> None:
    """An unknown client, a parameter sent twice or far too long, no text at all: a readable page, never a stack trace."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    request = assistant.request("browse")
    for name in request:
        twice = [*request.items(), (name, "another")]
        assert sofia.get("/oauth/authorize", query_string=twice).status_code == 400, name
    for client_id in ("", "cli_unknown", "usr_01", "…", "https://nowhere.example", "a" * 400, "cli'\"<b>"):
        page = sofia.get("/oauth/authorize", query_string=request | {"client_id": client_id})
        assert page.status_code == 400 and "cli'" not in page.text, client_id
    assert sofia.get("/oauth/authorize", query_string=request | {"state": "s" * 3000}).status_code == 400
    assert sofia.get("/oauth/authorize", query_string=request | {"state": "a\x00b"}).status_code == 404
    assert sofia.get("/oauth/authorize").status_code == 400
    assert grants(shop, assistant.client_id) == []


@ONE_ENGINE
@pytest.mark.holds("NHI5")
def test_without_a_scope_the_client_asks_for_the_least(shop: ShopUnderTest) -> None:
    """§3.3: a request that names no scope gets the default, which is to look and to read."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    assistant.redeem(assistant.ask(sofia, scope=None).code)
    assert assistant.scope == "browse read"


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.11")
def test_a_client_asks_for_no_more_than_it_is_registered_for(shop: ShopUnderTest) -> None:
    """What the operator limited when registering the client is its limit, before any person is asked."""
    assistant, sofia = registered(shop, scopes=["browse"]), shop.sign_in(SOFIA)
    assert back(assistant.open(sofia, "browse", "read")).parameters["error"] == "invalid_scope"
    assert assistant.redeem(assistant.ask(sofia, "browse").code).get_json()["scope"] == "browse"


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_each_organization_has_its_own_grants_and_its_own_trail(shop: ShopUnderTest) -> None:
    """One client, let in by people of two organizations: two entries, two grants, and neither trail knows of the other."""
    assistant = registered(shop)
    assistant.connect(shop.sign_in(SOFIA))
    assistant.connect(shop.sign_in(GIL))
    organizations = {grant.organization_id for grant, _ in grants(shop, assistant.client_id)}
    assert organizations == {shop.organization("acme"), shop.organization("globex")}
    for slug in ("acme", "globex"):
        chain = shop.organization(slug)
        assert len(events(shop, "agent.first_seen", chain)) == len(events(shop, "grant.consented", chain)) == 1
