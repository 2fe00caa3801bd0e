"""What every page has: headers, a policy without exceptions, readable errors, a request id; and the two health checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from shop.settings import Settings
from tests.support.assistants import decide, registered
from tests.support.people import ADA, INES, SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

INLINE = re.compile(r"<style|<script(?![^>]*\ssrc=)|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:|hx-on", re.I)
ELSEWHERE = re.compile(r"""(?:src|srcset|data|action)=["'](?!/)|<link[^>]+href=["'](?!/)|url\(""", re.I)


def pages(shop: ShopUnderTest) -> list[tuple[Visitor, str]]:
    """Every kind of page: (who opens it, its path)."""
    visitor, sofia, ada, ines = shop.visitor(), shop.sign_in(SOFIA), shop.sign_in(ADA), shop.sign_in(INES)
    sofia.say("black hoodies under 60, in L")
    sofia.say("add the second one")
    sofia.allow(sofia.latest_call("add_to_cart").id)
    sofia.say("check out")
    number = re.search(r"CC-[0-9A-Z]{6}", sofia.get("/orders").text)
    assert number
    mine = f"/assistant/{sofia.conversation}"
    audit = f"/audit/conversations/{sofia.conversation}"
    return [
        *((visitor, path) for path in ("/", "/?q=hoodie", "/products/long-context-hoodie", "/protect", "/sign-in")),
        *((sofia, path) for path in ("/cart", "/checkout", "/orders", f"/orders/{number.group()}", "/sessions")),
        *((sofia, path) for path in ("/assistant/", mine, "/audit/", audit, "/admin/people/", "/orders/CC-000000")),
        *((ada, path) for path in ("/audit/", audit, "/audit/organization", mine)),
        (ines, "/admin/people/"),
        (visitor, "/sign-in/callback"),
        (visitor, "/nothing/here"),
    ]


@on_sqlite
@pytest.mark.holds("RFC9700-4.16")
def test_every_page_is_under_the_same_strict_policy(shop: ShopUnderTest) -> None:
    """No page can be framed, runs anything inline, loads anything from elsewhere, or is kept by a cache."""
    for who, path in pages(shop):
        response = who.get(path)
        policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'", path
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'", path
        assert policy["base-uri"] == "'none'"
        assert "unsafe" not in str(policy) and "*" not in str(policy) and "http" not in str(policy)
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        is_alone = not path.startswith("/sign-in")  # which a host of an assistant opens in a popup, like consent
        assert response.headers["Cross-Origin-Opener-Policy"] == ("same-origin" if is_alone else "unsafe-none"), path
        assert response.headers["Cache-Control"] == "no-store", path
        assert response.mimetype == "text/html" and "<html lang=" in response.text, path
        assert not (found := INLINE.search(response.text)), (path, found)
        assert not (found := ELSEWHERE.search(response.text)), (path, found)


@on_sqlite
@pytest.mark.holds("RFC9700-4.16")
def test_only_the_way_through_sign_in_and_consent_stays_with_who_opened_it(shop: ShopUnderTest) -> None:
    """Every answer on it, redirects and errors included, and no other page; none of them can be framed."""
    rules = shop.app.extensions["access"]
    assert {name for name, rule in rules.items() if rule.in_popup} == {"sign_in", "oauth_authorize", "oauth_consent"}
    assistant, visitor, sofia = registered(shop), shop.visitor(), shop.sign_in(SOFIA)
    question = assistant.open(sofia, "browse")
    on_the_way = {
        "to the sign-in": (assistant.open(visitor, "browse"), 302),
        "the e-mail": (visitor.get("/sign-in"), 200),
        "an unknown e-mail": (visitor.post("/sign-in", email="nobody@nowhere.example"), 404),
        "to the provider": (visitor.post("/sign-in", email=SOFIA), 200),
        "a callback of nothing": (visitor.get("/sign-in/callback"), 400),
        "the question": (question, 200),
        "a bad question": (assistant.open(sofia, "browse", redirect_uri="https://evil.example/"), 400),
        "an answer that is too old": (sofia.client.post("/oauth/consent", base_url=BASE_URL), 400),
        "the answer": (decide(sofia, question), 200),
    }
    for what, (response, status) in on_the_way.items():
        assert response.status_code == status, what
        assert response.headers["Cross-Origin-Opener-Policy"] == "unsafe-none", what
        assert response.headers["X-Frame-Options"] == "DENY", what
    for path in ("/approvals/rcp_nothing", "/assistants", "/connect", "/oauth/token", "/mcp", "/static/app.css", "/no"):
        assert sofia.get(path).headers["Cross-Origin-Opener-Policy"] == "same-origin", path


@on_sqlite
def test_a_font_is_kept_so_that_the_one_that_was_preloaded_is_used(shop: ShopUnderTest) -> None:
    """Fetched again with each page, it comes too late for the page, and the browser says that it was preloaded for nothing."""
    visitor = shop.visitor()
    fonts = re.findall(r'<link rel="preload" href="([^"]+)" as="font"', visitor.get("/").text)
    assert len(fonts) == 2
    for font in fonts:
        assert visitor.get(font).headers["Cache-Control"] == "public, max-age=86400"


@on_sqlite
@pytest.mark.holds("RFC9700-4.16")
def test_what_is_not_a_page_is_under_the_policy_too(shop: ShopUnderTest) -> None:
    """Redirects, pictures, styles, streams and health checks carry the headers as well."""
    sofia, visitor = shop.sign_in(SOFIA), shop.visitor()
    picture = re.search(r'src="(/pictures/[^"]+)"', visitor.get("/").text)
    assert picture
    for response in (
        visitor.get("/orders"),
        visitor.get(picture.group(1)),
        visitor.get("/static/app.css"),
        visitor.get("/healthz"),
        visitor.post("/cart/add"),
        sofia.post("/assistant/", message="what is in my cart?"),
    ):
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        response.get_data()  # a stream ends before its database goes


@on_sqlite
def test_the_page_on_the_way_to_the_provider_has_the_headers(shop: ShopUnderTest) -> None:
    """The page that takes the browser on is a page like any other, and its address is escaped."""
    response = shop.visitor().post("/sign-in", email=SOFIA, next="/")
    assert response.status_code == 200 and "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert not INLINE.search(response.text)
    assert "&amp;state=" in response.text


@on_sqlite
def test_errors_are_pages_that_a_person_can_read(shop: ShopUnderTest) -> None:
    """Not there, asked in a wrong way, or too much at once: a page with a title, a sentence, and a way on."""
    visitor, sofia = shop.visitor(), shop.sign_in(SOFIA)
    missing, wrong_way = visitor.get("/nothing/here"), visitor.post("/orders/CC-000000")
    too_much = sofia.post("/cart/add", sku="x" * 300_000)
    for response, status in ((missing, 404), (wrong_way, 405), (too_much, 413)):
        assert response.status_code == status
        assert (
            f"<h1>{ {404: 'There is nothing here', 405: 'That is not how this page works', 413: 'That is too much at once'}[status] }</h1>"
            in response.text
        )
        assert "Traceback" not in response.text and "werkzeug" not in response.text.lower()
    assert set(wrong_way.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}, "RFC 9110 section 15.5.6"
    assert shop.gateway.enquiries.items_in_cart(sofia.principal()) == 0


@on_sqlite
def test_a_body_of_any_kind_has_its_limit(shop: ShopUnderTest) -> None:
    """More than 256 KiB is refused, however it is encoded, with a notice in the chat and a page elsewhere."""
    sofia = shop.sign_in(SOFIA)
    long = sofia.post("/assistant/", message="x" * 300_000)
    assert long.status_code == 413 and "too much at once" in long.text and "<html" not in long.text
    token = sofia.csrf_token()
    many = "&".join(f"a{i}=1" for i in range(2000))
    for body, kind in (
        (f"csrf_token={token}&x={'x' * 300_000}", "application/x-www-form-urlencoded"),
        (f"csrf_token={token}&{many}", "application/x-www-form-urlencoded"),
        ('{"a": ', "application/json"),
        ("--b\r\nContent-Disposition: form-data; name=", "multipart/form-data; boundary=b"),
        ("\ud800".encode("utf-8", "surrogatepass") + b"\xff=\xfe", "application/x-www-form-urlencoded"),
    ):
        response = sofia.client.post("/cart/add", base_url=BASE_URL, data=body, content_type=kind)
        assert response.status_code in {400, 413} and "<h1>" in response.text, kind


def test_names_that_nothing_can_have_are_not_there(shop: ShopUnderTest) -> None:
    """Zero bytes, half characters and endless numbers in an address are a 404 or ignored, on both engines."""
    sofia, ada = shop.sign_in(SOFIA), shop.sign_in(ADA)
    for odd in ("%00", "a%00b", "%ff%fe", "%ed%a0%80", "x" * 3000, "'", "%25", "../etc"):
        for path in (
            "/orders/",
            "/products/",
            "/assistant/",
            "/audit/conversations/",
            "/pictures/long-context-hoodie/",
        ):
            assert sofia.get(path + odd).status_code in {404, 400 if len(odd) > 100 else 404}, path + odd
    for query in (
        "?max_price=" + "9" * 30,
        "?max_price=" + "9" * 5000,
        "?max_price=-1",
        "?q=" + "%25" * 50,
        "?q=%ff",
        "?q='",
    ):
        assert sofia.get("/" + query).status_code == 200, query
    assert sofia.get("/?q=%00").status_code in {200, 400, 404}
    for before in ("0", "-1", "x", "9" * 18, "9" * 30, "9" * 5000, "%D9%A1", "1.5"):
        answer = ada.get(f"/audit/organization?before={before}")
        assert answer.status_code == 200 or (answer.status_code == 400 and "latest" in answer.text), before


@on_sqlite
@pytest.mark.holds("I14")
def test_a_fault_of_ours_is_a_page_without_a_trace(shop: ShopUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever breaks inside, the person reads a plain sentence; the log has the trace, without cookies or tokens."""

    def broken() -> str:
        raise RuntimeError("secret detail: SELECT * FROM people")

    shop.app.view_functions["about.protect"] = broken
    sofia = shop.sign_in(SOFIA)
    response = sofia.get("/protect")
    assert response.status_code == 503 and "The shop is out for a moment" in response.text
    assert "secret detail" not in response.text and "RuntimeError" not in response.text
    assert "secret detail" in caplog.text
    cookie = sofia.client.get_cookie("context-and-co-5999", domain="127.0.0.1")
    assert cookie and cookie.value not in caplog.text


def test_the_health_checks_say_nothing_but_whether(shop: ShopUnderTest) -> None:
    """Both answer anyone with one word, without a cookie and without touching a session."""
    for path in ("/healthz", "/readyz"):
        response = shop.visitor().get(path)
        assert (response.status_code, response.json) == (200, {"status": "ok"})
        assert "Set-Cookie" not in response.headers


def test_without_a_database_the_shop_lives_but_is_not_ready(shop: ShopUnderTest, settings: Settings) -> None:
    """The process is healthy, readiness is 503, and every page, also of a signed-in person, is a readable 503."""
    sofia, visitor = shop.sign_in(SOFIA), shop.visitor()
    with taken_away(shop, settings):
        assert visitor.get("/healthz").status_code == 200
        ready = visitor.get("/readyz")
        assert (ready.status_code, ready.json) == (503, {"status": "the database does not answer"})
        for who, path in (
            (visitor, "/"),
            (sofia, "/"),
            (sofia, "/orders"),
            (sofia, "/assistant/"),
            (sofia, "/sessions"),
        ):
            response = who.get(path)
            assert response.status_code == 503 and "The shop is out for a moment" in response.text, path
    assert visitor.get("/readyz").status_code == 200 and sofia.get("/sessions").status_code == 200


@contextmanager
def taken_away(shop: ShopUnderTest, settings: Settings) -> Iterator[None]:
    """Make the database unreachable, as when its server or its disk is gone."""
    shop.database.dispose()
    url = make_url(settings.database_url)
    if shop.engine == "sqlite":
        path = Path(str(url.database))
        path.rename(f"{path}.away")
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()
            Path(f"{path}.away").rename(path)
        return
    server = settings.database_url.replace(str(url.database), "postgres", 1)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{url.database}" RENAME TO "{url.database}_away"'.encode())
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{url.database}_away" RENAME TO "{url.database}"'.encode())


@on_sqlite
def test_one_request_is_one_id_in_every_event(shop: ShopUnderTest) -> None:
    """What one request caused carries one request id, the next request another; what a caller sends as one is not used."""
    sofia = shop.visitor()
    sofia.client.environ_base["HTTP_X_REQUEST_ID"] = "mine"
    sofia.sign_in(SOFIA)
    sofia.post("/sign-out")
    ids: dict[str, list[str]] = {}
    for event in shop.chain(shop.organization("acme")):
        if event.name in {
            "membership.provisioned",
            "sign_in.succeeded",
            "session.signed_out",
            "membership.roles_changed",
        }:
            ids.setdefault(event.content["request_id"], []).append(event.name)
    requests = {identifier: names for identifier, names in ids.items() if identifier}
    assert sorted(names[-1] for names in requests.values()) == ["session.signed_out", "sign_in.succeeded"]
    assert all(re.fullmatch(r"req_[0-9a-f]{32}", identifier) for identifier in requests)
