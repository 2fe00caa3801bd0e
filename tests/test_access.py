"""Who may come to which route: the access rules of `shop/access.py`, walked route by route."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask import Blueprint, Flask
from sqlalchemy import func, select

from shop.access import Rule
from shop.audit.chain import AuditEvent
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PUBLIC = {
    "static",
    "healthz",
    "readyz",
    "pictures.picture",
    "pictures.parcel",
    "catalogue.home",
    "catalogue.search",
    "catalogue.collection",
    "catalogue.product",
    "about.protect",
    "connect.page",
    "mcp.endpoint",  # asks for a bearer token itself
    "sign_in.form",
    "sign_in.begin",
    "sign_in.callback",
    "sign_in.initiate",
    "sign_in.keys",
    "oauth_metadata.authorization_server",
    "oauth_resource.protected_resource",
    "oauth_metadata.jwks",
    "oauth_registration.registration",
    "oauth_token.token",
    "oauth_revoke.revoke",
    "oauth_introspect.introspect",
}
"""Every route that anyone may open. A new one is added here by hand, and thereby looked at."""


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """(method, path with something in each place, endpoint) of every route."""
    urls = app.url_map.bind("127.0.0.1")
    found = []
    for rule in app.url_map.iter_rules():
        path = urls.build(rule.endpoint, dict.fromkeys(rule.arguments, "something"), method=None)
        found += [(method, path, rule.endpoint) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}]
    return sorted(found)


def without_rule(app: Flask) -> set[str]:
    """The endpoints that nobody wrote an access rule for."""
    rules = app.extensions["access"]
    return {endpoint for _, _, endpoint in routes(app) if (endpoint.rpartition(".")[0] or endpoint) not in rules}


def events(shop: ShopUnderTest) -> int:
    """How many audit events there are."""
    with shop.database.read() as db:
        return db.scalar(select(func.count()).select_from(AuditEvent)) or 0


@pytest.mark.holds("ASVS-8.2.1")
def test_every_route_has_an_access_rule(shop: ShopUnderTest) -> None:
    """No route without a rule, no rule without a reason, and exactly the listed routes are public."""
    rules = shop.app.extensions["access"]
    assert without_rule(shop.app) == set()
    assert all(access.because for access in rules.values())
    public = {e for _, _, e in routes(shop.app) if rules[e.rpartition(".")[0] or e].rule is Rule.PUBLIC}
    assert public == PUBLIC


@pytest.mark.holds("ASVS-8.2.1", "I15")
def test_a_route_that_somebody_forgets_to_guard_is_found_and_answers_nobody(shop: ShopUnderTest) -> None:
    """A route or blueprint without a rule fails the walk of routes, and until then is not there: not even for a buyer."""
    forgotten = Blueprint("forgotten", __name__)
    forgotten.add_url_rule("/forgotten", "page", lambda: "a secret")
    shop.app.register_blueprint(forgotten)
    shop.app.add_url_rule("/also-forgotten", "also_forgotten", lambda: "a secret")
    assert without_rule(shop.app) == {"forgotten.page", "also_forgotten"}
    for visitor in (shop.visitor(), shop.sign_in(SOFIA)):
        for path in ("/forgotten", "/also-forgotten"):
            response = visitor.get(path)
            assert response.status_code == 404 and "a secret" not in response.text


@pytest.mark.holds("ASVS-8.2.1", "ASVS-8.3.1")
def test_every_other_route_refuses_a_visitor(shop: ShopUnderTest) -> None:
    """GET leads to the sign-in and back here; anything else is a 401 page. Nothing is done and nothing recorded."""
    visitor, before = shop.visitor(), events(shop)
    guarded = [route for route in routes(shop.app) if route[2] not in PUBLIC]
    assert len(guarded) > 20
    for method, path, _ in guarded:
        if method == "GET":
            response = visitor.get(f"{path}?show=refused")
            assert response.status_code == 302
            assert response.headers["Location"] == f"/sign-in?next={quote(path + '?show=refused', safe='')}"
            assert visitor.get(path, headers={"HX-Request": "true"}).status_code == 401
            assert visitor.client.head(path, base_url=BASE_URL).status_code == 401
        else:
            for response in (visitor.post(path), visitor.client.post(path, base_url=BASE_URL)):
                assert response.status_code == 401 and "/sign-in" in response.text, path
        assert visitor.client.options(path, base_url=BASE_URL).status_code == 401
    assert events(shop) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"X-User": SOFIA, "X-Forwarded-User": SOFIA, "Remote-User": SOFIA, "X-Remote-User": SOFIA},
        {"Authorization": "Bearer admin", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
        {"X-Debug": "1", "X-Test": "1", "X-Demo": "1", "X-Original-URL": "/healthz", "X-Rewrite-URL": "/healthz"},
    ],
)
@pytest.mark.holds("I15")
def test_no_header_and_no_query_stands_for_a_sign_in(shop: ShopUnderTest, headers: dict[str, str]) -> None:
    """What a proxy or a debugger might say about the caller is not believed."""
    visitor = shop.visitor()
    response = visitor.get("/orders?user=sofia&debug=1&admin=true&as=sofia.hart", headers=headers)
    assert response.status_code == 302
    environ = {"REMOTE_USER": SOFIA, "AUTH_TYPE": "Basic"}
    assert visitor.client.get("/orders", base_url=BASE_URL, environ_overrides=environ).status_code == 302


KEPT_BY_CACHES = {
    "static": "files that are fetched with their version, or asked for anew each time",
    "pictures.picture": "drawings that never change",
    "pictures.parcel": "the same",
    "oauth_metadata.authorization_server": "metadata, which clients keep for minutes",
    "oauth_resource.protected_resource": "the same",
    "oauth_metadata.jwks": "public keys",
}
"""What may be kept, and why. A new one is added here by hand."""


def test_no_cache_keeps_an_answer_that_is_not_meant_for_it(shop: ShopUnderTest) -> None:
    """Every route, by every method, to a stranger and to somebody who is signed in; pages, JSON, redirects and errors alike."""
    for who in (shop.visitor(), shop.sign_in(SOFIA)):
        for method, path, endpoint in routes(shop.app):
            if "sign_out" in endpoint or "end_session" in endpoint:
                continue  # it would end what the rest of the walk needs
            answer = who.client.open(path, method=method, base_url=BASE_URL)
            kept = answer.headers["Cache-Control"]
            assert "no-store" in kept or endpoint in KEPT_BY_CACHES, (method, path, answer.status_code, kept)
    for path, method in (("/nothing", "GET"), ("/mcp", "PATCH"), ("/oauth/token", "GET"), ("/static/nothing", "GET")):
        assert shop.visitor().client.open(path, method=method, base_url=BASE_URL).headers["Cache-Control"] == "no-store"
