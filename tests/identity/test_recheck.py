"""Asking an identity provider about somebody who is not there, when the provider rotates, fails, lies, or is asked at once.

OpenID Connect Core §12; RFC 6749 §5.2, §6; RFC 9700 §4.14.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from shop.identity.offline_access import OfflineAccess
from shop.oauth.issuer import Issuer
from tests.identity.hostile import CLIENT_SECRET, HostileProvider, rsa_key, signed, unsigned
from tests.identity.signing_in import Door
from tests.oauth.looks import events, is_alive, only_grant, rows
from tests.support.assistants import ExternalAssistant, connect, error_of
from tests.support.at_once import at_once
from tests.support.people import ShopUnderTest
from tests.support.state import ONE_ENGINE, chains_hold

OFFLINE = "openid email profile offline_access"
NONSENSE = {
    "an error of its own": Response("", 500),
    "too many questions": Response("{}", 429, mimetype="application/json"),
    "a page": Response("<html>Down for maintenance</html>", 200, mimetype="text/html"),
    "no object": Response("[]", mimetype="application/json"),
    "nothing in it": Response("{}", mimetype="application/json"),
    "no text for a token": Response('{"access_token": 1}', mimetype="application/json"),
    "elsewhere": Response("{}", 307, {"Location": "/elsewhere"}, mimetype="application/json"),
    "not to us": Response('{"error": "invalid_client"}', 401, mimetype="application/json"),
    "not to us, oddly": Response('{"error": "\\ud800"}', 400, mimetype="application/json"),
}


@pytest.fixture
def shop(open_shop: Callable[..., ShopUnderTest], provider: HostileProvider) -> ShopUnderTest:
    """A shop whose customer's own provider may be asked about people who are not there."""
    return open_shop(provider.issuer, scope=OFFLINE)


@pytest.fixture
def assistant(door: Door) -> ExternalAssistant:
    """An assistant that was let in a while ago."""
    assistant = connect(door.sign_in(), "browse", "transact")
    door.shop.clock.pass_by(minutes=9)
    return assistant


@dataclass
class Before:
    """What must be as it was."""

    shop: ShopUnderTest
    assistant: ExternalAssistant

    def assert_nothing_is_lost(self, answer: TestResponse) -> None:
        """503 in the protocol's form, on record; token, grant and session live on, and the next one may ask."""
        assert error_of(answer) == (503, "temporarily_unavailable"), answer.text
        assert events(self.shop, "token.refused")[-1].content["facts"]["error"] == "temporarily_unavailable"
        assert is_alive(self.shop, self.assistant.access_token)
        assert only_grant(self.shop, self.assistant.client_id)[1].ended_at is None
        (kept,) = rows(self.shop, OfflineAccess)
        assert kept.asking_until is None


@pytest.fixture
def before(shop: ShopUnderTest, assistant: ExternalAssistant) -> Before:
    """The state of things before a question."""
    return Before(shop, assistant)


@pytest.mark.holds("I14", "ASVS-7.6.1")
def test_a_provider_that_rotates_is_asked_with_the_latest(
    shop: ShopUnderTest, provider: HostileProvider, assistant: ExternalAssistant
) -> None:
    """Each answer's token is the next question's; none of them is readable in the database, a record or an answer."""
    answers = []
    for _ in range(3):
        answers.append(assistant.refresh())
        shop.clock.pass_by(minutes=9)
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len(set(provider.refreshed)) == 3
    told = json.dumps([answer.get_json() for answer in answers])
    with shop.database.read() as db:
        tables = db.execute(text("SELECT sealed FROM offline_access")).scalars().all()
    record = json.dumps([[event.content, event.personal] for event in shop.chain(shop.organization("acme"))])
    for secret in {CLIENT_SECRET, *provider.refreshed, *provider.secrets}:
        assert secret not in told and secret not in record and secret not in str(tables)


@pytest.mark.holds("RFC9700-4.10")
def test_of_assistants_that_come_at_once_one_asks(
    shop: ShopUnderTest, open_shop: Callable[..., ShopUnderTest], provider: HostileProvider, door: Door
) -> None:
    """To this provider a token that comes twice is a stolen one: from two processes it gets each once, and all get theirs."""
    sofia, another_process = door.sign_in(), open_shop(provider.issuer, scope=OFFLINE)
    assistants = [connect(sofia, name=f"Assistant {number}") for number in range(4)]
    assistants[0].shop = assistants[1].shop = another_process
    shop.clock.pass_by(minutes=9)
    answers = at_once([assistant.refresh for assistant in assistants])
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len(provider.refreshed) == 1
    assert len(events(shop, "sign_in.confirmed")) == 1 and len(events(shop, "token.refreshed")) == 4
    assert chains_hold(shop)


@pytest.mark.holds("ASVS-7.6.1", "I9")
def test_of_assistants_that_come_at_once_none_gets_through_a_no(
    shop: ShopUnderTest, provider: HostileProvider, door: Door
) -> None:
    """One asks and hears no; those who waited for it get nothing either."""
    sofia = door.sign_in()
    assistants = [connect(sofia, name=f"Assistant {number}") for number in range(3)]
    shop.clock.pass_by(minutes=9)
    provider.answers["/token"] = Response('{"error": "invalid_grant"}', 400, mimetype="application/json")
    answers = at_once([assistant.refresh for assistant in assistants])
    assert [error_of(answer) for answer in answers] == [(400, "invalid_grant")] * 3
    assert [is_alive(shop, assistant.access_token) for assistant in assistants] == [False] * 3
    assert len(events(shop, "sign_in.withdrawn")) == 1 and len(events(shop, "grant.revoked")) == 3
    assert chains_hold(shop)


@ONE_ENGINE
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_an_answer_that_is_none_ends_nothing_and_gives_nothing(
    before: Before, provider: HostileProvider, answer: Response
) -> None:
    """Neither a yes nor a no: whoever asked comes again with the same token, and goes on when the provider is back."""
    provider.answers["/token"] = answer
    before.assert_nothing_is_lost(before.assistant.refresh())
    assert "/elsewhere" not in provider.asked
    provider.answers.clear()
    assert before.assistant.refresh().status_code == 200


@ONE_ENGINE
def test_a_provider_that_is_gone(before: Before, provider: HostileProvider) -> None:
    """Nothing listens there any more."""
    provider.stop()
    before.assert_nothing_is_lost(before.assistant.refresh())


@ONE_ENGINE
@pytest.mark.parametrize("error", ["invalid_grant", "interaction_required", "login_required", "consent_required"])
def test_an_answer_about_the_person_is_a_no(
    shop: ShopUnderTest, provider: HostileProvider, assistant: ExternalAssistant, error: str
) -> None:
    """RFC 6749 §5.2, OpenID Connect Core §3.1.2.6: they would have to sign in there again."""
    provider.answers["/token"] = Response(json.dumps({"error": error}), 400, mimetype="application/json")
    assert error_of(assistant.refresh()) == (400, "invalid_grant")
    assert not is_alive(shop, assistant.access_token)
    assert events(shop, "sign_in.withdrawn")[-1].content["facts"] == {"error": error}
    assert rows(shop, OfflineAccess) == []


@ONE_ENGINE
@pytest.mark.holds("ASVS-9.1.2", "ASVS-10.5.2")
@pytest.mark.parametrize("lie", ["another person", "another audience", "another issuer", "expired", "no signature",
                                 "another key", "no text", "another company"])  # fmt: skip
def test_12_2_a_new_id_token_is_checked_like_the_first(before: Before, provider: HostileProvider, lie: str) -> None:
    """A token that cannot be trusted vouches for nobody. The provider has rotated all the same, and is asked with the new one."""
    now = int(provider.clock.now.timestamp())
    match lie:
        case "another person":
            provider.claims = {"sub": "00u-somebody-else"}
        case "another audience":
            provider.claims = {"aud": "another client"}
        case "another issuer":
            provider.claims = {"iss": "https://evil.example"}
        case "expired":
            provider.claims = {"exp": now - 3600}
        case "no signature":
            provider.encode = unsigned
        case "another key":
            provider.encode = lambda claims: signed(claims, rsa_key("second"), "RS256", kid="first")
        case "no text":
            provider.token_answer = {"id_token": 7}
        case "another company":
            provider.claims = {"email": "sofia.hart@globex.example"}
    before.assert_nothing_is_lost(before.assistant.refresh())
    assert events(before.shop, "sign_in.confirmed") == []
    provider.claims, provider.encode, provider.token_answer = {}, None, {}
    assert before.assistant.refresh().status_code == 200
    assert len(set(provider.refreshed)) == 2


@ONE_ENGINE
def test_12_2_no_new_id_token_need_come(
    shop: ShopUnderTest, provider: HostileProvider, assistant: ExternalAssistant
) -> None:
    """Then the answer says that they are there, and no more: their roles stay. Nor need a new refresh token come."""
    provider.token_answer = {"id_token": None, "refresh_token": None}
    assert assistant.refresh().status_code == 200
    assert len(events(shop, "sign_in.confirmed")) == 1 and events(shop, "membership.roles_changed") == []


@ONE_ENGINE
@pytest.mark.parametrize(
    "odd", [7, "", "\ud800", "a\nb", "x" * 10_000], ids=["number", "empty", "half", "line", "long"]
)
def test_a_refresh_token_that_is_none_is_not_kept(
    shop: ShopUnderTest, provider: HostileProvider, door: Door, odd: object
) -> None:
    """RFC 6749, A.17. The sign-in succeeds, and there is nothing to ask with later."""
    provider.token_answer = {"refresh_token": odd}
    assistant = connect(door.sign_in())
    shop.clock.pass_by(minutes=9)
    assert rows(shop, OfflineAccess) == [] and assistant.refresh().status_code == 200
    assert provider.refreshed == []


@ONE_ENGINE
def test_a_connection_that_does_not_ask_for_it_is_not_asked(
    open_shop: Callable[..., ShopUnderTest], provider: HostileProvider
) -> None:
    """Some providers give a refresh token to everybody, good while the browser is there: that says nothing of the person."""
    shop = open_shop(provider.issuer)
    assistant = connect(Door(shop, provider).sign_in())
    shop.clock.pass_by(minutes=9)
    assert assistant.refresh().status_code == 200
    assert rows(shop, OfflineAccess) == [] and provider.refreshed == []


@ONE_ENGINE
def test_whoever_died_while_asking_holds_nobody_up_for_long(
    shop: ShopUnderTest, provider: HostileProvider, assistant: ExternalAssistant
) -> None:
    """Others wait ten seconds for its answer, then say that there is none; when its time is over, the next one asks."""
    with shop.database.write() as db:
        db.execute(update(OfflineAccess).values(asking_until=shop.clock.now + timedelta(seconds=30)))
    server: Issuer = shop.app.extensions["oauth"]
    waited: list[float] = []
    server.recheck._wait = waited.append
    assert error_of(assistant.refresh()) == (503, "temporarily_unavailable")
    assert sum(waited) == pytest.approx(10) and provider.refreshed == []
    shop.clock.pass_by(seconds=30)
    assert assistant.refresh().status_code == 200


@ONE_ENGINE
def test_a_sign_in_meanwhile_says_more_than_the_answer(
    shop: ShopUnderTest, provider: HostileProvider, door: Door, assistant: ExternalAssistant
) -> None:
    """The provider takes back what the shop has, since the person is signing in anew at this moment: nothing ends."""
    provider.meanwhile = door.sign_in
    assert assistant.refresh().status_code == 200
    assert events(shop, "sign_in.withdrawn") == [] and is_alive(shop, assistant.access_token)
    provider.meanwhile = lambda: None
    shop.clock.pass_by(minutes=9)
    assert assistant.refresh().status_code == 200
    assert len(provider.refreshed) == 2


@ONE_ENGINE
@pytest.mark.holds("ASVS-9.1.1")
def test_a_key_that_was_withdrawn_is_believed_for_an_hour_at_most(
    shop: ShopUnderTest, provider: HostileProvider, assistant: ExternalAssistant
) -> None:
    """What the provider no longer publishes signs nothing, also in a process that knew it."""
    provider.keys = [rsa_key("second")]
    assert assistant.refresh().status_code == 200, "within the hour it is believed"
    shop.clock.pass_by(minutes=61)
    assert error_of(assistant.refresh()) == (503, "temporarily_unavailable")
    provider.encode = lambda claims: signed(claims, rsa_key("second"), "RS256")
    assert assistant.refresh().status_code == 200
