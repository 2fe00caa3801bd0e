"""The workflow *administer*, as far as it is a tool: a person's own address book, by their own click.

No assistant can be allowed this workflow, so a model can send an order to a saved address and never to a new one.
"""

from __future__ import annotations

from pydantic import Field

from shop.authorization.permissions import Permission
from shop.principal import Workflow
from shop.store import addresses
from shop.tools.permit import Permit
from shop.tools.presentation import Presentation, no_follow_ups
from shop.tools.tool import Arguments, tool
from shop.tools.views.carts import AddressList, address_list
from shop.tools.workflows.read import own_addresses


class SaveAddress(Arguments):
    """Under which name, and the address in one line."""

    name: str = Field(min_length=1, max_length=addresses.LONGEST_NAME)
    text: str = Field(min_length=1, max_length=addresses.LONGEST_TEXT)


class RemoveAddress(Arguments):
    """Which of one's own addresses."""

    name: str = Field(min_length=1, max_length=addresses.LONGEST_NAME)


def _by_click(refusal_verb: str) -> Presentation:
    """Of what a person does on the shop's own pages only: no assistant proposes it, and no chat or host shows it."""
    return Presentation(
        refusal_verb=refusal_verb,
        call_title=None,
        card=None,
        can_be_undone=False,
        follow_ups=no_follow_ups,
        in_widget=None,
        widgets_may_call=False,
    )


@tool(
    title="Save an address",
    workflow=Workflow.ADMINISTER,
    permission=Permission.ADDRESSES_WRITE,
    resource=own_addresses,
    idempotent=True,
    presentation=_by_click("save addresses"),
)
def save_address(permit: Permit, arguments: SaveAddress) -> AddressList:
    """Keep an address of the person's own, beside their organization's; one of this name is replaced."""
    owner = permit.principal
    addresses.save(permit.db, owner.organization, owner.subject, arguments.name, arguments.text)
    return address_list(permit)


@tool(
    title="Remove an address",
    workflow=Workflow.ADMINISTER,
    permission=Permission.ADDRESSES_WRITE,
    resource=own_addresses,
    presentation=_by_click("remove addresses"),
)
def remove_address(permit: Permit, arguments: RemoveAddress) -> AddressList:
    """Forget an address of the person's own. Orders that went there keep it."""
    owner = permit.principal
    addresses.remove(permit.db, owner.organization, owner.subject, arguments.name)
    return address_list(permit)
