"""What may be asked beside the gateway, without running a tool: answers for pages, and what may go to a model again.

Nothing here changes anything; only an authority that is not alive is recorded (`alive`). A question about somebody else's is
answered like one about nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import parse_qs, unquote

from sqlalchemy.orm import Session

from shop.audit.denials import record_denial
from shop.audit.events import EventName
from shop.authorization import decisions
from shop.authorization.conditions import Resource
from shop.authorization.decisions import Code
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.credentials.ledger import NotAlive, live
from shop.database import Database
from shop.principal import EVERY_SCOPE, Principal
from shop.store import carts, catalogue
from shop.store.errors import NotThere
from shop.store.models import Product
from shop.tools.refusals import for_person
from shop.tools.registry import UnknownTool, find
from shop.tools.tool import InvalidArguments

__all__ = ["Enquiries", "Permission"]

_LONGEST_PATH = 500
_SLUG = re.compile(r"[a-z0-9-]{1,60}")
_PAGES = {"/cart": "cart", "/checkout": "checkout", "/orders": "orders"}


class Enquiries:
    """Answers by today's state and policy. Thread-safe: it holds no state of its own."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self._database, self._policy = database, policy

    def alive(self, principal: Principal, where: str) -> Principal:
        """The principal with the authority it has now: for what an external assistant asks without running a tool.

        `where` is the method, in the protocol's words. Raises `NotAlive`, which is recorded as a refusal.
        """
        try:
            with self._database.read() as db:
                return live(db, principal)
        except NotAlive as lapsed:
            decision = decisions.from_lapse(lapsed, self._policy.version)
            record_denial(
                self._database,
                EventName.ACCESS_DENIED,
                decision.rule,
                principal=principal,
                decision=decision.for_auditor(),
                outcome="denied",
                facts={"page": where},
            )
            raise

    def items_in_cart(self, person: Principal) -> int:
        """How many things are in the person's own cart: the number beside the cart on every page."""
        with self._database.read() as db:
            cart = carts.cart_of(db, person.organization, person.subject)
            return sum(line.quantity for line in cart.lines)

    def may(self, person: Principal, action: Permission, *, everybodys: bool = False) -> bool:
        """Whether today's policy allows an action on what is the person's own, or on `everybodys` in their organization.

        For what a page offers: it decides nothing, and each call is asked anew.
        """
        owner = None if everybodys else person.subject
        about = Resource(kind="offer", owner=owner, organization=person.organization, amount=0)
        return self._policy.is_allowed(principal=person, action=action, resource=about).allowed

    def undoable(self, person: Principal) -> str | None:
        """The call that changed the person's cart last, if it can still be undone."""
        with self._database.read() as db:
            return carts.undoable(carts.cart_of(db, person.organization, person.subject))

    def page_in_words(self, person: Principal, path: str) -> str | None:
        """Which page of the shop a path is, as a sentence for a model; None for any other path.

        Every word comes from the shop's own rows or this module, none from the path, and an order that the person may not
        see is answered like none (invariant I10). Raises `NotAlive`.
        """
        address, _, query = path[:_LONGEST_PATH].partition("#")[0].partition("?")
        place, chosen = unquote(address).rstrip("/"), parse_qs(query)
        with self._database.read() as db:
            me = replace(live(db, person), actor=None, delegation=None, scopes=EVERY_SCOPE)
            page = self._page(db, me, place, {name: values[0] for name, values in chosen.items()})
        return f"The person is on this page of the shop: {page}." if page else None

    def _page(self, db: Session, person: Principal, place: str, chosen: dict[str, str]) -> str | None:
        if place in _PAGES:
            return _PAGES[place]
        kind, _, name = place.removeprefix("/").partition("/")
        match kind:
            case "products" if _SLUG.fullmatch(name):
                return _product_in_words(db, name, chosen)
            case "collections":
                return f"category {name}" if name in catalogue.categories(db) else None
            case "orders" if self._is_visible(db, person, "get_order", {"number": name}):
                return f"order {name.upper()}"
            case _:
                return None

    def still_visible(self, person: Principal, calls: list[tuple[str, str, object]]) -> frozenset[str]:
        """Of remembered calls (id, tool, arguments), those whose results their person may still see, by today's rules.

        Asks and runs nothing. Raises `NotAlive`: after a revocation nothing leaves for the model (invariant I12).
        """
        with self._database.read() as db:
            principal = live(db, person)
            return frozenset(
                identifier
                for identifier, name, arguments in calls
                if self._is_visible(
                    db, replace(principal, actor=None, delegation=None, scopes=EVERY_SCOPE), name, arguments
                )
            )

    def objection(self, person: Principal, name: str, arguments: object) -> str | None:
        """Why the policy would refuse this call as things stand, in words for the person; None when it would not.

        For a page that says so before somebody tries. Asks and runs nothing; the call itself is decided anew.
        """
        with self._database.read() as db:
            principal, tool = live(db, person), find(name)
            resource = tool.resource(db, principal, tool.validate(arguments))
            decision = self._policy.is_allowed(principal=principal, action=tool.permission, resource=resource)
            return None if decision.allowed else for_person(db, principal, name, decision)

    def _is_visible(self, db: Session, person: Principal, name: str, arguments: object) -> bool:
        try:
            tool = find(name)
            resource = tool.resource(db, person, tool.validate(arguments))
        except (UnknownTool, InvalidArguments):
            return False
        decision = self._policy.is_allowed(principal=person, action=tool.permission, resource=resource)
        return decision.allowed or decision.code is Code.OVER_LIMIT


def _product_in_words(db: Session, slug: str, chosen: dict[str, str]) -> str | None:
    try:
        product = catalogue.find_product(db, slug)
    except NotThere:
        return None
    colour = _offered(product, "colour", chosen)
    size = _offered(product, "size", chosen)
    return ", ".join(part for part in (f"product {product.slug}", colour, size) if part)


def _offered(product: Product, option: str, chosen: dict[str, str]) -> str | None:
    """The colour or size that the address names, if the product comes in it."""
    wanted = chosen.get(option, "").casefold()
    offered = (str(getattr(variant, option)) for variant in product.variants)
    return next((f"{option} {value}" for value in offered if value.casefold() == wanted), None)
