"""Several tabs, callbacks that are opened again, cookies that come and go, and sign-ins that a company's portal begins."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import select, update

from shop.identity.models import Connection, Organization, SignInAttempt
from tests.identity.hostile import query_of
from tests.identity.signing_in import Browser, Door
from tests.oauth.looks import rows
from tests.support.people import SOFIA, Visitor
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE


def tab(door: Door, visitor: Visitor, next_path: str) -> Browser:
    """Another tab of the same browser, at the provider."""
    return Browser(visitor, door.provider, visitor.begin_sign_in(SOFIA, next_path))


def initiate(issuer: str, **more: str) -> str:
    """What a tile of the company's portal opens."""
    return f"/sign-in/initiate?{urlencode({'iss': issuer, **more})}"


def test_sign_ins_in_two_tabs_both_succeed(door: Door) -> None:
    """Whichever comes back first: each leads where its own tab wanted to go."""
    visitor = door.shop.visitor()
    one, other = tab(door, visitor, "/orders"), tab(door, visitor, "/cart")
    for browser, path in ((other, "/cart"), (one, "/orders")):
        response = browser.come_back()
        assert (response.status_code, response.headers["Location"]) == (303, path)
    assert visitor.get("/sessions").status_code == 200


def test_a_form_of_before_takes_on_whoever_signed_in_in_another_tab(door: Door) -> None:
    """Two tabs show the form, one signs in: the other one's form is too old, and its person is in. A stranger's stays refused."""
    visitor = door.shop.visitor()
    token = visitor.csrf_token()
    assert tab(door, visitor, "/orders").come_back().status_code == 303
    form = {"email": SOFIA, "next": "/cart", "csrf_token": token}
    late = visitor.client.post("/sign-in", data=form, base_url=BASE_URL)
    assert (late.status_code, late.headers["Location"]) == (303, "/cart")
    away = visitor.client.post("/sign-in", data=form | {"next": "//evil.example"}, base_url=BASE_URL)
    assert away.headers["Location"] == "/"
    assert door.shop.visitor().client.post("/sign-in", data=form, base_url=BASE_URL).status_code == 400


def test_a_callback_that_is_opened_again_takes_them_on(door: Door, leaving: Browser) -> None:
    """Somebody who is signed in lands where the sign-in led; nothing is asked, nothing changes, nothing failed."""
    browser = door.browser(next_path="/orders?page=2")
    callback = browser.callback()
    assert browser.visitor.get(callback).status_code == 303
    asked, trail = len(door.provider.asked), len(door.shop.chain(door.shop.organization("acme")))
    for _ in range(2):
        response = browser.visitor.get(callback)
        assert (response.status_code, response.headers["Location"]) == (303, "/orders?page=2")
    assert len(door.provider.asked) == asked
    assert len(door.shop.chain(door.shop.organization("acme"))) == trail
    response = browser.visitor.get("/sign-in/callback?state=an-old-one&code=x")
    assert (response.status_code, response.headers["Location"]) == (303, "/")


@pytest.mark.holds("ASVS-10.2.1", "I14")
def test_of_a_used_attempt_no_secret_is_kept(door: Door, leaving: Browser) -> None:
    """Only where it led: nonce and verifier are gone, and another browser learns nothing from the state."""
    callback = leaving.callback()
    assert leaving.visitor.get(callback).status_code == 303
    (attempt,) = rows(door.shop, SignInAttempt)
    assert (attempt.nonce, attempt.code_verifier) == ("", "")
    other = door.sign_in()
    response = other.get(callback)
    assert (response.status_code, response.headers["Location"]) == (303, "/")


def test_whoever_failed_goes_on_to_where_they_wanted(door: Door) -> None:
    """The page's way back remembers the path."""
    browser = door.browser(next_path="/orders")
    door.provider.callback = {"code": None, "error": "access_denied"}
    assert 'href="/sign-in?next=%2Forders"' in browser.come_back().text


def test_nothing_that_merely_carries_the_cookie_ends_a_running_sign_in(door: Door, leaving: Browser) -> None:
    """Callbacks of nobody, other pages, a sign-out in another tab, an answer with an older session cookie: it still succeeds."""
    visitor = leaving.visitor
    for path in ("/sign-in/callback", "/sign-in/callback?state=guess&code=x", "/sign-in/callback?error=access_denied"):
        assert visitor.get(path).status_code == 400
    visitor.get("/"), visitor.get("/sign-in"), visitor.get("/orders")
    visitor.client.delete_cookie("context-and-co-5999", domain="127.0.0.1")
    assert leaving.come_back().status_code == 303
    leaving.visitor.email = SOFIA
    second = tab(door, visitor, "/cart")
    assert visitor.post("/sign-out").status_code in {200, 302, 303}
    assert second.come_back().headers["Location"] == "/cart"


def test_the_cookie_of_an_attempt_is_for_the_sign_in_alone(door: Door) -> None:
    """HttpOnly, Lax, for `/sign-in`, as long as an attempt lasts; an odd one that comes is not taken over."""
    visitor = door.shop.visitor()
    visitor.csrf_token()
    visitor.client.set_cookie("context-and-co-5999-sign-in", "planted", domain="127.0.0.1", path="/sign-in")
    cookies = visitor.post("/sign-in", email=SOFIA, next="/").headers.getlist("Set-Cookie")
    (cookie,) = [cookie for cookie in cookies if cookie.startswith("context-and-co-5999-sign-in=")]
    for part in ("HttpOnly", "SameSite=Lax", "Path=/sign-in", "Max-Age=600"):
        assert part in cookie
    assert "planted" not in cookie


def test_a_tile_of_the_company_signs_people_in(door: Door) -> None:
    """OpenID Connect Core §4: by GET or POST, with state, nonce, PKCE and the hint; and then where the tile leads."""
    for method in ("get", "post"):
        visitor = door.shop.visitor()
        said = {"iss": door.provider.issuer, "login_hint": SOFIA, "target_link_uri": f"{BASE_URL}/orders?page=2"}
        if method == "get":
            response = visitor.get(f"/sign-in/initiate?{urlencode(said)}")
        else:
            posted = visitor.client.post("/sign-in/initiate", data=said, base_url=BASE_URL)
            assert posted.status_code == 303 and "Set-Cookie" not in posted.headers
            response = visitor.get(posted.headers["Location"])
        assert response.status_code == 303
        request = query_of(response.headers["Location"])
        assert request["login_hint"] == SOFIA and request["code_challenge_method"] == "S256"
        assert len(request["state"]) >= 43 and len(request["nonce"]) >= 43
        back = Browser(visitor, door.provider, response.headers["Location"]).come_back()
        assert (back.status_code, back.headers["Location"]) == (303, "/orders?page=2")
        assert visitor.get("/sessions").status_code == 200


def test_a_tile_takes_on_whoever_is_signed_in(door: Door) -> None:
    """The same person at the same issuer goes straight on. For anybody else nothing begins: a link must not replace who is here."""
    visitor = door.sign_in()
    for hint in ({}, {"login_hint": SOFIA.upper()}):
        response = visitor.get(initiate(door.provider.issuer, target_link_uri=f"{BASE_URL}/cart", **hint))
        assert (response.status_code, response.headers["Location"]) == (303, "/cart")
    response = visitor.get(initiate(door.provider.issuer, login_hint="noah.lind@acme.example"))
    assert response.status_code == 409 and "Sign out first" in response.text and SOFIA in response.text
    assert visitor.get("/sessions").status_code == 200


@pytest.mark.holds("RFC9700-4.11", "RFC9700-4.4", "ASVS-10.2.2")
def test_a_tile_begins_only_what_is_known_and_leads_nowhere_else(door: Door) -> None:
    """An unknown issuer asks nobody; whatever the target, the person lands on a path of this shop; the hint is only a hint."""
    for issuer in ("https://evil.example", "", f"{door.provider.issuer}/"):
        response = door.shop.visitor().get(initiate(issuer, login_hint=SOFIA))
        assert response.status_code == 404 and "know that sign-in" in response.text
    assert door.shop.visitor().get(initiate("a\x00b")).status_code == 404
    assert door.provider.asked == []
    for target in (
        "https://evil.example/",
        f"{BASE_URL}.evil.example/x",
        f"{BASE_URL}//evil.example",
        "/orders",
        "javascript:1",
    ):
        visitor = door.shop.visitor()
        response = visitor.get(initiate(door.provider.issuer, target_link_uri=target))
        back = Browser(visitor, door.provider, response.headers["Location"]).come_back()
        assert back.headers["Location"] == "/", target
    door.provider.callback = {"iss": "https://evil.example"}
    visitor = door.shop.visitor()
    response = visitor.get(initiate(door.provider.issuer, login_hint=quote("x" * 5000)))
    refused = Browser(visitor, door.provider, response.headers["Location"]).come_back()
    assert refused.status_code == 400 and "another identity provider" in refused.text


@pytest.mark.holds("ASVS-10.2.1", "RFC9700-4.7")
def test_a_tile_in_another_browser_signs_nobody_in_here(door: Door) -> None:
    """What one browser began, another cannot finish: the checks are those of every sign-in."""
    attacker = door.shop.visitor()
    response = attacker.get(initiate(door.provider.issuer))
    callback = Browser(attacker, door.provider, response.headers["Location"]).callback()
    victim = door.browser().visitor
    door.assert_counted(victim, victim.get(callback), 400, "state_refused", says="another browser", chain="system")


def test_of_two_companies_at_one_issuer_the_hint_says_which(door: Door) -> None:
    """Without a hint that tells them apart, the person is asked for their address."""
    with door.shop.database.write() as db:
        globex = select(Organization.id).where(Organization.slug == "globex").scalar_subquery()
        db.execute(update(Connection).where(Connection.organization_id == globex).values(issuer=door.provider.issuer))
    assert door.shop.visitor().get(initiate(door.provider.issuer)).status_code == 404
    visitor = door.shop.visitor()
    response = visitor.get(initiate(door.provider.issuer, login_hint=SOFIA))
    assert Browser(visitor, door.provider, response.headers["Location"]).come_back().status_code == 303
