"""Secrets of the protocol stay with whom they were given to: no table, page, event or log shows one (invariant I14)."""

from __future__ import annotations

import logging

import pytest

from tests.audit.test_secrets import OF_OTHER_PROGRAMS, dump
from tests.oauth.test_rfc7591_registration import register
from tests.support.assistants import ExternalAssistant, back, decide, registered
from tests.support.people import ADA, SOFIA, ShopUnderTest


@pytest.mark.holds("I14", "NHI2")
def test_no_secret_of_an_assistants_life_is_kept_or_shown(
    shop: ShopUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    """From registration to a theft that is caught: codes, tokens, secrets, verifiers and handles are nowhere but at the client."""
    caplog.set_level(logging.DEBUG)
    sofia, secrets = shop.sign_in(SOFIA), {}
    assistant = registered(shop, method="client_secret_post")
    page = assistant.open(sofia, "browse", "transact")
    secrets["handle of the question"] = page.text.partition('name="question" value="')[2].partition('"')[0]
    code = back(decide(sofia, page)).code
    assistant.redeem(code)
    secrets |= {"code": code, "verifier": assistant.verifier, "client secret": str(assistant.secret)}
    secrets |= {"first access token": assistant.access_token, "first refresh token": assistant.refresh_token}
    assistant.refresh()
    secrets |= {"access token": assistant.access_token, "refresh token": assistant.refresh_token}
    assistant.token(grant_type="refresh_token", refresh_token=secrets["first refresh token"])
    assistant.redeem(code)
    assistant.send("/oauth/revoke", token=secrets["refresh token"])
    assistant.send("/oauth/introspect", token=secrets["access token"])
    own = register(shop, {"redirect_uris": [assistant.redirect_uri]}).get_json()
    secrets["secret of one that registered itself"] = own["client_secret"]
    wrong = ExternalAssistant(shop, assistant.client_id, secret="a wrong secret of somebody")
    wrong.refresh(refresh_token="a refresh token that is none")
    secrets |= {"wrong secret": "a wrong secret of somebody", "made-up token": "a refresh token that is none"}

    tables = dump(shop)
    found = {(name, column) for name, secret in secrets.items() for column, text in tables.items() if secret in text}
    assert found == set()
    logged = "\n".join(entry.getMessage() for entry in caplog.records if entry.name not in OF_OTHER_PROGRAMS)
    assert [name for name, secret in secrets.items() if secret in logged] == []
    trail = shop.sign_in(ADA).get("/audit/organization")
    assert trail.status_code == 200 and "A registered assistant" in trail.text
    assert [name for name, secret in secrets.items() if secret in trail.text] == []
