"""Resources: the shop's products, and the orders of the person themselves. Each read passes the gateway like a call.

    shop://products/<slug>      shop://orders/<number>      and the widgets that show results (`widgets`)

What is not the person's is answered like what is not there (invariant I10).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from mcp_types import (
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)
from mcp_types.jsonrpc import INVALID_PARAMS

from shop.mcp import refusals, widgets
from shop.mcp.exchange import Exchange, Server
from shop.mcp.wire import ACCESS_REFUSED, RpcError
from shop.principal import Workflow
from shop.tools.outcomes import Code, Denied, Failed, FailureCode, Succeeded
from shop.tools.results.for_model import with_addresses

_JSON = "application/json"
_PAGE, _MOST_ORDERS = 12, 50
_NOT_FOUND_2025 = -32002
"""The code of the handshake's era; 2026-07-28 retired it for `INVALID_PARAMS`."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of resource: the tool that reads it, and what the tool calls its name."""

    tool: str
    argument: str
    template: ResourceTemplate
    is_public: bool = False


KINDS = {
    "products": Kind(
        tool="get_product",
        argument="product",
        is_public=True,
        template=ResourceTemplate(
            name="product",
            title="A product",
            uri_template="shop://products/{product}",
            description="A product in full: description, colours, sizes, prices, stock.",
            mime_type=_JSON,
        ),
    ),
    "orders": Kind(
        tool="get_order",
        argument="number",
        template=ResourceTemplate(
            name="order",
            title="An order of the person",
            uri_template="shop://orders/{number}",
            description="One of the person's own orders: items, prices, address, status.",
            mime_type=_JSON,
        ),
    ),
}
_URI = re.compile(r"shop://(products|orders)/([\w.-]{1,100})", re.ASCII)


def list_templates(
    _server: Server, _exchange: Exchange, _params: PaginatedRequestParams | None
) -> ListResourceTemplatesResult:
    """The two kinds there are."""
    templates = [kind.template for kind in KINDS.values()]
    return ListResourceTemplatesResult(resource_templates=templates, ttl_ms=3_600_000, cache_scope="private")


def list_resources(server: Server, exchange: Exchange, params: PaginatedRequestParams | None) -> ListResourcesResult:
    """A page of products; the first page begins with the person's orders, where the client may see them, and ends with the widgets."""
    offset = _offset(params.cursor if params else None)
    resources = _orders(server, exchange) if offset == 0 and Workflow.READ in exchange.principal.scopes else []
    arguments = {"limit": _PAGE, "in_stock": False, **({"offset": offset} if offset else {})}
    found = _result(server, exchange, "search_products", arguments)
    for product in found["products"]:
        uri = f"shop://products/{product['product']}"
        name, tagline = product["name"], product["tagline"]
        resources.append(Resource(uri=uri, name=product["product"], title=name, description=tagline, mime_type=_JSON))
    if offset == 0:
        resources += widgets.resources(server.settings.base_url)
    seen = offset + len(found["products"])
    more = str(seen) if found["products"] and seen < found["count"] else None
    return ListResourcesResult(resources=resources, next_cursor=more, ttl_ms=60_000, cache_scope="private")


def read_resource(server: Server, exchange: Exchange, params: ReadResourceRequestParams) -> ReadResourceResult:
    """One product or order, in full; or a widget."""
    if widget := widgets.read(params.uri, server.settings.base_url):
        return _for_the_living(server, exchange, widget)
    matched = _URI.fullmatch(params.uri)
    if matched is None:
        raise _not_found(exchange, params.uri)
    kind = KINDS[matched[1]]
    try:
        result = _result(server, exchange, kind.tool, {kind.argument: matched[2]})
    except LookupError:
        raise _not_found(exchange, params.uri) from None
    text = json.dumps(with_addresses(result, server.settings.base_url), ensure_ascii=False, indent=1)
    return ReadResourceResult(
        contents=[TextResourceContents(uri=params.uri, mime_type=_JSON, text=text)],
        ttl_ms=60_000 if kind.is_public else 0,
        cache_scope="public" if kind.is_public else "private",
    )


def _for_the_living(server: Server, exchange: Exchange, widget: ReadResourceResult) -> ReadResourceResult:
    """A widget passes no gateway, for it is nobody's data; a client whose access has ended still gets nothing."""
    refusals.require_alive(server, exchange, "resources/read")
    return widget


def _result(server: Server, exchange: Exchange, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a call returned. Raises `LookupError` for what is not there, or not theirs, and `RpcError` for any other refusal:
    here there is no tool's result that could say it.
    """
    outcome = server.call(exchange, tool, arguments)
    match outcome:
        case Succeeded():
            result: dict[str, Any] = outcome.for_model()["result"]
            return result
        case Denied(code=Code.NOT_FOUND) | Failed(code=Code.NOT_FOUND):
            raise LookupError(tool)
        case Denied(code=Code.SIGNED_OUT):
            raise refusals.signed_out()
        case Failed(code=FailureCode.INVALID_ARGUMENTS):
            raise RpcError(INVALID_PARAMS, outcome.message)
    if isinstance(outcome, Denied) and (workflow := refusals.missing_workflow(exchange, tool, outcome)):
        raise refusals.insufficient(exchange, workflow)
    raise RpcError(ACCESS_REFUSED, str(outcome.for_model().get("message", "This was refused.")))


def _orders(server: Server, exchange: Exchange) -> list[Resource]:
    listed = _result(server, exchange, "list_orders", {"limit": _MOST_ORDERS})
    return [
        Resource(
            uri=f"shop://orders/{order['number']}",
            name=order["number"],
            title=f"Order {order['number']}",
            description=f"{order['summary']}, {order['total']['text']}, {order['status']}",
            mime_type=_JSON,
        )
        for order in listed["orders"]
    ]


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 7):
        raise RpcError(INVALID_PARAMS, "This cursor is not one of ours.")
    return int(cursor)


def _not_found(exchange: Exchange, uri: str) -> RpcError:
    code = INVALID_PARAMS if exchange.is_stateless else _NOT_FOUND_2025
    return RpcError(code, "Resource not found", data={"uri": uri[:200]})
