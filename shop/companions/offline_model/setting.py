"""What a message is said into: the wishes before it, what became of them, and what was shown."""

from dataclasses import dataclass

from shop.companions.offline_model.clauses import Clause, Intent
from shop.companions.offline_model.conversation import Exchange, Step
from shop.companions.offline_model.memory import CART_CHANGES, EFFECTS, Memory


@dataclass(frozen=True)
class Setting:
    """What a message is said into."""

    before: list[Clause]
    """The complete clauses of the previous message."""
    previous: Exchange | None
    memory: Memory

    @property
    def effects(self) -> list[Step]:
        """What the previous message changed."""
        steps = self.previous.steps if self.previous else []
        return [step for step in steps if step.outcome.succeeded and step.call.name in EFFECTS]

    @property
    def changed_the_cart(self) -> bool:
        """Whether the previous message changed the cart."""
        return any(step.call.name in CART_CHANGES for step in self.effects)

    @property
    def wished(self) -> Clause | None:
        """What was to be added by the previous message, and was not."""
        wishes = () if self.changed_the_cart else self.before
        return next((clause for clause in wishes if clause.intent is Intent.ADD), None)

    @property
    def looked(self) -> bool:
        """Whether the previous message only looked at goods."""
        return bool(self.before) and self.before[-1].intent in LOOKS

    @property
    def of_an_order(self) -> bool:
        """Whether an order is what was spoken of last."""
        return self.memory.focus is not None and self.memory.focus == self.memory.order_number

    @property
    def on_a_product(self) -> bool:
        """Whether the person is on a product's page."""
        return self.memory.page is not None and self.memory.page.kind == "product"


LOOKS = frozenset({Intent.SEARCH, Intent.DETAILS, Intent.COMPARE, Intent.NEXT_PAGE})
"""The intents that only look at goods."""
