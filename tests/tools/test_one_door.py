"""Nothing runs a tool but the gateway: every way around it that a test can think of ends in `NoPermit`."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from shop.authorization.conditions import Resource
from shop.settings import ROOT
from shop.tools import gateway, permit
from shop.tools.permit import NoPermit, Permit, Seal
from shop.tools.registry import TOOLS
from shop.tools.workflows.change_cart import AddToCart
from shop.tools.workflows.transact import PlaceOrder
from tests.support.people import ShopUnderTest, Visitor
from tests.support.state import HOODIE, ONE_ENGINE, watching

ARGUMENTS = {"add_to_cart": AddToCart(sku=HOODIE), "place_order": PlaceOrder()}


@contextmanager
def open_permit(visitor: Visitor, tool: str) -> Iterator[Permit]:
    """A real permit in an open transaction, as only the gateway makes one."""
    shop, principal = visitor.shop, visitor.principal()
    call: Any = SimpleNamespace(id="call_test", turn=None)
    resource = Resource(kind="cart", owner=principal.subject, organization=principal.organization)
    with (
        shop.database.write() as db,
        gateway._seal.permit(tool, db, principal, resource, shop.services.policy, TOOLS, call) as made,
    ):
        yield made


class LooksLikeAPermit:
    """The same slots, and another class."""

    __slots__ = (*Permit.__slots__, "_tool")


class Heir(Permit):
    """A subclass that constructs without asking."""

    def __init__(self) -> None: ...


def kept_by_a_failure(visitor: Visitor, kept: list[Permit]) -> None:
    """Keep a permit whose transaction is rolled back."""
    with open_permit(visitor, "add_to_cart") as real:
        kept.append(real)
        raise ZeroDivisionError


def filled(fake: Any, real: Permit) -> Any:
    """Everything that a real permit holds, in another object."""
    for name in Permit.__slots__:
        setattr(fake, name, getattr(real, name))
    return fake


@ONE_ENGINE
@pytest.mark.holds("I1", "ASVS-8.3.1")
def test_the_gateway_runs_a_tool_with_the_permit_that_it_made(sofia: Visitor) -> None:
    """The control of this module: with an open permit for this very tool, the body runs."""
    with open_permit(sofia, "add_to_cart") as real:
        assert TOOLS["add_to_cart"].body(real, ARGUMENTS["add_to_cart"]).model_dump()["items"] == 1


@ONE_ENGINE
@pytest.mark.holds("I1", "ASVS-8.3.1")
def test_a_permit_cannot_be_constructed(sofia: Visitor) -> None:
    """`Permit(...)` raises, whatever it is given."""
    with pytest.raises(NoPermit):
        Permit()
    with pytest.raises(NoPermit):
        Permit("add_to_cart", principal=sofia.principal())


@pytest.mark.parametrize("name", sorted(TOOLS))
@pytest.mark.holds("I1", "ASVS-8.3.1")
def test_no_body_runs_without_a_permit(name: str) -> None:
    """Each tool's body asks for a permit before it looks at anything else."""
    for fake in (None, object(), "permit", object.__new__(Permit), Heir(), LooksLikeAPermit(), SimpleNamespace()):
        with pytest.raises(NoPermit):
            TOOLS[name].body(fake, None)  # type: ignore[arg-type]


@ONE_ENGINE
@pytest.mark.holds("I1", "ASVS-8.3.1")
def test_what_only_looks_like_a_permit_is_none(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A copy of a good permit, however complete, in whatever class, is no permit while the good one is open."""
    tool = TOOLS["add_to_cart"]
    with watching(shop) as seen, open_permit(sofia, "add_to_cart") as real:
        fakes = [object.__new__(Permit), Heir(), LooksLikeAPermit()]
        for fake in [*(filled(fake, real) for fake in fakes), copy.copy(real)]:
            with pytest.raises(NoPermit):
                tool.body(fake, ARGUMENTS["add_to_cart"])
    assert (seen.changed, seen.names) == (set(), [])


@ONE_ENGINE
@pytest.mark.holds("I1", "ASVS-8.3.1")
def test_a_kept_permit_is_worth_nothing_after_its_call(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A permit ends with the gateway's transaction, also when that transaction failed."""
    kept: list[Permit] = []
    with open_permit(sofia, "add_to_cart") as real:
        kept.append(real)
    with pytest.raises(ZeroDivisionError):
        kept_by_a_failure(sofia, kept)
    with watching(shop) as seen, shop.database.write() as db:
        for old in kept:
            old.db = db
            with pytest.raises(NoPermit):
                TOOLS["add_to_cart"].body(old, ARGUMENTS["add_to_cart"])
    assert (seen.changed, seen.names) == (set(), [])


@ONE_ENGINE
@pytest.mark.holds("I1", "ASVS-8.3.1")
def test_a_permit_is_for_one_tool(sofia: Visitor) -> None:
    """The permit of one tool does not run another one, and cannot be told that it is for it."""
    with open_permit(sofia, "add_to_cart") as real:
        with pytest.raises(AttributeError):
            real._tool = "place_order"  # type: ignore[attr-defined]
        with pytest.raises(NoPermit):
            TOOLS["place_order"].body(real, ARGUMENTS["place_order"])


@ONE_ENGINE
@pytest.mark.holds("I1", "ASVS-8.3.1")
def test_there_is_one_seal_and_it_is_taken(sofia: Visitor) -> None:
    """Nobody gets the seal again, makes another, or seals with something that looks like it."""
    with pytest.raises(NoPermit):
        permit.take_seal()
    with pytest.raises(NoPermit):
        Seal()
    call: Any = SimpleNamespace(id="call_test", turn=None)
    mine, principal, policy = object.__new__(Seal), sofia.principal(), sofia.shop.services.policy
    with (
        sofia.shop.database.write() as db,
        pytest.raises(NoPermit),
        mine.permit("place_order", db, principal, Resource(kind="order"), policy, TOOLS, call),
    ):
        pass


@pytest.mark.holds("I1", "ASVS-8.3.1")
def test_only_the_gateway_touches_the_seal() -> None:
    """No module but the gateway names the seal, and none but the permit's own the register of open permits."""
    knows = ("shop.tools.permit", "shop.tools.gateway", "shop.tools import")
    named: dict[str, set[str]] = {
        "_seal": set(),
        "_seals": set(),
        "take_seal": set(),
        "_the_seal": set(),
        "_open": set(),
    }
    for path in (ROOT / "shop").rglob("*.py"):
        source, where = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        if where.startswith("shop/tools/") or any(module in source for module in knows):
            for name, files in named.items():
                if re.search(rf"\b{name}\b", source):
                    files.add(where)
    gateway_file, permit_file = "shop/tools/gateway.py", "shop/tools/permit.py"
    assert named == {
        "_seal": {gateway_file},
        "_seals": {permit_file},
        "take_seal": {gateway_file, permit_file},
        "_the_seal": {permit_file},
        "_open": {permit_file},
    }
