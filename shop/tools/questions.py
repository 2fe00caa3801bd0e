"""What may be asked of the gateway without running a tool: answers for pages, and what may go to a model again.

Nothing here changes anything, so nothing here is recorded. A question about somebody else's is answered like one about nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from shop.approvals import receipts
from shop.authorization.decisions import Code
from shop.authorization.policy import Policy
from shop.credentials.ledger import live
from shop.database import Database
from shop.principal import EVERY_SCOPE, Principal
from shop.store import carts
from shop.tools.registry import UnknownTool, find
from shop.tools.tool import InvalidArguments


class Questions:
    """The gateway's answers to questions."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self._database, self.policy = database, policy

    def items_in_cart(self, person: Principal) -> int:
        """How many things are in the person's own cart: the number beside the cart on every page."""
        with self._database.read() as db:
            cart = carts.cart_of(db, person.organization, person.subject)
            return sum(line.quantity for line in cart.lines)

    def alive(self, principal: Principal) -> Principal:
        """The principal with the authority it has now: for what an external assistant asks without running a tool.

        Raises `NotAlive`.
        """
        with self._database.read() as db:
            return live(db, principal)

    def receipt(self, person: Principal, receipt_id: str) -> dict[str, Any] | None:
        """What a receipt shows its own person, and where it stands; None for anybody else, as for none."""
        with self._database.read() as db:
            receipt = receipts.find_receipt(db, receipt_id)
            if receipt is None or (receipt.subject, receipt.organization) != (person.subject, person.organization):
                return None
            return receipts.view_of(db, receipt)

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

    def _is_visible(self, db: Session, person: Principal, name: str, arguments: object) -> bool:
        try:
            tool = find(name)
            resource = tool.resource(db, person, tool.validate(arguments))
        except (UnknownTool, InvalidArguments):
            return False
        decision = self.policy.is_allowed(principal=person, action=tool.permission, resource=resource)
        return decision.allowed or decision.code is Code.OVER_LIMIT
