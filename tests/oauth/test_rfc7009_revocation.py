"""RFC 7009: a client gives back what it holds, and only that."""

from __future__ import annotations

import pytest

from shop.credentials.ledger import Authority
from shop.credentials.tokens import TokenFamily
from tests.oauth.looks import events, facts, is_alive, only_grant, row, rows
from tests.support.assistants import connect, error_of, registered, segments
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE, watching


@pytest.mark.holds("I9", "ASVS-10.4.9")
def test_an_access_token_ends_alone(shop: ShopUnderTest) -> None:
    """§2.1: also one that is a JWT. It is dead at the next call; the refresh token goes on; row and event say why."""
    assistant = connect(shop.sign_in(SOFIA))
    first = assistant.access_token
    response = assistant.send("/oauth/revoke", token=first)
    assert (response.status_code, response.get_json()) == (200, {})
    assert not is_alive(shop, first)
    authority = row(shop, Authority, segments(first)[1]["jti"])
    assert authority.ended_because == "revoked_by_client"
    assert facts(shop, "token.revoked")["tokens"] == [authority.id]
    assert assistant.refresh().status_code == 200 and is_alive(shop, assistant.access_token)


@pytest.mark.holds("I9")
def test_a_refresh_token_ends_with_its_family(shop: ShopUnderTest) -> None:
    """§2.1: everything of the same authorization is dead. What the person allowed stays theirs to end."""
    assistant = connect(shop.sign_in(SOFIA))
    assert (
        assistant.send("/oauth/revoke", token=assistant.refresh_token, token_type_hint="access_token").status_code
        == 200
    )
    assert not is_alive(shop, assistant.access_token)
    assert error_of(assistant.refresh()) == (400, "invalid_grant")
    (family,) = rows(shop, TokenFamily)
    assert family.ended_because == "revoked_by_client"
    assert only_grant(shop, assistant.client_id)[1].ended_at is None


@ONE_ENGINE
def test_nobody_revokes_what_is_not_theirs(shop: ShopUnderTest) -> None:
    """§2.1: another client's token is refused and lives on, and that somebody else has it is on record; an unknown one is fine, as
    §2.2 has it; nobody unknown may ask.
    """
    assistant = connect(shop.sign_in(SOFIA))
    stranger, confidential = registered(shop, "A stranger"), registered(shop, "Another", method="client_secret_post")
    with watching(shop) as seen:
        for token in (assistant.access_token, assistant.refresh_token):
            assert error_of(stranger.send("/oauth/revoke", token=token)) == (400, "invalid_grant")
        for token in ("unknown", "…", "a.b.c", "x" * 2000):
            assert assistant.send("/oauth/revoke", token=token).get_json() == {}, token
        assert error_of(assistant.send("/oauth/revoke")) == (400, "invalid_request")
        confidential.secret = "wrong"
        assert error_of(confidential.send("/oauth/revoke", token="x")) == (401, "invalid_client")
    assert not seen.changed and seen.names == ["token.revocation_refused"] * 2
    told = events(shop, "token.revocation_refused")[-1].content
    assert (told["facts"]["client"], told["actor"]["client"]) == (stranger.client_id, assistant.client_id)
    assert is_alive(shop, assistant.access_token) and assistant.refresh().status_code == 200
    shop.clock.pass_by(minutes=11)
    assert assistant.send("/oauth/revoke", token=assistant.access_token).status_code == 200, (
        "expired is as good as unknown"
    )
