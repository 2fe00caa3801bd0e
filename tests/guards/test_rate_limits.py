"""What happens to whoever asks too often, at each endpoint: the answer, the record, and that nobody else notices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from shop.audit.queries import RecordedEvent
from shop.conversations.models import Turn
from shop.guards.rate_limits import Limit
from shop.identity.models import SignInAttempt
from shop.settings import Settings, rate_limit_names, rate_limit_variable
from tests.guards.minutes import at_full_minute
from tests.mcp.host import ERAS, Host, failure, host_of
from tests.oauth.looks import counted
from tests.support.assistants import error_of, registered
from tests.support.people import INES, NOAH, SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL, ServedProvider
from tests.support.state import ONE_ENGINE, watching

Shops = Callable[..., ShopUnderTest]


def reached(shop: ShopUnderTest, chain: str = "system") -> list[RecordedEvent]:
    """The recorded refusals."""
    return [event for event in shop.chain(chain) if event.name == "rate_limit.reached"]


def begin(shop: ShopUnderTest, address: str, **form: str) -> TestResponse:
    """Somebody at an address gives an e-mail on the sign-in page."""
    visitor = shop.visitor()
    data = {"email": SOFIA, "next": "/", "csrf_token": visitor.csrf_token(), **form}
    answer: TestResponse = visitor.client.post(
        "/sign-in",
        base_url=BASE_URL,
        data=data,
        headers={"Referer": BASE_URL},
        environ_overrides={"REMOTE_ADDR": address},
    )
    return answer


@pytest.mark.holds("LLM10")
def test_sign_ins_of_one_address_are_bounded(build_shop: Shops) -> None:
    """Over its limit an address gets a page with `Retry-After`, and nothing is stored; others sign in; a minute later it goes on.

    However often it is refused, it is counted once. No person can be locked out: the same e-mail works from elsewhere.
    """
    shop = build_shop(sign_ins_per_address=3)
    at_full_minute(shop)
    statuses = [begin(shop, "203.0.113.7").status_code for _ in range(3)]
    with watching(shop) as seen:
        refused = [begin(shop, "203.0.113.7") for _ in range(5)]
    assert statuses == [200] * 3
    assert {answer.status_code for answer in refused} == {429}
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 60 and "too often" in refused[0].text
    assert seen.names == [] and seen.changed == {"rate_limit_counters"}
    assert counted(shop, "rate_limit.reached") == {"sign_ins_per_address": 1}, "a stranger's is counted"
    assert begin(shop, "203.0.113.8").status_code == 200
    with shop.database.read() as db:
        assert db.scalar(select(func.count()).select_from(SignInAttempt)) == 4
    shop.clock.pass_by(minutes=1)
    assert begin(shop, "203.0.113.7").status_code == 200


@ONE_ENGINE
def test_callbacks_of_one_address_are_bounded(build_shop: Shops) -> None:
    """Each refused callback is counted, and an address can make only so many of them."""
    shop = build_shop(sign_ins_per_address=3)
    at_full_minute(shop)
    answers = [shop.visitor().get("/sign-in/callback?state=x&code=y").status_code for _ in range(6)]
    assert answers == [400] * 3 + [429] * 3
    assert sum(counted(shop, "sign_in.failed").values()) == 3


@ONE_ENGINE
def test_sign_ins_that_a_portal_initiates_are_bounded_too(build_shop: Shops, providers: list[ServedProvider]) -> None:
    """They store an attempt each, for whoever follows a link: as many as by the form, and over the limit none."""
    shop = build_shop(sign_ins_per_address=3)
    at_full_minute(shop)
    link = f"/sign-in/initiate?iss=http://127.0.0.1:{providers[0].port}"
    assert [shop.visitor().get(link).status_code for _ in range(6)] == [303] * 3 + [429] * 3
    with shop.database.read() as db:
        assert db.scalar(select(func.count()).select_from(SignInAttempt)) == 3


@ONE_ENGINE
def test_an_address_is_the_one_that_the_declared_proxy_names(build_shop: Shops) -> None:
    """Behind a proxy its clients are told apart; without one, what a client says of its own address counts for nothing."""
    for base_url, statuses in (("https://shop.example", [404, 404, 429]), ("http://shop.example", [404, 429, 429])):
        shop = build_shop(sign_ins_per_address=1, base_url=base_url)
        at_full_minute(shop)
        answers = [
            shop.app.test_client().get(
                "/sign-in/callback?state=x", base_url=base_url, headers={"X-Forwarded-For": forwarded}
            )
            for forwarded in ("192.0.2.1", "192.0.2.2", "192.0.2.2")
        ]
        assert [answer.status_code == 429 for answer in answers] == [status == 429 for status in statuses], base_url


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/register"])
@ONE_ENGINE
def test_endpoints_for_clients_answer_in_the_protocols_form(build_shop: Shops, path: str) -> None:
    """429 with `Retry-After`, and the error as JSON (RFC 6749 §5.2, RFC 6585 §4); counted once, whatever else came."""
    shop = build_shop(token_requests_per_address=2, registrations_per_address=2)
    at_full_minute(shop)
    client = shop.app.test_client()
    for _ in range(2):
        assert client.post(path, base_url=BASE_URL).status_code in {400, 401}
    with watching(shop) as seen:
        answers = [client.post(path, base_url=BASE_URL) for _ in range(4)]
    assert {error_of(answer) for answer in answers} == {(429, "too_many_requests")}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    assert answers[0].headers["Access-Control-Allow-Origin"] == "*" and "too often" in answers[0].text
    assert seen.names == [] and sum(counted(shop, "rate_limit.reached").values()) == 1
    assert client.options(path, base_url=BASE_URL).status_code == 200, "a browser's own question is no request"


@ONE_ENGINE
def test_a_client_counts_once_it_has_proved_who_it_is(build_shop: Shops) -> None:
    """Strangers who say a client's name, or try its secret, use up nothing of what belongs to it."""
    shop = build_shop(token_requests_per_client=3)
    sofia = shop.sign_in(SOFIA)
    secret = registered(shop, token_endpoint_auth_method="client_secret_post").connect(sofia)
    public = registered(shop).connect(sofia)
    at_full_minute(shop)
    for _ in range(6):
        wrong = secret.token(grant_type="refresh_token", refresh_token="x", client_secret="guessed")
        assert error_of(wrong) == (401, "invalid_client")
        assert error_of(public.token(grant_type="refresh_token", refresh_token="x")) == (400, "invalid_grant")
    assert [secret.refresh().status_code for _ in range(4)] == [200, 200, 200, 429]
    assert public.refresh().status_code == 200


@pytest.mark.holds("LLM10")
def test_authorization_requests_of_one_person_are_bounded(build_shop: Shops) -> None:
    """A page says so, no question is stored, the organization's trail names the person; a colleague is asked as before."""
    shop = build_shop(authorizations_per_person=2)
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    assistant = registered(shop)
    at_full_minute(shop)
    assert [assistant.open(sofia, "browse").status_code for _ in range(2)] == [200, 200]
    with watching(shop) as seen:
        refused = [assistant.open(sofia, "browse") for _ in range(3)]
        refused.append(sofia.post("/oauth/consent", question="x", answer="allow"))
    assert {answer.status_code for answer in refused} == {429}
    assert "too often" in refused[0].text and refused[0].mimetype == "text/html"
    assert f"Try again in {refused[0].headers['Retry-After']} second" in refused[0].text
    assert seen.names == ["rate_limit.reached"] and seen.changed == {"rate_limit_counters"}
    (event,) = reached(shop, shop.organization("acme"))
    assert event.content["subject"] == sofia.principal().subject
    assert assistant.open(ines, "browse").status_code == 200


@pytest.mark.holds("LLM10", "ASI08")
@pytest.mark.parametrize("version", ERAS)
def test_calls_of_one_assistant_are_bounded(build_shop: Shops, version: str) -> None:
    """A runaway gets 429 with the id of its request and `Retry-After`, in both eras; its person's other assistant goes on."""
    shop = build_shop(mcp_calls_per_assistant=4)
    sofia = shop.sign_in(SOFIA)
    other = host_of(sofia, "browse", version=version, name="Another")
    runaway = host_of(sofia, "browse", version=version)
    at_full_minute(shop)
    for _ in range(4):
        runaway.result("tools/list")
    with watching(shop) as seen:
        refused = [runaway.ask("tools/call", {"name": "view_cart", "arguments": {}}) for _ in range(3)]
    assert {failure(answer) for answer in refused} == {(429, -32013)}
    assert refused[0].get_json()["id"] and 1 <= int(refused[0].headers["Retry-After"]) <= 60
    assert seen.names == ["rate_limit.reached"] and seen.changed == {"rate_limit_counters"}
    assert reached(shop, shop.organization("acme"))[0].content["grant"]
    other.result("tools/list")
    shop.clock.pass_by(minutes=1)
    runaway.result("tools/list")


@ONE_ENGINE
def test_one_persons_traffic_takes_nothing_from_a_colleague(build_shop: Shops) -> None:
    """What is refused to a person is not counted for their organization, whose own limit bounds all of its people together."""
    shop = build_shop(mcp_calls_per_person=5, mcp_calls_per_organization=8)
    hosts = [host_of(shop.sign_in(email), "browse") for email in (SOFIA, INES, NOAH)]
    at_full_minute(shop)
    sofia = [hosts[0].ask("tools/list").status_code for _ in range(30)]
    ines = [hosts[1].ask("tools/list").status_code for _ in range(3)]
    assert sofia == [200] * 5 + [429] * 25 and ines == [200] * 3
    assert hosts[2].ask("tools/list").status_code == 429
    assert [event.content["facts"]["limit"] for event in reached(shop, shop.organization("acme"))] == [
        "mcp_calls_per_person",
        "mcp_calls_per_organization",
    ]


def test_the_calls_of_other_processes_count(build_shop: Shops) -> None:
    """What one process counted in memory another one knows after its next flush; the refusal is recorded once."""
    one, other = build_shop(mcp_calls_per_person=4), build_shop(mcp_calls_per_person=4)
    here = host_of(one.sign_in(SOFIA), "browse")
    there = Host(other, here.assistant)
    at_full_minute(one)
    for _ in range(2):
        here.result("tools/list")
        there.result("tools/list")
    for shop in (one, other):
        shop.app.extensions["upkeep"].run_all()
    assert failure(there.ask("tools/list")) == (429, -32013)
    here.result("tools/list")  # within the second until its next flush, a process does not know yet
    one.app.extensions["upkeep"].run_all()
    assert failure(here.ask("tools/list")) == (429, -32013)
    assert len(reached(one, one.organization("acme"))) == 1


@ONE_ENGINE
def test_mcp_without_a_good_token_is_bounded_by_address(build_shop: Shops) -> None:
    """Strangers share no count with those who have a token, nor with strangers elsewhere; each guest counts by address too."""
    shop = build_shop(mcp_strangers_per_address=2, anonymous_browse=True)
    good = host_of(shop.sign_in(SOFIA), "browse")
    at_full_minute(shop)
    bad = {"Authorization": "Bearer nonsense"}
    guest = Host(shop, None)
    assert [guest.ask("tools/list", headers=bad).status_code for _ in range(3)] == [401, 401, 429]
    assert guest.ask("tools/list").status_code == 429
    assert failure(guest.ask("tools/list", headers=bad)) == (429, -32013)
    elsewhere = {"REMOTE_ADDR": "198.51.100.4"}
    assert [guest.ask("tools/list", environ_overrides=elsewhere).status_code for _ in range(3)] == [200, 200, 429]
    assert good.ask("tools/list").status_code == 200


@pytest.mark.holds("LLM10")
def test_messages_of_one_person_are_bounded(build_shop: Shops) -> None:
    """The chat says so in words and stores nothing; what is not lost is the conversation; a colleague's message is answered."""
    shop = build_shop(messages_per_person=2)
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    at_full_minute(shop)
    assert [sofia.say("hello").status for _ in range(2)] == [200, 200]
    with shop.database.read() as db:
        turns = list(db.scalars(select(Turn.id)))
    with watching(shop) as seen:
        refused = sofia.post("/assistant/", message="hello")
        again = sofia.post(f"/assistant/{sofia.conversation}/turns/{turns[-1]}/retry")
    assert (refused.status_code, again.status_code) == (429, 429)
    assert "too often" in refused.text and refused.headers["Retry-After"]
    assert seen.names == ["rate_limit.reached"] and seen.changed == {"rate_limit_counters"}
    assert ines.say("hello").status == 200


@ONE_ENGINE
def test_zero_is_no_limit(build_shop: Shops) -> None:
    """An operator can switch each limit off."""
    shop = build_shop(**dict.fromkeys(rate_limit_names(), 0))
    at_full_minute(shop)
    host = host_of(shop.sign_in(SOFIA), "browse")
    assert {host.ask("tools/list").status_code for _ in range(3)} == {200}
    assert reached(shop) == []


def test_each_limit_is_a_setting() -> None:
    """Every limit has its field in the settings and its variable, and each variable is read; a wrong value is said at start."""
    assert sorted(rate_limit_names()) == sorted(str(limit) for limit in Limit)
    given = {rate_limit_variable(name): str(number) for number, name in enumerate(rate_limit_names())}
    settings = Settings.from_environment({"SHOP_SECRET_KEY": "x", **given})
    assert [getattr(settings, name) for name in rate_limit_names()] == list(range(len(rate_limit_names())))
    for wrong in ("-1", "many", "1.5", "9" * 20, "٣"):
        with pytest.raises(ValueError, match="SHOP_LIMIT_SIGN_INS_PER_ADDRESS must be a number"):
            Settings.from_environment({"SHOP_SECRET_KEY": "x", "SHOP_LIMIT_SIGN_INS_PER_ADDRESS": wrong})


def test_what_counts_for_all_is_wider_than_what_counts_for_one() -> None:
    """By default no single address or person can use up what all have together."""
    settings = Settings()
    pairs: list[tuple[Any, Any]] = [
        (settings.registrations_per_address, settings.registrations_per_hour),
        (settings.authorizations_per_person, settings.authorizations_per_organization),
        (settings.mcp_calls_per_assistant, settings.mcp_calls_per_person),
        (settings.mcp_calls_per_person, settings.mcp_calls_per_organization),
        (settings.messages_per_person, settings.messages_per_organization),
    ]
    assert all(narrow < wide for narrow, wide in pairs)


@ONE_ENGINE
def test_hosted_connectors_from_one_address_can_register(shop: ShopUnderTest) -> None:
    """A hosted assistant registers for each of its users from one address: a hundred in an hour are no abuse."""
    at_full_minute(shop)
    metadata = {"client_name": "A helper", "redirect_uris": ["https://assistant.example/callback"]}
    client = shop.app.test_client()
    answers = [client.post("/oauth/register", json=metadata, base_url=BASE_URL).status_code for _ in range(100)]
    assert answers == [201] * 100
