"""Two processes on one database: after a revocation commits in one, the other refuses the very next call (I9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shop.revocation import cascade
from tests.support.people import INES, SOFIA, Assistant, ShopUnderTest, Visitor


def same_browser_at(other: ShopUnderTest, visitor: Visitor) -> Visitor:
    """The same browser, whose next request another process answers."""
    moved = other.visitor()
    name = other.app.config["SESSION_COOKIE_NAME"]
    cookie = visitor.client.get_cookie(name, domain="127.0.0.1")
    assert cookie is not None
    moved.client.set_cookie(name, cookie.decoded_value, domain="127.0.0.1")
    moved.email = visitor.email
    return moved


@pytest.mark.holds("I9", "ASVS-7.4.1", "ASVS-8.3.2")
def test_another_process_refuses_at_the_next_call(build_shop: Callable[..., ShopUnderTest]) -> None:
    """Neither the person's browser nor their assistant gets one more call out of a process that was not told."""
    one, other = build_shop(), build_shop()
    sofia = one.sign_in(SOFIA)
    assistant = sofia.assistant()
    there = same_browser_at(other, sofia)
    assistant_there = Assistant(there, assistant.conversation, assistant.principal)
    assert there.get("/sessions").status_code == 200
    assert assistant_there.call("view_cart").kind == "succeeded"

    sofia.post("/sessions/end-all")
    refused = assistant_there.call("view_cart")
    assert (refused.kind, refused.for_model()["code"]) == ("denied", "signed_out")
    assert there.get("/sessions").status_code == 302
    assert assistant_there.events()[-1].name == "tool_call.denied"


@pytest.mark.holds("I9", "ASVS-7.4.2", "ASVS-7.4.5", "ASI08")
def test_a_pause_and_a_suspension_reach_another_process(build_shop: Callable[..., ShopUnderTest]) -> None:
    """Paused in one process, an assistant is refused in the other; suspended there, its person is refused here."""
    one, other = build_shop(), build_shop()
    sofia, ines = one.sign_in(SOFIA), other.sign_in(INES)
    assistant = sofia.assistant()
    assistant_there = Assistant(same_browser_at(other, sofia), assistant.conversation, assistant.principal)
    sofia.post("/assistant/pause")
    assert assistant_there.call("view_cart").for_model()["code"] == "paused"
    sofia.post("/assistant/resume")
    assert assistant_there.call("view_cart").kind == "succeeded"

    administrator, membership = ines.principal(), sofia.principal().membership
    with other.database.write() as db:
        cascade.suspend(db, other.services.policy, administrator, membership)
    assert sofia.call("view_cart").for_model()["code"] == "suspended"
    assert assistant.call("view_cart").for_model()["code"] == "suspended"
    assert sofia.get("/sessions").status_code == 302
