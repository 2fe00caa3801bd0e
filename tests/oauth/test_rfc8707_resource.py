"""RFC 8707: the resource that is named is the one there is, in both requests; one that is left out is meant; it becomes the audience."""

from __future__ import annotations

import pytest

from shop.credentials.tokens import TokenFamily
from tests.oauth.looks import events, facts, rows
from tests.support.assistants import RESOURCE, back, error_of, registered, segments
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE

OTHERS: dict[str, str | None] = {
    "another server's": "https://other.example/mcp",
    "the shop itself": BASE_URL,
    "with two slashes": f"{RESOURCE}//",
    "with a fragment": f"{RESOURCE}#x",
    "in capitals": RESOURCE.upper(),
}


@pytest.mark.holds("M9", "RFC9700-2.3")
def test_both_requests_name_the_one_resource(shop: ShopUnderTest) -> None:
    """§2.1, §2.2: anything else is `invalid_target`, at the client, with a sentence that says which one; a code is for one."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    for what, other in OTHERS.items():
        answer = back(assistant.open(sofia, "browse", resource=other))
        assert answer.parameters["error"] == "invalid_target", what
        assert RESOURCE in answer.parameters["error_description"]
        assert facts(shop, "authorization.refused")["error"] == "invalid_target"
        refused = assistant.redeem(assistant.ask(sofia, "browse").code, resource=other)
        assert error_of(refused) == (400, "invalid_target"), what


@pytest.mark.parametrize("named", [None, "", f"{RESOURCE}/"])
@pytest.mark.holds("M9", "ASVS-10.3.1")
def test_one_that_is_left_out_is_the_one_that_is_bound(shop: ShopUnderTest, named: str | None) -> None:
    """§2.1, §2.2: general clients do not know the parameter. None, an empty one, and the other address of the resource all end
    in tokens for the one resource, whichever request leaves it out.
    """
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    for at_first in (RESOURCE, named):
        answer = assistant.redeem(assistant.ask(sofia, "browse", resource=at_first).code, resource=named)
        assert answer.status_code == 200, answer.text
        assert segments(assistant.access_token)[1]["aud"] == RESOURCE
        assert assistant.refresh(resource=named).status_code == 200
        assert segments(assistant.access_token)[1]["aud"] == RESOURCE
    assert {family.resource for family in rows(shop, TokenFamily)} == {RESOURCE}
    assert {event.content["facts"]["audience"] for event in events(shop, "token.refreshed")} == {RESOURCE}


@pytest.mark.holds("M9", "M2", "ASVS-10.3.1")
def test_it_becomes_the_audience_and_no_other(shop: ShopUnderTest) -> None:
    """§2: the access token is for exactly that resource, never for the client; also after a refresh, which may name it again."""
    assistant = registered(shop).connect(shop.sign_in(SOFIA))
    assert segments(assistant.access_token)[1]["aud"] == RESOURCE
    assert assistant.refresh(resource=RESOURCE).status_code == 200
    assert segments(assistant.access_token)[1]["aud"] == RESOURCE
    assert error_of(assistant.refresh(resource="https://other.example/mcp")) == (400, "invalid_target")
    assert assistant.refresh().status_code == 200, "naming a wrong one spent nothing"
