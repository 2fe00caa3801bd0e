"""RFC 9207: every authorization response says which issuer it is from, errors before anybody was asked included."""

from __future__ import annotations

import pytest

from shop.oauth.clients.metadata import BadMetadata
from tests.support.assistants import CALLBACK, back, decide, leads_to, registered
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE


@pytest.mark.holds("RFC9700-4.4", "M5", "ASVS-10.2.2")
def test_every_answer_names_the_issuer_exactly_once(shop: ShopUnderTest) -> None:
    """§2: a code, a refusal by the person, and each error that the library raises before there is a page."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    answers = [
        assistant.ask(sofia, "browse"),
        back(decide(sofia, assistant.open(sofia, "browse", "read", prompt="consent"), answer="deny")),
        back(assistant.open(sofia, "browse", response_type="token")),
        back(assistant.open(sofia, "browse", scope="unknown")),
        back(assistant.open(sofia, "browse", code_challenge_method="plain")),
        back(assistant.open(sofia, "browse", resource="https://other.example")),
        back(assistant.open(sofia, "browse", response_mode="form_post")),
    ]
    for answer in answers:
        assert answer.uri == CALLBACK
        assert answer.parameters["iss"] == BASE_URL, answer.parameters
        assert leads_to(answer.response).count("iss=") == 1
    metadata = sofia.get("/.well-known/oauth-authorization-server").get_json()
    assert metadata["issuer"] == BASE_URL and metadata["authorization_response_iss_parameter_supported"] is True


@pytest.mark.holds("M5")
def test_what_the_client_had_in_its_redirect_uri_stays(shop: ShopUnderTest) -> None:
    """RFC 6749 §3.1.2: a query of the registered URI is kept to the letter, and what is added cannot be mistaken for it."""
    uri = "https://assistant.example/callback?tenant=7&words=a%20b+c&flag"
    assistant, sofia = registered(shop, redirect_uri=uri), shop.sign_in(SOFIA)
    answer = assistant.ask(sofia, "browse")
    assert leads_to(answer.response).startswith(f"{uri}&code=")
    assert set(answer.parameters) == {"tenant", "words", "flag", "code", "state", "iss"}


@pytest.mark.holds("RFC9700-4.4", "M5")
def test_no_redirect_uri_says_what_the_answer_says(shop: ShopUnderTest) -> None:
    """§2.4: a client must see one `iss`; so a URI that brings its own, or a code, or a state, is not registered."""
    for name in ("iss", "code", "state", "error"):
        with pytest.raises(BadMetadata, match="leaves to the answer"):
            registered(shop, redirect_uri=f"{CALLBACK}?tenant=7&{name}=https%3A%2F%2Fevil.example")


def test_a_request_without_state_gets_none_back(shop: ShopUnderTest) -> None:
    """RFC 6749 §4.1.2: state is the client's; what it did not send, it does not get."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    assert set(assistant.ask(sofia, "browse", state=None).parameters) == {"code", "iss"}
