"""The only address that counts is the shop's own: for forms, for `/mcp`, and for tokens that name the former default."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from shop.own_address import origin_of
from tests.mcp.host import Host, host_of
from tests.support.assistants import RESOURCE, segments
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE

HTTPS = "https://shop.example:8443"
NOW = BASE_URL.replace("127.0.0.1", "localhost")
"""The same shop by the name that is the default now."""

FROM_ELSEWHERE: list[dict[str, str]] = [
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://shop.example"},
    {"Origin": "http://shop.example:8443"},
    {"Origin": "https://shop.example:8443.elsewhere.example"},
    {"Origin": "https://elsewhere.example", "Referer": f"{HTTPS}/cart"},
    {"Referer": "https://elsewhere.example/https://shop.example:8443"},
    {"Referer": "https://shop.example:8443@elsewhere.example/"},
    {"Referer": "about:blank"},
    {"Referer": "https://[x"},
]


def send_form(shop: ShopUnderTest, base_url: str, host: str, headers: dict[str, str]) -> TestResponse:
    """Somebody's e-mail at the sign-in, with the page's own token; the request arrives with some Host."""
    client = shop.app.test_client()
    page = client.get("/sign-in", base_url=base_url).text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    jar = client.get_cookie(shop.services.settings.cookie_name, domain=base_url.split("/")[2].split(":", maxsplit=1)[0])
    assert token and jar
    headers = {"Cookie": f"{jar.key}={jar.value}", "Host": host, **headers}
    form = {"email": SOFIA, "csrf_token": token}
    answer: TestResponse = shop.app.test_client(use_cookies=False).post("/sign-in", data=form, headers=headers)
    return answer


@ONE_ENGINE
@pytest.mark.holds("RFC9700-4.7")
def test_a_form_comes_from_a_page_of_the_shop_whatever_host_the_proxy_passes(
    build_shop: Callable[..., ShopUnderTest],
) -> None:
    """By Origin, else by Referer, against the address that the operator set; anything else is told which address that is."""
    shop = build_shop(base_url=HTTPS)
    for host in ("shop.example", "shop.example:8443", "127.0.0.1:5000", "upstream"):
        for headers in ({"Origin": HTTPS}, {"Referer": f"{HTTPS}/sign-in?next=%2F"}):
            assert send_form(shop, HTTPS, host, headers).status_code == 200, (host, headers)
        for headers in FROM_ELSEWHERE:
            refused = send_form(shop, HTTPS, host, headers)
            assert refused.status_code == 400 and f"This shop is at {HTTPS}" in refused.text, (host, headers)
            assert "SHOP_BASE_URL" in refused.text
    neither = send_form(shop, HTTPS, "shop.example", {})
    assert neither.status_code == 400 and "does not say where it is" in neither.text
    bare = shop.app.test_client().post("/sign-in", base_url=HTTPS, headers={"Origin": HTTPS}, data={"email": SOFIA})
    assert bare.status_code == 400 and "too old" in bare.text, "the form's token is needed all the same"


@ONE_ENGINE
@pytest.mark.holds("RFC9700-4.7")
def test_without_tls_a_form_of_another_page_is_refused_too(shop: ShopUnderTest) -> None:
    """A page of another port of this machine is another page; a client that says nothing is asked for the token alone."""
    host = BASE_URL.removeprefix("http://")
    for headers in ({"Origin": "http://127.0.0.1:6000"}, {"Referer": "http://localhost:5999/"}):
        assert send_form(shop, BASE_URL, host, headers).status_code == 400
    for headers in ({"Origin": BASE_URL}, {"Referer": BASE_URL}, {}):
        assert send_form(shop, BASE_URL, host, headers).status_code == 200


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Shop.Example:443/a?b#c", "https://shop.example"),
        ("http://shop.example:8080/", "http://shop.example:8080"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
        ("https://a:b@shop.example", "https://shop.example"),
        ("data:text/html,x", "null"),
        ("https://shop.example:x/", "null"),
        ("", "null"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    """Scheme, host and port, and no more."""
    assert origin_of(url) == origin


@ONE_ENGINE
@pytest.mark.holds("MCP-ORIGIN")
def test_assistants_reach_the_shop_behind_a_proxy_by_its_name_only(build_shop: Callable[..., ShopUnderTest]) -> None:
    """With the port or without; by the name of the proxy's own machine; by no other name, and the answer says which."""
    shop = build_shop(base_url=HTTPS, anonymous_browse=True)
    stranger = Host(shop, None)
    for host in (
        "shop.example",
        "shop.example:8443",
        "SHOP.EXAMPLE",
        "shop.example:443",
        "127.0.0.1:5000",
        "localhost",
    ):
        assert stranger.ask("tools/list", base_url="http://x", headers={"Host": host}).status_code == 200, host
    for host in ("elsewhere.example", "shop.example.elsewhere.example", "upstream", "192.0.2.1"):
        refused = stranger.ask("tools/list", base_url="http://x", headers={"Host": host})
        assert refused.status_code == 421
        assert HTTPS in refused.get_json()["error"]["message"] and host in refused.get_json()["error"]["message"]


@ONE_ENGINE
def test_what_names_the_former_default_is_taken_still(build_shop: Callable[..., ShopUnderTest]) -> None:
    """A data folder of the time when the shop was at 127.0.0.1: access token, refresh token and client go on at localhost."""
    sofia = build_shop().sign_in(SOFIA)
    host = host_of(sofia, "browse", "read", version="2025-11-25")
    assistant = host.assistant
    assert assistant and segments(assistant.access_token)[1]["aud"] == RESOURCE
    shop = build_shop(base_url=NOW)
    moved = Host(shop, assistant, version="2025-11-25", session=host.session)
    for base_url in (NOW, BASE_URL):
        listed = moved.ask("tools/list", base_url=base_url)
        assert listed.status_code == 200 and listed.get_json()["result"]["tools"], listed.text
    assistant.shop = shop
    assert assistant.refresh(resource=RESOURCE).status_code == 200
    claims = segments(assistant.access_token)[1]
    assert (claims["iss"], claims["aud"]) == (NOW, f"{NOW}/mcp"), "what is new names the present address"
    assert moved.ask("tools/list", base_url=BASE_URL).status_code == 200


@ONE_ENGINE
@pytest.mark.parametrize("base_url", ["http://localhost:6000", "https://localhost:5999", "http://[::1]:5999"])
@pytest.mark.holds("M9", "ASVS-10.3.1")
def test_no_other_name_is_taken_for_the_former_default(build_shop: Callable[..., ShopUnderTest], base_url: str) -> None:
    """Exactly http, this machine and the same port: with any other base URL the tokens of 127.0.0.1 are another shop's."""
    assistant = host_of(build_shop().sign_in(SOFIA), "browse").assistant
    moved = Host(build_shop(base_url=base_url), assistant)
    refused = moved.ask("tools/list", base_url=base_url)
    assert refused.status_code == 401 and "another issuer" in refused.headers["WWW-Authenticate"]


@ONE_ENGINE
def test_a_client_that_knows_the_former_address_finds_its_way(build_shop: Callable[..., ShopUnderTest]) -> None:
    """Metadata names the resource as it was asked for, which clients compare (RFC 9728 §3.3), and one issuer, the present one."""
    shop = build_shop(base_url=NOW)
    path = "/.well-known/oauth-protected-resource/mcp"
    for asked, resource in ((NOW, f"{NOW}/mcp"), (BASE_URL, RESOURCE), ("http://[::1]:5999", f"{NOW}/mcp")):
        document = shop.app.test_client().get(path, base_url=asked).get_json()
        assert (document["resource"], document["authorization_servers"]) == (resource, [NOW]), asked
    refused = Host(shop, None).ask("tools/list", base_url=BASE_URL)
    assert f'resource_metadata="{BASE_URL}{path}"' in refused.headers["WWW-Authenticate"]


@ONE_ENGINE
def test_a_page_that_is_opened_by_the_former_address_moves(build_shop: Callable[..., ShopUnderTest]) -> None:
    """A browser is taken to the present one, where its forms and its cookie belong; programs are answered where they are."""
    client = build_shop(base_url=NOW).app.test_client()
    moved = client.get("/search?q=hoodie", base_url=BASE_URL, headers={"Sec-Fetch-Mode": "navigate"})
    assert (moved.status_code, moved.headers["Location"]) == (302, f"{NOW}/search?q=hoodie")
    for base_url, headers in ((NOW, {"Sec-Fetch-Mode": "navigate"}), (BASE_URL, {})):
        assert client.get("/search?q=hoodie", base_url=base_url, headers=headers).status_code == 200
