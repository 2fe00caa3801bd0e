"""A provider that does not answer, or answers nonsense: people are told that it is not their fault, and nothing hangs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.wrappers import Response

from tests.identity.hostile import HostileProvider
from tests.identity.signing_in import Browser, Door
from tests.support.people import SOFIA, ShopUnderTest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HTML = "<html><body>Down for maintenance</body></html>"
NONSENSE = [
    pytest.param(Response(HTML, 200, mimetype="text/html"), id="HTML"),
    pytest.param(Response(HTML, 503, mimetype="text/html"), id="503"),
    pytest.param(Response("[]", mimetype="application/json"), id="a list"),
    pytest.param(Response("", mimetype="application/json"), id="nothing"),
    pytest.param(Response('{"issuer":', mimetype="application/json"), id="half"),
    pytest.param(Response("{}", 302, {"Location": "http://127.0.0.1:1/elsewhere"}), id="a redirect"),
    pytest.param(
        Response("{}", 307, {"Location": "http://127.0.0.1:1/elsewhere"}), id="a redirect that keeps the body"
    ),
]


def assert_unavailable_at_the_start(door: Door) -> None:
    """Giving the e-mail leads to a page that says what is wrong; there is no attempt and no session."""
    visitor = door.shop.visitor()
    response = visitor.post("/sign-in", email=SOFIA, next="/")
    door.assert_refused(visitor, response, 503, "provider_unavailable", says="try again in a minute")


def assert_unavailable_on_the_way_back(door: Door, leaving: Browser, callback: str) -> None:
    """The callback leads to a page that says what is wrong, and nobody is signed in."""
    response = leaving.visitor.get(callback)
    door.assert_refused(leaving.visitor, response, 503, "provider_unavailable", says="try again in a minute")


def test_a_provider_that_is_gone_is_said_at_the_start(door: Door) -> None:
    """Nothing listens at the issuer: the sign-in page says so, and the next try after it is back works."""
    door.provider.stop()
    assert_unavailable_at_the_start(door)


@pytest.mark.parametrize("answer", NONSENSE)
def test_nonsense_at_discovery(door: Door, answer: Response) -> None:
    """A discovery document that cannot be read is a provider that does not answer; the next try asks again."""
    door.provider.answers["/.well-known/openid-configuration"] = answer
    assert_unavailable_at_the_start(door)
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


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "address",
    ["http://login.acme.example/x", "ftp://127.0.0.1/x", "javascript:alert(1)", "//evil", "https://[x", "", None, 5],
)
def test_endpoints_must_be_https(door: Door, endpoint: str, address: object) -> None:
    """An endpoint without https (but on this very machine) is never used."""
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
    door.assert_refused(leaving.visitor, response, 400, "state_refused", says="used already", chain="system")


@pytest.mark.parametrize("answer", NONSENSE)
def test_nonsense_at_the_token_endpoint(door: Door, leaving: Browser, answer: Response) -> None:
    """Whatever the token endpoint answers instead of tokens, nobody is signed in, and no redirect is followed."""
    callback = leaving.callback()
    elsewhere = HostileProvider(door.shop.clock)
    try:
        if "Location" in answer.headers:
            answer = Response("{}", answer.status_code, {"Location": f"{elsewhere.issuer}/token"})
        door.provider.answers["/token"] = answer
        response = leaving.visitor.get(callback)
        assert response.status_code in {400, 503} and "Try again" in response.text
        event = door.shop.chain(door.shop.organization("acme"))[-1]
        assert event.name == "sign_in.failed"
        assert event.content["facts"]["code"] in {"provider_unavailable", "code_refused", "id_token_refused"}
        assert elsewhere.asked == [], "the code and the client secret go nowhere else"
    finally:
        elsewhere.stop()


@pytest.mark.parametrize(
    "answer",
    [
        *NONSENSE,
        pytest.param(Response('{"keys": "none"}', mimetype="application/json"), id="no list of keys"),
        pytest.param(Response('{"keys": []}', mimetype="application/json"), id="no key"),
        pytest.param(Response('{"keys": ["x", null]}', mimetype="application/json"), id="keys that are none"),
        pytest.param(Response('{"keys": [{"kty": "RSA"}]}', mimetype="application/json"), id="half a key"),
        pytest.param(
            Response('{"keys": [{"kty": "RSA", "n": "!", "e": 5}]}', mimetype="application/json"), id="a broken key"
        ),
    ],
)
def test_nonsense_instead_of_keys(door: Door, leaving: Browser, answer: Response) -> None:
    """A key set that cannot be read is a provider that does not answer, and heals as soon as it can be."""
    callback = leaving.callback()
    door.provider.answers["/jwks"] = answer
    assert_unavailable_on_the_way_back(door, leaving, callback)
    door.provider.answers.clear()
    door.sign_in()


def test_keys_that_nobody_understands_are_passed_over(door: Door) -> None:
    """A provider that also publishes a key of a kind yet to be invented still signs people in (RFC 7517, section 5)."""

    class Future:
        def as_dict(self, private: bool) -> dict[str, str]:
            return {"kty": "LATTICE", "kid": "first", "use": "sig"}

    door.provider.keys.insert(0, Future())
    door.sign_in()


def test_an_unknown_company_is_told_so(door: Door) -> None:
    """An address of no connected company, or no address at all, asks nobody and leaves an event without the address."""
    for email in ("eve@evil.example", "", "acme.example", "a@b@acme.example.", "x" * 5000 + "@acme.example"):
        visitor = door.shop.visitor()
        response = visitor.post("/sign-in", email=email, next="/")
        event = door.assert_refused(visitor, response, 404, "no_connection", says="company", chain="system")
        assert "evil.example" not in str(event.content)
    assert door.provider.asked == []
