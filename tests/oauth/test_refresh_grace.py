"""A refresh token that comes twice within moments: one successor for both, and a theft is found out as surely as ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shop.credentials.tokens import RefreshToken, TokenFamily, secret_digest, successor_of
from tests.oauth.looks import events, facts, is_alive, row, rows
from tests.support.assistants import ExternalAssistant, connect, error_of
from tests.support.at_once import at_once
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE, chains_hold, watching


def present(assistant: ExternalAssistant, refresh_token: str, **form: str) -> TestResponse:
    """Bring a refresh token, and keep nothing of the answer: another process of the same client."""
    return assistant.token(grant_type="refresh_token", refresh_token=refresh_token, **form)


def tokens_of(answer: TestResponse) -> tuple[str, str]:
    """Access token and refresh token of an answer that must be good."""
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body["access_token"], body["refresh_token"]


@pytest.mark.holds("ASVS-10.4.5", "RFC9700-2.2.2")
def test_of_many_at_once_all_get_the_same_successor(shop: ShopUnderTest) -> None:
    """One new refresh token for all of them, which is stored once and as a hash, and an access token for each; nobody is out."""
    assistant = connect(shop.sign_in(SOFIA))
    first = assistant.refresh_token
    answers = [tokens_of(answer) for answer in at_once([lambda: present(assistant, first)] * 4)]
    assert len({refresh for _, refresh in answers}) == 1 and len({access for access, _ in answers}) == 4
    assert all(is_alive(shop, access) for access, _ in answers)
    successor = answers[0][1]
    stored = rows(shop, RefreshToken)
    assert {one.token_hash for one in stored} == {secret_digest(first), secret_digest(successor)}
    assert successor not in str([vars(one) for one in stored])
    (family,) = rows(shop, TokenFamily)
    assert family.ended_at is None
    told = [event.content["facts"].get("repeated", False) for event in events(shop, "token.refreshed")]
    assert sorted(told) == [False, True, True, True] and events(shop, "refresh_token.reused") == []
    assert present(assistant, successor).status_code == 200
    assert chains_hold(shop)


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.5", "RFC9700-2.2.2", "RFC9700-4.10")
def test_once_the_successor_was_used_the_old_one_kills_the_family(shop: ShopUnderTest) -> None:
    """RFC 9700 §4.14.2: the chain has gone on, so whoever brings the old token has a copy, however few seconds have passed."""
    assistant = connect(shop.sign_in(SOFIA))
    stolen = assistant.refresh_token
    assert assistant.refresh().status_code == 200 and assistant.refresh().status_code == 200
    with watching(shop) as seen:
        assert error_of(present(assistant, stolen)) == (400, "invalid_grant")
    assert seen.names == ["refresh_token.reused", "token.refused"]
    assert not is_alive(shop, assistant.access_token)
    assert error_of(assistant.refresh()) == (400, "invalid_grant")
    assert [family.ended_because for family in rows(shop, TokenFamily)] == ["refresh_token_reused"]


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.5", "RFC9700-4.10")
def test_a_thief_within_the_grace_is_found_out_at_the_next_refresh(shop: ShopUnderTest) -> None:
    """They get the client's own successor and no branch: when both go on with it, the family dies."""
    assistant = connect(shop.sign_in(SOFIA))
    stolen = assistant.refresh_token
    assistant.refresh()
    _, of_thief = tokens_of(present(assistant, stolen))
    assert of_thief == assistant.refresh_token
    shop.clock.pass_by(minutes=5)
    first, _ = tokens_of(present(assistant, of_thief))
    shop.clock.pass_by(seconds=30)
    assert error_of(assistant.refresh()) == (400, "invalid_grant")
    assert not is_alive(shop, first) and not is_alive(shop, assistant.access_token)


@ONE_ENGINE
@pytest.mark.parametrize(
    ("grace", "later", "status"), [(10, 9, 200), (10, 10, 400), (3, 2, 200), (3, 3, 400), (0, 0, 400), (0, -1, 400)]
)
@pytest.mark.holds("ASVS-10.4.5")
def test_the_grace_ends_to_the_second(
    build_shop: Callable[..., ShopUnderTest], grace: int, later: int, status: int
) -> None:
    """It is a setting, none at all included; a moment later the same request is a second use."""
    shop = build_shop(refresh_grace=timedelta(seconds=grace))
    assistant = connect(shop.sign_in(SOFIA))
    first = assistant.refresh_token
    shop.clock.now = shop.clock.now.replace(microsecond=0)
    assert assistant.refresh().status_code == 200
    shop.clock.now = row(shop, RefreshToken, secret_digest(first)).used_at + timedelta(seconds=later)
    assert present(assistant, first).status_code == status
    assert len(events(shop, "refresh_token.reused")) == (status == 400)


@ONE_ENGINE
@pytest.mark.holds("I9")
def test_in_the_grace_everything_is_asked_as_ever(shop: ShopUnderTest) -> None:
    """Another client, a family that was given back, more than was allowed: refused, and the good request goes on afterwards."""
    sofia = shop.sign_in(SOFIA)
    assistant, other = connect(sofia), connect(sofia, name="Another")
    first = assistant.refresh_token
    assistant.refresh()
    assert error_of(present(other, first)) == (400, "invalid_grant")
    assert error_of(present(assistant, first, scope="browse transact")) == (400, "invalid_scope")
    assert error_of(present(assistant, first, resource="https://other.example/mcp")) == (400, "invalid_target")
    assert present(assistant, first, scope="browse").get_json()["scope"] == "browse"
    assert tokens_of(present(assistant, first))[1] == assistant.refresh_token
    assert assistant.send("/oauth/revoke", token=assistant.refresh_token).status_code == 200
    assert error_of(present(assistant, first)) == (400, "invalid_grant")
    assert events(shop, "refresh_token.reused") == [], "a family that has ended is not caught again"
    assert facts(shop, "token.refused")["grant_type"] == "refresh_token"


def test_a_successor_is_known_to_the_server_alone() -> None:
    """The same for the same token in every process; of another token, or under another key, another one; as long as any."""
    one = successor_of("a token", b"key" * 11)
    assert one == successor_of("a token", b"key" * 11) and len(one) == 43
    assert len({one, successor_of("another", b"key" * 11), successor_of("a token", b"yek" * 11)}) == 3
