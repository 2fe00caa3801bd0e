"""Client ID Metadata Documents: a client that is an address; and everything that fetching a stranger's address may lead to."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from joserfc.jwk import ECKey

from shop.guards.safe_fetch import Fetcher, FetchRefused, is_public
from shop.oauth.clients.client import Client
from shop.oauth.clients.metadata_document import is_document_address
from tests.identity.hostile import ec_key
from tests.oauth.looks import counted, facts, only_grant, refusals, row, rows
from tests.oauth.strangers import PUBLIC, Stranger, a_proxy, a_stranger
from tests.oauth.test_rfc7523_client_authentication import assertion, signed
from tests.support.assistants import CALLBACK, ExternalAssistant, back, decide, error_of
from tests.support.people import NOAH, SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE, watching

PATH = "/oauth/client.json"
ADDRESS = f"https://assistant.example{PATH}"


def document(**changed: Any) -> dict[str, Any]:
    """What a good client publishes."""
    said = {
        "client_id": ADDRESS,
        "client_name": "Amber",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    }
    return {name: value for name, value in (said | changed).items() if value is not None}


Shops = Callable[..., ShopUnderTest]


@pytest.mark.holds("M7", "ASVS-10.7.2", "ASVS-10.7.1")
def test_a_client_is_known_by_its_document(build_shop: Shops) -> None:
    """§4: fetched when a person is sent here, shown with the host that vouches for it, and asked about once, since it is sure."""
    with a_stranger() as host:
        host.publish(PATH, document())
        shop = build_shop(fetcher=host.fetcher())
        sofia, assistant = shop.sign_in(SOFIA), ExternalAssistant(shop, ADDRESS)
        page = assistant.open(sofia, "browse")
        assert "Amber" in page.text and "vouched for by that site" in page.text and "assistant.example" in page.text
        assert assistant.redeem(back(decide(sofia, page)).code).status_code == 200
        assert assistant.open(sofia, "browse").status_code == 303
        assert host.asked == [PATH] and host.connected == [(PUBLIC, 443)]
    client = row(shop, Client, ADDRESS)
    assert (client.kind, client.publisher, client.expires_at) == ("metadata_document", "assistant.example", None)
    assert only_grant(shop, ADDRESS)[0].redirect_host == "assistant.example"
    told = facts(shop, "grant.consented")
    assert (told["client"], told["publisher"], told["kind"]) == (ADDRESS, "assistant.example", "metadata_document")
    assert assistant.refresh().status_code == 200, "a host that is gone ends nobody's grant"


@ONE_ENGINE
@pytest.mark.holds("M3")
def test_nobody_makes_the_shop_ask_a_host_too_often(build_shop: Shops) -> None:
    """A visitor makes it ask nothing; a person twenty times a minute at most; an answer is kept as long as it says, in bounds."""
    with a_stranger() as host:
        host.publish(PATH, document(), headers="Cache-Control: max-age=7200\r\n")
        shop = build_shop(fetcher=host.fetcher(), session_idle=timedelta(days=30), session_absolute=timedelta(days=30))
        assistant = ExternalAssistant(shop, ADDRESS)
        assistant.open(shop.visitor(), "browse")
        assert host.asked == []
        sofia = shop.sign_in(SOFIA)
        for hours, asked in ((0, 1), (1, 1), (1, 2)):
            shop.clock.pass_by(hours=hours)
            assistant.open(sofia, "browse")
            assert len(host.asked) == asked
        for said, kept in (
            ("max-age=1", 5),
            ("max-age=99999999", 60 * 24),
            ("no-store", 5),
            ("", 60),
            ("max-age=x", 60),
        ):
            shop.clock.pass_by(days=1, minutes=1)
            host.publish(PATH, document(), headers=f"Cache-Control: {said}\r\n" if said else "")
            assistant.open(sofia, "browse")
            fresh_for = row(shop, Client, ADDRESS).fresh_until - shop.clock.now
            assert timedelta(minutes=kept) - fresh_for < timedelta(seconds=5), said
            if kept == 60 * 24:
                shop.clock.pass_by(minutes=1)
        before = len(host.asked)
        shop.clock.now = shop.clock.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for number in range(30):
            unknown = ExternalAssistant(shop, f"https://assistant.example/unknown/{number}")
            told = unknown.open(sofia, "browse").text
        assert len(host.asked) - before == 20
        assert "asked too often" in told
        assert max(refusals(shop, "authorization.refused").values()) == 30, (
            "the first ten are events, the rest is counted"
        )


@pytest.mark.holds("M7")
def test_a_corrected_document_is_looked_at_again(build_shop: Shops) -> None:
    """Its publisher moved the callback: the first person who comes with it is let on, and nobody has the host asked more than
    once a minute. A host that is down then changes nothing.
    """
    moved = "https://assistant.example/moved"
    with a_stranger() as host:
        host.publish(PATH, document())
        shop = build_shop(fetcher=host.fetcher())
        sofia = shop.sign_in(SOFIA)
        before, after = ExternalAssistant(shop, ADDRESS), ExternalAssistant(shop, ADDRESS, moved)
        assert before.open(sofia, "browse").status_code == 200
        host.publish(PATH, document(redirect_uris=[moved]))
        assert after.open(sofia, "browse").status_code == 400, "it was fetched less than a minute ago"
        assert len(host.asked) == 1
        shop.clock.pass_by(minutes=1)
        assert after.open(sofia, "browse").status_code == 200
        assert row(shop, Client, ADDRESS).redirect_uris == [moved] and len(host.asked) == 2
        for _ in range(3):
            assert before.open(sofia, "browse").status_code == 400
        assert len(host.asked) == 2
        shop.clock.pass_by(minutes=1)
        host.publish(PATH, document(), status="500 Oops")
        assert before.open(sofia, "browse").status_code == 400 and after.open(sofia, "browse").status_code == 200
        assert len(host.asked) == 3
    assert "not one that is registered" in facts(shop, "authorization.refused")["why"]


@ONE_ENGINE
@pytest.mark.holds("M7", "M3")
def test_the_way_by_documents_can_be_closed(build_shop: Shops) -> None:
    """Out of the metadata, so that clients register themselves; no host is asked, and one that comes so is told what to do."""
    with a_stranger() as host:
        host.publish(PATH, document())
        shop = build_shop(fetcher=host.fetcher(), client_documents=False)
        metadata = shop.visitor().get("/.well-known/oauth-authorization-server").get_json()
        assert metadata["client_id_metadata_document_supported"] is False and metadata["registration_endpoint"]
        page = ExternalAssistant(shop, ADDRESS).open(shop.sign_in(SOFIA), "browse")
        assert page.status_code == 400 and host.asked == [] and host.resolved == []
    assert "No metadata documents are fetched here" in facts(shop, "authorization.refused")["why"]
    assert (
        build_shop()
        .visitor()
        .get("/.well-known/openid-configuration")
        .get_json()["client_id_metadata_document_supported"]
    )


@ONE_ENGINE
@pytest.mark.holds("M7")
def test_an_operator_brings_a_document_by_hand(build_shop: Shops, tmp_path: Path) -> None:
    """The client is known under its address, for good, and nobody is asked; again replaces it. What is no good is told, not kept."""
    shop = build_shop(client_documents=False)
    file = tmp_path / "client.json"

    def bring(said: object, address: str = ADDRESS) -> Result:
        file.write_text(json.dumps(said), encoding="utf-8")
        result: Result = shop.app.test_cli_runner().invoke(args=["oauth", "register-document", address, str(file)])
        return result

    told = bring(document())
    assert told.exit_code == 0 and json.loads(told.output)["client_id"] == ADDRESS
    assert facts(shop, "client.registered", "system") == {"client": ADDRESS, "kind": "preregistered", "name": "Amber"}
    sofia, assistant = shop.sign_in(SOFIA), ExternalAssistant(shop, ADDRESS)
    page = assistant.open(sofia, "browse")
    assert (
        "Registered by this shop" in page.text and assistant.redeem(back(decide(sofia, page)).code).status_code == 200
    )
    shop.clock.pass_by(days=3)
    assert assistant.refresh().status_code == 200
    assert bring(document(redirect_uris=[f"{CALLBACK}/anew"])).exit_code == 0
    stored = row(shop, Client, ADDRESS)
    assert (stored.redirect_uris, stored.fresh_until, stored.expires_at) == ([f"{CALLBACK}/anew"], None, None)
    unusable: list[object] = [[], {}, document(client_id=f"{ADDRESS}x"), document(client_secret="s"), "text"]
    for bad in unusable:
        refused = bring(bad)
        assert refused.exit_code == 1 and "cannot be used" in refused.output and "Traceback" not in refused.output
    assert bring(document(), "http://assistant.example/client.json").exit_code == 1
    assert len(rows(shop, Client)) == 1


@ONE_ENGINE
@pytest.mark.holds("M3")
def test_hosts_are_asked_through_the_operators_proxy(build_shop: Shops) -> None:
    """CONNECT and nothing else; certificate, address and size are checked as ever, and a name need not have an address here."""
    with a_stranger() as host, a_proxy(host) as proxy:
        host.publish(PATH, document())
        shop = build_shop(fetcher=proxy.fetcher())
        sofia = shop.sign_in(SOFIA)
        assert ExternalAssistant(shop, ADDRESS).open(sofia, "browse").status_code == 200
        assert proxy.asked == ["CONNECT assistant.example:443 HTTP/1.1"] and host.asked == [PATH]
        assert proxy.credentials == [f"Basic {base64.b64encode(b'shop:a word').decode()}"]
        host.addresses = []  # only the proxy knows the name
        assert proxy.fetcher().get_json(ADDRESS, limit=5000).document["client_name"] == "Amber"
        host.addresses = ["10.0.0.8"]
        with pytest.raises(FetchRefused, match="not on the public internet"):
            proxy.fetcher().get_json(ADDRESS, limit=5000)
        host.addresses = [PUBLIC]
        for answer in (b"HTTP/1.1 403 Forbidden\r\n\r\n", b"nonsense\r\n\r\n", b"x" * 9000, b""):
            proxy.answer = answer
            with pytest.raises(FetchRefused, match="no usable answer"):
                proxy.fetcher().get_json(ADDRESS, limit=5000)
        for inside in ("https://localhost/x", "https://127.0.0.1/x", "http://assistant.example/x"):
            with pytest.raises(FetchRefused, match="address must"):
                proxy.fetcher().get_json(inside, limit=5000)


BAD: dict[str, dict[str, Any]] = {
    "that names another client": {"client_id": "https://assistant.example/other.json"},
    "that names the same client in other words": {"client_id": ADDRESS.replace("assistant", "Assistant")},
    "that names nobody": {"client_id": None},
    "with a secret": {"client_secret": "secret"},
    "that wants a secret": {"token_endpoint_auth_method": "client_secret_post"},
    "without a redirect URI": {"redirect_uris": None},
    "with a redirect URI that runs a script": {"redirect_uris": ["javascript:alert(1)"]},
    "with a private key": {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [ec_key("mine").as_dict(private=True)]},
    },
}


@ONE_ENGINE
@pytest.mark.holds("M7", "M3")
def test_a_document_that_does_not_say_what_it_must_makes_no_client(build_shop: Shops) -> None:
    """§4.1: nothing is stored, the person sees a page, and the refusal is on record; an answer of another kind is none."""
    with a_stranger() as host:
        shop = build_shop(fetcher=host.fetcher())
        sofia, assistant = shop.sign_in(SOFIA), ExternalAssistant(shop, ADDRESS)
        answers: dict[str, Callable[[], object]] = {
            what: (lambda changed=changed: host.publish(PATH, document(**changed)))  # type: ignore[misc]
            for what, changed in BAD.items()
        }
        inside = "Location: http://169.254.169.254/latest/meta-data/\r\n"
        answers |= {
            "that redirects": lambda: host.publish(PATH, document(), status="302 Found", headers=inside),
            "that is an error": lambda: host.publish(PATH, document(), status="500 Oops"),
            "that is no JSON by its type": lambda: host.publish(PATH, document(), kind="text/html"),
            "that is no JSON": lambda: host.publish(PATH, b"<html>"),
            "that is no object": lambda: host.publish(PATH, [document()]),
            "that is too large": lambda: host.publish(PATH, document(x="x" * 6000)),
            "that breaks off": lambda: host.answers.update({PATH: b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"}),
            "that is no HTTP": lambda: host.answers.update({PATH: b"SSH-2.0\r\n\r\n"}),
            "that is not there": lambda: host.answers.pop(PATH, None),
        }
        for what, prepare in answers.items():
            prepare()
            with watching(shop) as seen:
                page = assistant.open(sofia, "browse")
            assert page.status_code == 400 and "cannot be let in" in page.text, what
            assert seen.names == ["authorization.refused"] and seen.changed <= {
                "rate_limit_counters",
                "sessions",
                "authorities",
            }, what
            shop.clock.pass_by(minutes=1)
        assert rows(shop, Client) == []
        assert set(host.resolved) == {"assistant.example"}
        host.publish(PATH, document(), kind="application/client-metadata+json; charset=utf-8")
        assert assistant.open(sofia, "browse").status_code == 200


INSIDE = [
    *(
        "127.0.0.1",
        "10.0.0.8",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
    ),
    *(
        "224.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
    ),
    *(
        "::ffff:127.0.0.1",
        "::ffff:93.184.215.14",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "2001::1",
        "nonsense",
        "",
    ),
    *("192.0.0.192", "192.88.99.1", "168.63.129.16", "fec0::1", "3fff::1"),
]


@pytest.mark.holds("M3")
def test_an_address_inside_is_never_connected_to() -> None:
    """Private, loopback, link-local, shared, reserved, multicast, and whatever carries such an address inside another."""
    assert [address for address in INSIDE if is_public(address)] == []
    assert all(is_public(address) for address in (PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"))
    host = Stranger()
    fetcher = host.fetcher()
    for address in INSIDE:
        for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
            host.addresses = addresses
            with pytest.raises(FetchRefused, match="not on the public internet"):
                fetcher.get_json(ADDRESS, limit=100)
    assert host.connected == []


@pytest.mark.holds("M3")
def test_only_https_on_its_own_port_of_a_named_host_is_asked() -> None:
    """Anything else is refused before a name is resolved."""
    host = Stranger()
    fetcher = host.fetcher()
    for url in (
        "http://assistant.example/x",
        "https://assistant.example:8443/x",
        "https://user:secret@assistant.example/x",
        "https://127.0.0.1/x",
        "https://2130706433/x",
        "https://[::1]/x",
        "https://localhost/x",
        "https:///x",
        "https://[x",
        "file:///etc/passwd",
        "gopher://assistant.example/x",
    ):
        with pytest.raises(FetchRefused):
            fetcher.get_json(url, limit=100)
    assert host.resolved == []
    with pytest.raises(FetchRefused, match="has no address"):
        fetcher.get_json("https://nobody.example/x", limit=100)


@pytest.mark.holds("M3")
def test_the_name_is_resolved_once_and_its_certificate_checked() -> None:
    """DNS cannot answer twice (rebinding): the connection goes to the address that was checked, and TLS is to the name."""
    with a_stranger() as host:
        host.publish(PATH, {"a": 1})
        assert host.fetcher().get_json(ADDRESS, limit=100).document == {"a": 1}
        assert host.resolved == ["assistant.example"] and host.connected == [(PUBLIC, 443)]
    with a_stranger(certificate_of="another.example") as impostor:
        impostor.publish(PATH, {"a": 1})
        with pytest.raises(FetchRefused, match="SSLCertVerificationError"):
            impostor.fetcher().get_json(ADDRESS, limit=100)
        plain = Fetcher(resolve=impostor._resolve, connect=impostor._connect)
        with pytest.raises(FetchRefused, match="SSLCertVerificationError"):
            plain.get_json(ADDRESS, limit=100)


@pytest.mark.holds("M3", "LLM10")
def test_a_host_that_drips_is_hung_up_on() -> None:
    """The deadline is for the whole exchange: byte by byte it would otherwise take minutes."""
    with a_stranger(drip=0.02) as host:
        host.publish(PATH, {"a": "x" * 200})
        with pytest.raises(FetchRefused):
            host.fetcher(deadline=0.3).get_json(ADDRESS, limit=1000)


@ONE_ENGINE
@pytest.mark.holds("RFC9700-2.5", "M3")
def test_a_client_may_sign_with_keys_that_it_publishes(build_shop: Shops) -> None:
    """`private_key_jwt` with `jwks_uri`: fetched under the same guards, kept while fresh, and rotated by publishing anew."""
    first, second = ec_key("first"), ec_key("second")
    with a_stranger() as host:
        keys_at = host.publish(
            "/keys", {"keys": [first.as_dict(private=False)]}, headers="Cache-Control: max-age=600\r\n"
        )
        host.publish(PATH, document(token_endpoint_auth_method="private_key_jwt", jwks_uri=keys_at))
        shop = build_shop(fetcher=host.fetcher())
        sofia, assistant = shop.sign_in(SOFIA), ExternalAssistant(shop, ADDRESS)
        code = assistant.ask(sofia, "browse").code
        assert error_of(assistant.redeem(code)) == (401, "invalid_client"), "its name alone is no proof"
        assert assistant.redeem(code, **signed(assertion(assistant, first))).status_code == 200
        assert assistant.refresh(**signed(assertion(assistant, first))).status_code == 200
        assert host.asked.count("/keys") == 1
        host.publish("/keys", {"keys": [second.as_dict(private=False)]})
        shop.clock.pass_by(minutes=11)
        assert error_of(assistant.refresh(**signed(assertion(assistant, first)))) == (401, "invalid_client")
        assert assistant.refresh(**signed(assertion(assistant, second))).status_code == 200
        shop.clock.pass_by(hours=2)
        host.answers.clear()
        assert error_of(assistant.refresh(**signed(assertion(assistant, second)))) == (401, "invalid_client")


@pytest.mark.holds("RFC9700-2.5", "M3")
def test_a_key_that_is_not_known_yet_is_looked_for_once_a_minute(build_shop: Shops) -> None:
    """A client that changes its key while the old set is fresh is let in at once; whoever names keys that are none asks little."""
    first, second, third = ec_key("first"), ec_key("second"), ec_key("third")
    with a_stranger() as host:
        fresh = "Cache-Control: max-age=3600\r\n"
        keys_at = host.publish("/keys", {"keys": [first.as_dict(private=False)]}, headers=fresh)
        host.publish(PATH, document(token_endpoint_auth_method="private_key_jwt", jwks_uri=keys_at))
        shop = build_shop(fetcher=host.fetcher())
        assistant = ExternalAssistant(shop, ADDRESS)
        code = assistant.ask(shop.sign_in(SOFIA), "browse").code
        assert assistant.redeem(code, **signed(assertion(assistant, first))).status_code == 200
        host.publish("/keys", {"keys": [second.as_dict(private=False)]}, headers=fresh)
        assert assistant.refresh(**signed(assertion(assistant, second))).status_code == 200
        for _ in range(3):
            refused = assistant.refresh(**signed(assertion(assistant, third)))
            assert error_of(refused) == (401, "invalid_client")
        assert host.asked.count("/keys") == 2, "it was looked at in this minute"
        assert assistant.refresh(**signed(assertion(assistant, second))).status_code == 200
        assert counted(shop, "token.refused") == {"invalid_client": 3}
        shop.clock.pass_by(minutes=2)
        refused = assistant.refresh(**signed(assertion(assistant, third)))
        assert error_of(refused) == (401, "invalid_client")
    assert host.asked.count("/keys") == 3
    assert PATH not in host.asked[host.asked.index("/keys") :], "the document was left alone"


@ONE_ENGINE
@pytest.mark.holds("RFC9700-2.5")
def test_a_key_without_a_name_is_known_by_its_thumbprint(build_shop: Shops) -> None:
    """RFC 7638: nothing is fetched for a key that is there, so that a host that does not answer keeps nobody out."""
    key = ec_key("named by its client alone")
    published = {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}
    key = ECKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint()})
    with a_stranger() as host:
        fresh = "Cache-Control: max-age=3600\r\n"
        keys_at = host.publish("/keys", {"keys": [published]}, headers=fresh)
        host.publish(PATH, document(token_endpoint_auth_method="private_key_jwt", jwks_uri=keys_at))
        shop = build_shop(fetcher=host.fetcher())
        assistant = ExternalAssistant(shop, ADDRESS)
        code = assistant.ask(shop.sign_in(SOFIA), "browse").code
        assert assistant.redeem(code, **signed(assertion(assistant, key))).status_code == 200
        host.publish("/keys", b"it does not answer with keys any more")
        shop.clock.pass_by(minutes=2)
        assert assistant.refresh(**signed(assertion(assistant, key))).status_code == 200
        assert host.asked.count("/keys") == 1


@ONE_ENGINE
def test_two_people_may_be_the_first_to_bring_a_client(build_shop: Shops) -> None:
    """One entry in the inventory for the organization, one grant for each of them."""
    with a_stranger() as host:
        host.publish(PATH, document())
        shop = build_shop(fetcher=host.fetcher())
        for email in (SOFIA, NOAH):
            ExternalAssistant(shop, ADDRESS).connect(shop.sign_in(email), "browse")
    assert host.asked == [PATH]
    assert facts(shop, "agent.first_seen")["publisher"] == "assistant.example"


@pytest.mark.parametrize(
    ("client_id", "is_one"),
    [
        (ADDRESS, True),
        ("https://assistant.example/", False),
        ("https://assistant.example", False),
        ("http://assistant.example/client.json", False),
        ("https://assistant.example/a/../client.json", False),
        ("https://assistant.example/a/%2e%2E/client.json", False),
        ("https://assistant.example/client.json#x", False),
        ("https://assistant.example/client.json?x=1", False),
        ("https://user@assistant.example/client.json", False),
        ("https://assistant.example/" + "x" * 300, False),
        ("cli_01", False),
    ],
)
@pytest.mark.holds("M3", "M7")
def test_what_a_documents_address_looks_like(client_id: str, is_one: bool) -> None:
    """§3: https with a path, no fragment, no user, no dots to walk with; nothing else is ever fetched."""
    assert is_document_address(client_id) is is_one
