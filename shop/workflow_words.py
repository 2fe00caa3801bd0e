"""The workflows in words: for a person, for who decides about others, and for a model. The one home of each of these texts.

Pages, the consent screen, the tools and MCP take them from here. The words are fixed; who may do what is decided elsewhere
(`shop.authorization`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shop.principal import Workflow


@dataclass(frozen=True, kw_only=True)
class WorkflowWords:
    """One workflow that an assistant can be allowed, in words. No field has a default."""

    chip: str
    """On its switch above a conversation: "Your assistant may here *buy*"."""
    chip_more: str
    """What follows on the switch where there is room."""
    title: str
    """To a person who decides about their own assistant."""
    covers: str
    """To the same: what it covers."""
    title_for_others: str
    """To an administrator, who decides about other people's assistants."""
    covers_for_others: str
    """To the same: what it covers."""
    question: str
    """In the chat, when a call was refused for lack of it."""
    if_allowed: str
    """Below the question: what would be possible then."""
    for_model: str
    """To a model: what an assistant may do with it, after "may"."""
    for_client: str
    """To an MCP client: what its person's permission is needed for, after "permission to"."""


WORDS: Mapping[Workflow, WorkflowWords] = {
    Workflow.BROWSE: WorkflowWords(
        chip="look",
        chip_more="",
        title="Look around",
        covers="Search the goods, and see products, prices and what is in stock.",
        title_for_others="Look around",
        covers_for_others="Search the goods, and see products, prices and what is in stock.",
        question="May your assistant look around here?",
        if_allowed="It may then look through the catalogue.",
        for_model="look through the catalogue",
        for_client="look through the shop",
    ),
    Workflow.READ: WorkflowWords(
        chip="see orders",
        chip_more="",
        title="See your orders",
        covers="Your cart, your orders and where they are, and what you may do here.",
        title_for_others="See orders",
        covers_for_others="A person's cart, their orders and where they are.",
        question="May your assistant see your orders here?",
        if_allowed="It may then see your cart and your orders, and nobody else's.",
        for_model="see the person's cart and orders",
        for_client="see the person's cart and orders",
    ),
    Workflow.TRANSACT: WorkflowWords(
        chip="buy",
        chip_more=", you confirm",
        title="Buy for you",
        covers="Fill your cart, and prepare orders. Each one waits for you.",
        title_for_others="Buy for people",
        covers_for_others="Fill a person's cart, and prepare orders. Each one waits for its person.",
        question="May your assistant buy here?",
        if_allowed="It may then fill your cart and prepare orders. Nothing is bought until you confirm the receipt.",
        for_model="change the cart, place and cancel orders; the person confirms each order",
        for_client="buy for the person",
    ),
}
"""Of each workflow that an assistant can be allowed (`CONSENTABLE`), from the least to the most."""
