"""A provider that does not answer, or answers nonsense: people are told that it is not their fault, and nothing hangs."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product

import pytest
from werkzeug.wrappers import Response

from tests.identity.hostile import HostileProvider
from tests.identity.signing_in import Browser, Door
from tests.support.people import SOFIA, ShopUnderTest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HTML = "<html><body>Down for maintenance</body></html>"
NONSENSE = (
    Response(HTML, 200, mimetype="text/html"),
    Response(HTML, 503, mimetype="text/html"),
    Response("[]", mimetype="application/json"),
    Response("", mimetype="application/json"),
    Response('{"issuer":', mimetype="application/json"),
)
REDIRECTS = (301, 302, 303, 307, 308)
NO_KEYS: tuple[object, ...] = ("none", [], ["x", None], [{"kty": "RSA"}], [{"kty": "RSA", "n": "!", "e": 5}], None)


def assert_unavailable_at_the_start(door: Door) -> None:
    """Giving the e-mail leads to a page that says what is wrong; there is no attempt and no session."""
    visitor = door.shop.visitor()
    response = visitor.post("/sign-in", email=SOFIA, next="/")
    door.assert_refused(visitor, response, 503, "provider_unavailable", says="try again in a minute")


def assert_unavailable_on_the_way_back(door: Door, browser: Browser, callback: str) -> None:
    """The callback leads to a page that says what is wrong, and nobody is signed in."""
    response = browser.visitor.get(callback)
    door.assert_refused(browser.visitor, response, 503, "provider_unavailable", says="try again in a minute")


def test_a_provider_that_is_gone_is_said_at_the_start(door: Door) -> None:
    """Nothing listens at the issuer: the sign-in page says so, in words that blame nobody."""
    door.provider.stop()
    assert_unavailable_at_the_start(door)


def test_nonsense_at_discovery(door: Door) -> None:
    """A discovery document that cannot be read is a provider that does not answer; once it can be, people come in."""
    elsewhere = f"{door.provider.issuer}/elsewhere"
    redirects = (Response("{}", status, {"Location": elsewhere}) for status in REDIRECTS)
    for answer in (*NONSENSE, *redirects):
        door.provider.answers["/.well-known/openid-configuration"] = answer
        assert_unavailable_at_the_start(door)
    assert "/elsewhere" not in door.provider.asked
    door.provider.answers.clear()
    door.sign_in()


@pytest.mark.holds("ASVS-10.2.2", "RFC9700-4.4")
def test_discovery_of_another_issuer_is_refused(door: Door) -> None:
    """A discovery document that speaks for somebody else is not believed (Discovery 1.0, section 4.3)."""
    for other in ("https://evil.example", f"{door.provider.issuer}/", None):
        door.provider.metadata = {"issuer": other}
        visitor = door.shop.visitor()
        response = visitor.post("/sign-in", email=SOFIA, next="/")
        door.assert_refused(visitor, response, 400, "wrong_issuer", says="says it is somebody else")


def test_endpoints_must_be_https(door: Door) -> None:
    """An endpoint without https (but on this very machine) is never used."""
    addresses = (
        "http://login.acme.example/x",
        "ftp://127.0.0.1/x",
        "javascript:alert(1)",
        "//evil",
        "https://[x",
        "",
        None,
        5,
        "http://login.acme.example/\ud800",
    )
    for endpoint, address in product(("authorization_endpoint", "token_endpoint", "jwks_uri"), addresses):
        door.provider.metadata = {endpoint: address}
        assert_unavailable_at_the_start(door)


def test_an_issuer_without_https_is_never_asked(
    open_shop: Callable[..., ShopUnderTest], provider: HostileProvider
) -> None:
    """A connection with a plain http issuer elsewhere is refused before anything is fetched over an open wire."""
    door = Door(open_shop("http://login.acme.example"), provider)
    visitor = door.shop.visitor()
    response = visitor.post("/sign-in", email=SOFIA, next="/")
    event = door.assert_refused(visitor, response, 503, "provider_unavailable", says="try again in a minute")
    assert event.content["facts"]["detail"] == "without https: http://login.acme.example"


def test_a_provider_that_goes_away_in_between(door: Door, leaving: Browser) -> None:
    """Gone between agreeing and coming back: said, recorded, and the attempt is used up."""
    callback = leaving.callback()
    door.provider.stop()
    assert_unavailable_on_the_way_back(door, leaving, callback)
    response = leaving.visitor.get(callback)
    door.assert_counted(leaving.visitor, response, 400, "state_refused", says="used already", chain="system")


def test_nonsense_at_the_token_endpoint(door: Door) -> None:
    """Whatever the token endpoint answers instead of tokens, nobody is signed in."""
    refused = Response('{"error": "invalid_grant"}', 400, mimetype="application/json")
    no_token = Response('{"access_token": "a", "token_type": "Bearer"}', mimetype="application/json")
    for answer in (*NONSENSE, refused, no_token):
        door.provider.answers["/token"] = answer
        browser = door.browser()
        response = browser.come_back()
        if response.status_code == 503:
            door.assert_refused(browser.visitor, response, 503, "provider_unavailable", says="try again")
        elif "did not accept the answer" in response.text:
            door.assert_counted(browser.visitor, response, 400, "code_refused", says="start again")
        else:
            door.assert_refused(browser.visitor, response, 400, "id_token_refused", says="start again")


def test_a_redirect_of_the_token_endpoint_is_not_followed(door: Door) -> None:
    """The code and its verifier go nowhere but to the provider's own token endpoint (RFC 9700, section 4.12)."""
    elsewhere = HostileProvider(door.shop.clock)
    try:
        for status in REDIRECTS:
            door.provider.answers["/token"] = Response("{}", status, {"Location": f"{elsewhere.issuer}/token"})
            browser = door.browser()
            response = browser.come_back()
            assert response.status_code in {400, 503} and "Try again" in response.text
            assert door.shop.chain(door.shop.organization("acme"))[-1].name == "sign_in.failed"
        assert elsewhere.asked == []
    finally:
        elsewhere.stop()


def test_nonsense_instead_of_keys(door: Door) -> None:
    """A key set that cannot be read is a provider that does not answer; once it can be, people come in."""
    no_keys = (Response(json.dumps({"keys": keys}), mimetype="application/json") for keys in NO_KEYS)
    for answer in (*NONSENSE, Response("{}", 302, {"Location": "/elsewhere"}), *no_keys):
        door.provider.answers["/jwks"] = answer
        browser = door.browser()
        assert_unavailable_on_the_way_back(door, browser, browser.callback())
    door.provider.answers.clear()
    door.sign_in()


def test_keys_that_nobody_understands_are_passed_over(door: Door) -> None:
    """A provider that also publishes a key of a kind yet to be invented still signs people in (RFC 7517, section 5)."""

    class Future:
        def as_dict(self, private: bool) -> dict[str, str]:
            return {"kty": "LATTICE", "kid": "first", "use": "sig", "d": str(private)}

    door.provider.keys.insert(0, Future())
    door.sign_in()


def test_signing_out_at_the_provider_is_offered_only_where_it_is_safe(door: Door) -> None:
    """The page after a sign-out links to the provider's own sign-out if it has one behind https; else it says nothing."""
    for endpoint, link in (
        (f"{door.provider.issuer}/end", f"{door.provider.issuer}/end?client_id="),
        (f"{door.provider.issuer}/end?a=b", f"{door.provider.issuer}/end?a=b&amp;client_id="),
        ("javascript:alert(1)", None),
        ("http://login.acme.example/end", None),
        (["x"], None),
        (None, None),
    ):
        door.provider.metadata = {"end_session_endpoint": endpoint}
        visitor = door.sign_in()
        door.shop.clock.pass_by(minutes=61)  # metadata is kept for an hour; sign in within the session's own hour
        visitor = door.sign_in()
        page = visitor.post("/sign-out").text
        assert (f'href="{link}' in page) if link else ("Sign out of Acme too" not in page)


def test_an_unknown_company_is_told_so(door: Door) -> None:
    """An address of no connected company, or no address at all, asks nobody, and is counted without the address."""
    for email in ("eve@evil.example", "", "acme.example", "a@b@acme.example.", "x" * 5000 + "@acme.example"):
        visitor = door.shop.visitor()
        response = visitor.post("/sign-in", email=email, next="/")
        door.assert_counted(visitor, response, 404, "no_connection", says="company", chain="system")
    assert door.provider.asked == []
