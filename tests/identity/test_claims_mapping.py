"""Which claims hold groups and e-mail is the connection's to say; what cannot be read is refused, and nobody is a guest unnoticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.wrappers import Response

from tests.identity.hostile import SUBJECT, HostileProvider
from tests.identity.signing_in import Door
from tests.identity.test_external_provider import person_of, roles_of
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE
Open = Callable[..., ShopUnderTest]
NAMESPACED = "https://acme.example/claims/groups"


def door_with(open_shop: Open, provider: HostileProvider, **claims: object) -> Door:
    """The door of a shop whose connection maps these claims."""
    return Door(open_shop(provider.issuer, claims=claims), provider)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("roles", {"roles": ["shop-buyers"]}),
        (NAMESPACED, {NAMESPACED: ["shop-buyers"]}),
        (["realm_access", "roles"], {"realm_access": {"roles": ["offline_access", "shop-buyers"]}}),
        (
            ["resource_access", "context.and.co", "roles"],
            {"resource_access": {"context.and.co": {"roles": "shop-buyers"}}},
        ),
        ("groups", {"groups": "shop-buyers"}),
        ("groups", {"groups": ["shop-buyers", 17]}),
    ],
)
def test_groups_are_where_the_connection_says(
    open_shop: Open, provider: HostileProvider, where: object, said: dict[str, Any]
) -> None:
    """Another name, a namespaced one, a nested path; and one string is one group."""
    provider.claims = {"groups": None, **said}
    door = door_with(open_shop, provider, groups=where)
    door.sign_in()
    assert roles_of(door.shop, person_of(door.shop, SUBJECT)) == ["buyer"]
    assert "groups" not in door.shop.chain(door.shop.organization("acme"))[-1].content["facts"]


def test_the_standard_claim_says_nothing_where_another_one_is_configured(
    open_shop: Open, provider: HostileProvider
) -> None:
    """Groups in `groups` do not count for a connection that looks in `roles`."""
    provider.claims = {"groups": ["shop-admins"], "roles": ["shop-buyers"]}
    door = door_with(open_shop, provider, groups="roles")
    door.sign_in()
    assert roles_of(door.shop, person_of(door.shop, SUBJECT)) == ["buyer"]


@pytest.mark.parametrize("said", [{"shop-admins": True}, [["shop-admins"]], [{"name": "x"}], 7, True, [None], [True]])
def test_groups_of_another_shape_are_refused(door: Door, said: object) -> None:
    """What is neither a name nor a list of names signs nobody in, as somebody who has to do with the set-up is told."""
    door.provider.claims = {"groups": said}
    browser = door.browser()
    event = door.assert_refused(
        browser.visitor, browser.come_back(), 502, "groups_unreadable", says="trying again does not help"
    )
    assert "the groups in groups are " in event.content["facts"]["detail"]


@pytest.mark.parametrize("said", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
def test_groups_that_are_too_many_for_a_token_are_not_none(door: Door, said: dict[str, Any]) -> None:
    """Entra's overage: the groups are elsewhere, so the person is not made a guest; the record says what to do."""
    door.provider.claims = {"groups": None, **said}
    browser = door.browser()
    event = door.assert_refused(
        browser.visitor, browser.come_back(), 502, "groups_unreadable", says="trying again does not help"
    )
    assert "too many for a token" in event.content["facts"]["detail"]


@pytest.mark.parametrize("where", ["upn", ["profile", "mail"]])
def test_the_address_is_where_the_connection_says(open_shop: Open, provider: HostileProvider, where: Any) -> None:
    """`preferred_username`, `upn` or a nested one; `email_verified` speaks of the standard claim only."""
    said = {"upn": SOFIA} if where == "upn" else {"profile": {"mail": SOFIA}}
    provider.claims = {"email": "private@elsewhere.example", "email_verified": False, **said}
    door = door_with(open_shop, provider, email=where)
    door.sign_in()
    assert person_of(door.shop, SUBJECT).email == SOFIA


def test_userinfo_is_asked_for_what_is_mapped(open_shop: Open, provider: HostileProvider) -> None:
    """Where the token lacks the mapped groups, userinfo completes it, also when both have the outer name."""
    provider.claims = {"groups": ["shop-admins"], "realm_access": {"other": 1}}
    provider.metadata = {"userinfo_endpoint": f"{provider.issuer}/userinfo"}
    told = {"sub": SUBJECT, "email": "ada.quist@acme.example", "realm_access": {"roles": ["shop-buyers"]}}
    provider.answers["/userinfo"] = Response(json.dumps(told), mimetype="application/json")
    door = door_with(open_shop, provider, groups=["realm_access", "roles"])
    door.sign_in()
    person = person_of(door.shop, SUBJECT)
    assert roles_of(door.shop, person) == ["buyer"] and person.email == SOFIA, "the signed token's address stands"


@pytest.mark.parametrize("email", [None, ""])
def test_no_address_at_all_is_said_in_its_own_words(door: Door, email: object) -> None:
    """Not "another company": the provider said none, and who can change that is named."""
    door.provider.claims = {"email": email}
    browser = door.browser()
    response = browser.come_back()
    event = door.assert_refused(browser.visitor, response, 400, "no_email", says="did not say your e-mail address")
    assert "another company" not in response.text
    assert event.content["facts"]["detail"] == "no claim email in the ID token or at userinfo"


@pytest.mark.holds("ASVS-10.5.2")
@pytest.mark.parametrize("said", [False, "false", "False"])
def test_an_address_that_nobody_checked_is_not_somebody_elses(door: Door, said: object) -> None:
    """`email_verified` false: the address of another member is refused, whatever its case; a free one is taken."""
    door.sign_in()
    for email in (SOFIA, SOFIA.upper()):
        door.provider.claims = {"sub": "00u-impostor", "email": email, "email_verified": said}
        browser = door.browser()
        response = browser.come_back()
        door.assert_refused(browser.visitor, response, 400, "email_unverified", says="was not confirmed", sessions=1)
    door.provider.claims = {"email_verified": said}
    door.sign_in()
    door.provider.claims = {"sub": "00u-new", "email": "new@acme.example", "email_verified": said}
    door.sign_in()
    door.provider.claims = {"sub": "00u-new", "email": SOFIA, "email_verified": said}
    browser = door.browser()
    response = browser.come_back()
    door.assert_refused(browser.visitor, response, 400, "email_unverified", says="was not confirmed", sessions=3)
    assert person_of(door.shop, "00u-new").email == "new@acme.example"


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"name": "x"}, "groups and email are; 'name' is neither"),
        ({"groups": []}, "a list of names from the outside in"),
        ({"groups": ["a", ""]}, "a list of names from the outside in"),
    ],
)
def test_a_mapping_that_makes_no_sense_stops_the_start(
    open_shop: Open, provider: HostileProvider, claims: dict[str, Any], sentence: str
) -> None:
    """The sentence says what can be written."""
    with pytest.raises(ValueError, match=sentence):
        open_shop(provider.issuer, claims=claims)
