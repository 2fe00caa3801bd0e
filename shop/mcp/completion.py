"""`completion/complete`: what a person may mean, while they type. Order numbers are asked for through the gateway."""

from __future__ import annotations

from mcp_types import (
    CompleteRequestParams,
    CompleteResult,
    Completion,
    PromptReference,
    ResourceTemplateReference,
)
from mcp_types.jsonrpc import INVALID_PARAMS

from shop.mcp.exchange import Exchange, Server
from shop.mcp.prompts import PROMPTS
from shop.mcp.resources import KINDS
from shop.mcp.wire import RpcError
from shop.principal import Workflow
from shop.tools.outcomes import Succeeded

_SUGGESTED = {
    ("find_a_gift", "recipient"): ["a colleague", "a new colleague", "a customer", "my manager", "my team"],
    ("find_a_gift", "budget"): ["15", "25", "50", "100"],
}
_MOST = 20


def complete(server: Server, exchange: Exchange, params: CompleteRequestParams) -> CompleteResult:
    """Values that begin with what was typed. Raises `RpcError` for a prompt, template or argument that is not there."""
    typed = params.argument.value[:100]
    where = (_name(params.ref), params.argument.name)
    match where:
        case ("order", "number") | ("order_again", "number"):
            values = _order_numbers(server, exchange)
        case ("product", "product"):
            return _completed(_products(server, exchange, typed))
        case _:
            values = _SUGGESTED.get(where, [])
            if not values:
                raise RpcError(INVALID_PARAMS, "There is nothing to complete under that name.")
    return _completed([value for value in values if value.lower().startswith(typed.lower())])


def _name(ref: PromptReference | ResourceTemplateReference) -> str:
    if isinstance(ref, PromptReference):
        return ref.name if ref.name in PROMPTS else ""
    return next((kind.template.name for kind in KINDS.values() if kind.template.uri_template == ref.uri), "")


def _order_numbers(server: Server, exchange: Exchange) -> list[str]:
    if Workflow.READ not in exchange.principal.scopes:
        return []
    outcome = server.call(exchange, "list_orders", {"limit": _MOST})
    return [order["number"] for order in _items(outcome, "orders")]


def _products(server: Server, exchange: Exchange, typed: str) -> list[str]:
    outcome = server.call(
        exchange, "search_products", {"query": typed.replace("-", " "), "limit": 12, "in_stock": False}
    )
    return [product["product"] for product in _items(outcome, "products")]


def _items(outcome: object, name: str) -> list[dict[str, str]]:
    """A suggestion that cannot be made is none: nobody is asked for more authority while they type."""
    if not isinstance(outcome, Succeeded):
        return []
    items: list[dict[str, str]] = outcome.for_model()["result"][name]
    return items


def _completed(values: list[str]) -> CompleteResult:
    return CompleteResult(completion=Completion(values=values[:_MOST], total=len(values), has_more=len(values) > _MOST))
