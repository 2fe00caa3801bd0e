"""Consent: what the person sees, what their answer becomes, and everything that is not their answer."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from shop.agents import blocks, limits
from shop.oauth.endpoints.consent_request import ConsentQuestion
from shop.oauth.grants.authorization_code import AuthorizationCode
from shop.principal import Workflow
from tests.oauth.looks import events, facts, grants, is_alive, only_grant, rows, scopes_now
from tests.support.assistants import CALLBACK, back, connect, decide, leads_to, offered, registered, ticked
from tests.support.people import INES, NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE, watching


def policy_of(page: object) -> dict[str, str]:
    """The directives of a page's Content-Security-Policy."""
    header = page.headers["Content-Security-Policy"]  # type: ignore[attr-defined]
    return dict(part.strip().split(" ", 1) for part in header.split(";"))


def question_of(page: object) -> str:
    found = re.search(r'name="question" value="([^"]+)"', page.text)  # type: ignore[attr-defined]
    assert found
    return found.group(1)


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.7.2", "M7", "ASI09")
def test_the_page_says_who_asks_for_what_for_whom_until_when(shop: ShopUnderTest) -> None:
    """The client and who vouches for it, where the answer goes, the person and their organization, the workflows in words, the end."""
    assistant, sofia = registered(shop, "Campus Buyer"), shop.sign_in(SOFIA)
    page = assistant.open(sofia, "browse", "read", "transact")
    text = re.sub(r"<[^>]+>", " ", page.text)
    for words in ("Campus Buyer", "assistant.example", "Sofia Hart", "sofia.hart@acme.example", "Acme"):
        assert words in text
    assert "Registered by this shop" in text and "Look around" in text and "Buy for you" in text
    assert "Cannot be undone" in text and "Place the order" in text and "Cancel an order" in text
    until = shop.services.settings.grant_lifetime + shop.clock.now
    assert f"{until:%Y}" in text and "until you take it back" in text
    assert offered(page) == ("browse", "read", "transact")
    assert ticked(page) == ("browse", "read"), "to buy is the person's own tick"
    assert "Left out unless you tick it. It works without." in " ".join(text.split())


@ONE_ENGINE
@pytest.mark.holds("RFC9700-4.16", "M6")
def test_the_page_cannot_be_framed_and_its_form_leads_nowhere(shop: ShopUnderTest) -> None:
    """Its form answers with a page of the shop's own, so the policy needs no exception; kept by no cache and framed by nobody."""
    sofia = shop.sign_in(SOFIA)
    for uri in (
        "https://assistant.example/callback",
        "http://127.0.0.1:49152/callback",
        "http://[::1]:49152/callback",
        "com.example.app:/callback",
        "anyapp://callback",
    ):
        page = registered(shop, redirect_uri=uri).open(sofia, "browse")
        policy = policy_of(page)
        assert policy["form-action"] == "'self'"
        assert policy["frame-ancestors"] == "'none'" and page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        assert ("Did you start this yourself" in page.text) == (not uri.startswith("https")), "localhost is told apart"


@ONE_ENGINE
@pytest.mark.parametrize(
    "uri", [CALLBACK, "http://[::1]:49152/callback", "com.example.app:/callback", "anyapp:callback"]
)
@pytest.mark.parametrize("answer", ["allow", "deny"])
@pytest.mark.holds("RFC9700-4.12")
def test_no_form_redirects_out_of_the_shop(shop: ShopUnderTest, uri: str, answer: str) -> None:
    """Browsers apply `form-action` to every redirect after a form, also to those of the client's callback: so the answer is a page
    that goes on by itself, which nobody keeps and whose address nobody is told.
    """
    sofia, assistant = shop.sign_in(SOFIA), registered(shop, redirect_uri=uri)
    page = decide(sofia, assistant.open(sofia, "browse"), answer=answer)
    assert page.status_code == 200 and "Location" not in page.headers
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cross-Origin-Opener-Policy"] == "unsafe-none", "a host's popup stays connected"
    answered = back(page)
    assert answered.uri == uri and ("code" in answered.parameters) == (answer == "allow")
    assert page.text.count("0;url=") == 1 and "Continue</a>" in page.text, (
        "where a browser does not go on, a press does"
    )


@ONE_ENGINE
@pytest.mark.holds("RFC9700-4.12")
def test_signing_in_on_the_way_to_a_known_client_ends_in_a_page(shop: ShopUnderTest) -> None:
    """The identity provider's own form began the chain that would end at the client: its policy does not list that either."""
    assistant, visitor = registered(shop), shop.visitor()
    assistant.connect(shop.sign_in(SOFIA), "browse")
    path = f"/oauth/authorize?{urlencode(assistant.request('browse'))}"
    landed = visitor.sign_in(SOFIA, path)
    assert landed.status_code == 200 and "Location" not in landed.headers and leads_to(landed) == path
    assert visitor.get(path).status_code == 303, "nobody has to be asked, so this goes straight on"
    assert shop.visitor().sign_in(SOFIA, "/orders").status_code == 303, "where it stays in the shop"


@pytest.mark.holds("M1", "ASVS-10.7.3")
def test_what_is_unticked_is_not_allowed(shop: ShopUnderTest) -> None:
    """The grant and the token have what was ticked; the client is told so; later it can be narrowed, which acts at once."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    assistant.redeem(assistant.ask(sofia, "browse", "read", "transact", tick=("browse", "transact")).code)
    assert assistant.scope == "browse transact"
    assert only_grant(shop, assistant.client_id)[1].scopes == ["browse", "transact"]
    wide = assistant.access_token
    assistant.redeem(assistant.ask(sofia, "browse", "transact", tick=("browse",), prompt="consent").code)
    assert only_grant(shop, assistant.client_id)[1].scopes == ["browse"]
    assert facts(shop, "grant.consented")["before"] == ["browse", "transact"]
    assert scopes_now(shop, wide) == {"browse"}


@ONE_ENGINE
@pytest.mark.holds("M1")
def test_no_is_an_answer(shop: ShopUnderTest) -> None:
    """Declined, or nothing ticked: the client is told `access_denied`, nothing is granted, and both are on record."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    for answer, tick in (("deny", None), ("allow", ()), ("perhaps", None)):
        said = back(decide(sofia, assistant.open(sofia, "browse"), answer=answer, tick=tick))
        assert said.parameters["error"] == "access_denied" and "code" not in said.parameters
        told = facts(shop, "grant.denied")
        assert (told["client"], told["because"]) == (assistant.client_id, "person")
    assert grants(shop, assistant.client_id) == []
    assert rows(shop, ConsentQuestion) == rows(shop, AuthorizationCode) == []


@ONE_ENGINE
@pytest.mark.holds("M1", "M4", "RFC9700-4.7")
def test_only_the_person_who_was_asked_answers_and_once(shop: ShopUnderTest) -> None:
    """Without the form's token, in another session, by another person, late, again, or made up: nothing is allowed."""
    assistant, sofia, noah = registered(shop), shop.sign_in(SOFIA), shop.sign_in(NOAH)
    sofia_elsewhere = shop.sign_in(SOFIA)
    question = question_of(assistant.open(sofia, "browse"))
    form = {"question": question, "answer": "allow", "scope": "browse"}
    with watching(shop) as seen:
        assert sofia.client.post("/oauth/consent", data=form, base_url=BASE_URL).status_code == 400
        for other in (noah, sofia_elsewhere):
            refused = other.post("/oauth/consent", **form)
            assert refused.status_code == 400 and "no longer open" in refused.text
        assert shop.visitor().post("/oauth/consent", **form).status_code == 401
        for made_up in ("", "x", question[:-1], question + "x"):
            assert sofia.post("/oauth/consent", **(form | {"question": made_up})).status_code == 400
    told = [(event.name, event.content["facts"]["handle"]) for event in seen.events]
    assert told == [("access.denied", "form_token")] + [("access.denied", "consent_question")] * 6
    assert not seen.changed and question not in str([event.content for event in seen.events])
    assert back(sofia.post("/oauth/consent", **form)).code
    assert sofia.post("/oauth/consent", **form).status_code == 400, "used up"

    late = question_of(assistant.open(sofia, "browse", "read"))
    shop.clock.pass_by(minutes=11)
    assert sofia.post("/oauth/consent", **(form | {"question": late})).status_code == 400


@ONE_ENGINE
@pytest.mark.holds("M1", "I3")
def test_the_answer_allows_no_more_than_was_asked(shop: ShopUnderTest) -> None:
    """A form that was bent to tick what was not offered gains nothing."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    bent = decide(sofia, assistant.open(sofia, "browse"), tick=("browse", "transact", "administer", "…"))
    assistant.redeem(back(bent).code)
    assert assistant.scope == "browse"
    assert only_grant(shop, assistant.client_id)[1].scopes == ["browse"]


@pytest.mark.holds("ASVS-10.7.1", "M8")
def test_only_what_is_new_is_asked_again(shop: ShopUnderTest) -> None:
    """A step-up keeps the grant and what it had; what was consented to needs no second page, and does not last longer for it."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    assistant.connect(sofia, "browse", "read")
    first, authority = only_grant(shop, assistant.client_id)
    shop.clock.pass_by(minutes=30)
    again = assistant.open(sofia, "browse")
    assert again.status_code == 303 and "code=" in again.headers["Location"]
    assert only_grant(shop, assistant.client_id)[1].expires_at == authority.expires_at
    assert len(events(shop, "grant.consented")) == 1

    page = assistant.open(sofia, "browse", "transact")
    assert page.status_code == 200 and ticked(page) == ("browse",), (
        "clients ask for everything each time: to buy is a tick"
    )
    assert offered(page) == ("browse", "transact") and "Left out unless you tick it" in page.text
    assert page.text.count(">new</span>") == 1
    assistant.redeem(back(decide(sofia, page, tick=("browse", "transact"))).code)
    grant, authority = only_grant(shop, assistant.client_id)
    assert grant.id == first.id and authority.scopes == ["browse", "read", "transact"]
    assert len(events(shop, "agent.first_seen")) == 1


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.7.1", "M6")
def test_a_client_that_could_be_anybody_is_asked_about_each_time(shop: ShopUnderTest) -> None:
    """RFC 8252 §8.6: an answer to this computer may reach any program, so no code is given without the person."""
    assistant, sofia = registered(shop, redirect_uri="http://127.0.0.1/callback"), shop.sign_in(SOFIA)
    assistant.connect(sofia, "browse")
    assert assistant.open(sofia, "browse").status_code == 200
    https = registered(shop)
    https.connect(sofia, "browse")
    assert https.open(sofia, "browse").status_code == 303
    assert https.open(sofia, "browse", prompt="consent").status_code == 200, "unless its client wants them to be"


def block(administrator: Visitor, agent: str) -> None:
    principal = administrator.principal()
    with administrator.shop.database.write() as db:
        blocks.block_agent(db, administrator.shop.services.policy, principal, agent)


@ONE_ENGINE
@pytest.mark.holds("I3", "ASI10")
def test_what_the_organization_forbids_is_not_offered(shop: ShopUnderTest) -> None:
    """A blocked client gets a page that says so, also between the question and its answer; a ceiling narrows what is offered."""
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    assistant = connect(sofia, "browse")
    agent, administrator = only_grant(shop, assistant.client_id)[0].agent_id, ines.principal()
    with shop.database.write() as db:
        limits.set_ceiling(db, shop.services.policy, administrator, agent, [])
    page = assistant.open(sofia, "browse", "transact")
    assert page.status_code == 403 and "less than all" in page.text
    with shop.database.write() as db:
        limits.set_ceiling(db, shop.services.policy, administrator, agent, [Workflow.BROWSE])
    page = assistant.open(sofia, "browse", "transact", prompt="consent")
    assert offered(page) == ("browse",) and "Acme does not allow this to it" in page.text
    assert assistant.redeem(back(decide(sofia, page, tick=("browse", "transact"))).code).get_json()["scope"] == "browse"

    waiting = assistant.open(sofia, "browse", prompt="consent")
    block(ines, agent)
    assert not is_alive(shop, assistant.access_token)
    answered = decide(sofia, waiting)
    assert answered.status_code == 403 and "An administrator has blocked it" in answered.text
    assert f'href="{assistant.redirect_uri}?error=access_denied' in answered.text
    assert assistant.open(sofia, "browse").status_code == 403
    assert facts(shop, "grant.denied")["because"] == "blocked"
    assert [authority.ended_because for _, authority in grants(shop, assistant.client_id)] == ["blocked"]


@ONE_ENGINE
@pytest.mark.holds("M7")
def test_a_clients_words_stay_words(shop: ShopUnderTest) -> None:
    """A name with markup, line breaks or direction marks is one short line of text, and cannot pass for the page's own."""
    name = "<b>Context & Co.</b>\n\u202eofficial \u200bshop " + "x" * 200
    assistant, sofia = registered(shop, name), shop.sign_in(SOFIA)
    page = assistant.open(sofia, "browse")
    assert "<b>Context" not in page.text and "&lt;b&gt;Context &amp; Co.&lt;/b&gt; official shop" in page.text
    assert "\u202e" not in page.text and "\u200b" not in page.text and "x" * 80 not in page.text
