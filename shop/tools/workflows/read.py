"""The workflow *read*: see what is the person's own, and what may be done. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.queries import latest_of_call
from shop.authorization.conditions import Resource, names
from shop.authorization.decisions import Code
from shop.authorization.not_there import NOT_THERE
from shop.authorization.permissions import Permission
from shop.credentials.ledger import is_paused
from shop.database import moment
from shop.principal import Principal, Workflow
from shop.store import carts, orders
from shop.store.errors import CartEmpty, OutOfStock
from shop.store.models import Order
from shop.tools.permit import Permit
from shop.tools.presentation import Card, InWidget, PersonMay, Presentation, always, no_follow_ups, with_number
from shop.tools.tool import Arguments, tool
from shop.tools.views import widgets
from shop.tools.views.access import AccessView, RefusalView, WorkflowView
from shop.tools.views.amounts import money
from shop.tools.views.carts import AddressList, CartView, address_list, cart_view
from shop.tools.views.orders import OrderList, OrderView, order_summary, order_view
from shop.workflow_words import WORDS

_LATEST_REFUSALS = 3


class Nothing(Arguments):
    """Takes no arguments."""


class ListOrders(Arguments):
    """How far back."""

    limit: int = Field(default=10, ge=1, le=50)


class GetOrder(Arguments):
    """Which order."""

    number: str = Field(min_length=1, max_length=40, description="The order number, for instance CC-7K3MQ2.")


def own_cart(_db: Session, principal: Principal, _arguments: Arguments) -> Resource:
    """The person's cart: there is one, and it is always theirs."""
    return Resource(kind="cart", owner=principal.subject, organization=principal.organization)


def own_orders(_db: Session, principal: Principal, _arguments: Arguments) -> Resource:
    """The person's orders as a whole."""
    return Resource(kind="orders", owner=principal.subject, organization=principal.organization)


def own_addresses(_db: Session, principal: Principal, _arguments: Arguments) -> Resource:
    """The person's address book: their organization's addresses, and their own."""
    return Resource(kind="addresses", owner=principal.subject, organization=principal.organization)


def the_order(db: Session, principal: Principal, arguments: Any) -> Resource:
    """An order by its number, whoever's it is: owner and organization come from the stored row."""
    order = orders.whose(db, arguments.number)
    if order is None:
        return Resource(kind="order", id=arguments.number, exists=False)
    return Resource(kind="order", id=order.number, owner=order.owner, organization=order.organization)


def order_to_change(permit: Permit) -> Order:
    """The order that the permit's call was authorized for, locked until the transaction ends."""
    order = orders.find_order(permit.db, permit.resource.id, for_change=True)
    if order is None:
        raise LookupError("authorized an order that is not there")
    return order


def _after_cart(result: Mapping[str, Any], may: PersonMay) -> list[str]:
    if result.get("lines"):
        return ["Check out"] if may.order else []
    return ["Black hoodies under 60, in L"] if may.fill_cart else []


def _after_orders(result: Mapping[str, Any], _may: PersonMay) -> list[str]:
    return ["Where is my last order?"] if result.get("orders") else []


def _after_order(result: Mapping[str, Any], may: PersonMay) -> list[str]:
    return ["Cancel it"] if result.get("can_cancel") and may.order else []


@tool(
    title="Look into the cart",
    workflow=Workflow.READ,
    permission=Permission.CART_READ,
    resource=own_cart,
    read_only=True,
    presentation=Presentation(
        refusal_verb="look into a cart",
        call_title=always("Looked into your cart"),
        card=Card.CART,
        can_be_undone=False,
        follow_ups=_after_cart,
        in_widget=InWidget(widget=widgets.CART, running="Looking into the cart", done="Looked into the cart"),
        widgets_may_call=True,
    ),
)
def view_cart(permit: Permit, arguments: Nothing) -> CartView:
    """See the person's cart: lines, quantities, prices, total, and the saved addresses an order can go to."""
    return cart_view(permit, carts.cart_of(permit.db, permit.principal.organization, permit.principal.subject))


@tool(
    title="List the orders",
    workflow=Workflow.READ,
    permission=Permission.ORDERS_READ,
    resource=own_orders,
    read_only=True,
    presentation=Presentation(
        refusal_verb="look at orders",
        call_title=always("Looked up your orders"),
        card=Card.ORDERS,
        can_be_undone=False,
        follow_ups=_after_orders,
        in_widget=None,
        widgets_may_call=False,
    ),
)
def list_orders(permit: Permit, arguments: ListOrders) -> OrderList:
    """List the person's own orders, latest first, with number, date, status and total. Somebody who supports the whole
    organization sees all of its orders.
    """
    principal = permit.principal
    everybodys = Resource(kind="orders", organization=principal.organization)
    sees_all = permit.policy.is_allowed(principal=principal, action=Permission.ORDERS_READ, resource=everybodys).allowed
    owner = None if sees_all else principal.subject
    count, latest = orders.orders_of(permit.db, principal.organization, owner, arguments.limit)
    listed = [order_summary(order) for order in latest]
    return OrderList(count=count, orders=listed, whose="organization" if sees_all else "own")


@tool(
    title="Look at an order",
    workflow=Workflow.READ,
    permission=Permission.ORDERS_READ,
    resource=the_order,
    read_only=True,
    presentation=Presentation(
        refusal_verb="look at orders",
        call_title=with_number("Looked up order {number}"),
        card=Card.ORDER,
        can_be_undone=False,
        follow_ups=_after_order,
        in_widget=InWidget(widget=widgets.ORDER, running="Fetching the order", done="Fetched the order"),
        widgets_may_call=True,
    ),
)
def get_order(permit: Permit, arguments: GetOrder) -> OrderView:
    """Get one order by its number: items, prices, address, status, and whether it can still be cancelled."""
    order = orders.find_order(permit.db, permit.resource.id)
    if order is None:
        raise LookupError("authorized an order that is not there")
    return order_view(order, own=order.owner == permit.principal.subject, now=moment(permit.db))


@tool(
    title="List the addresses",
    workflow=Workflow.READ,
    permission=Permission.ADDRESSES_READ,
    resource=own_addresses,
    read_only=True,
    presentation=Presentation(
        refusal_verb="see saved addresses",
        call_title=always("Looked up where to ship to"),
        card=Card.ADDRESSES,
        can_be_undone=False,
        follow_ups=no_follow_ups,
        in_widget=None,
        widgets_may_call=False,
    ),
)
def list_addresses(permit: Permit, arguments: Nothing) -> AddressList:
    """List the saved addresses that an order can go to, by name. Only the person can add or remove one, on the page."""
    return address_list(permit)


@tool(
    title="Explain what is allowed",
    workflow=Workflow.READ,
    permission=Permission.ACCESS_EXPLAIN,
    resource=lambda db, principal, arguments: Resource(kind="access"),
    read_only=True,
    presentation=Presentation(
        refusal_verb="do this",
        call_title=always("Checked what is allowed"),
        card=None,
        can_be_undone=False,
        follow_ups=no_follow_ups,
        in_widget=None,
        widgets_may_call=False,
    ),
)
def what_may_i_do(permit: Permit, arguments: Nothing) -> AccessView:
    """Explain what the person's roles allow, what the assistant may do in this conversation, and why something was
    refused lately. Use it for "what can you do?" and "why not?".
    """
    principal = permit.principal
    limit = principal.order_limit
    return AccessView(
        person="the signed-in person",
        roles=sorted(principal.roles),
        order_limit=money(limit) if limit is not None else None,
        workflows=_workflows(permit),
        paused=is_paused(permit.db, principal),
        refusals=_refusals(permit),
        seen_by=_seen_by(permit),
    )


def _workflows(permit: Permit) -> list[WorkflowView]:
    return [
        WorkflowView(
            workflow=workflow,
            allowed=workflow in permit.principal.scopes,
            means=words.for_model,
            tools=[tool.name for tool in permit.tools.values() if tool.workflow is workflow],
        )
        for workflow, words in WORDS.items()
    ]


def _seen_by(permit: Permit) -> list[str]:
    """Who can read this conversation: its person, and the roles to which the policy shows the organization's audit."""
    roles = sorted(
        rule.role
        for rule in permit.policy.rules
        if rule.permission == Permission.AUDIT_READ and rule.effect == "allow" and "own" not in names(rule.when)
    )
    return ["you", *(f"your organization's {role}s" for role in roles)]


def _refusals(permit: Permit) -> list[RefusalView]:
    """What was refused in this conversation, told as coarsely as when it happened (invariant I10)."""
    if permit.principal.conversation is None:
        return []
    names = (EventName.TOOL_CALL_DENIED, EventName.TOOL_CALL_FAILED)
    events = latest_of_call(permit.db, permit.principal.conversation, names, _LATEST_REFUSALS)
    return [
        RefusalView(
            tool=event.content["facts"]["tool"],
            code=event.content["facts"]["code"],
            message=_COARSE.get(event.content["facts"]["code"], "It could not be done."),
        )
        for event in events
    ]


_COARSE = {
    Code.CONSENT_NEEDED: "It was not allowed in this conversation; the person can allow it.",
    Code.NOT_FOUND: NOT_THERE,
    Code.NOT_PERMITTED: "The person's role does not allow it.",
    OutOfStock.code: "Not enough were left.",
    Code.OVER_LIMIT: "It was over the person's limit for one order.",
    CartEmpty.code: "The cart was empty.",
    Code.PAUSED: "The assistant was paused.",
}
