"""What waits for the person is decided on a page of the shop, never in a form of the client (invariant I6).

Three ways to bring the person there, the first that the client knows: it is asked to open the page and to call again (a result
`input_required` in 2026-07-28; the error -32042 in 2025-11-25), or the answer carries the link. The link carries no authority:
the page has a sign-in of its own. What the client says of the outcome changes nothing; only the receipt does, so one that
accepts everything gets no further than one that opens the page and closes it.
"""

from __future__ import annotations

from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitationRequiredErrorData,
    ElicitRequest,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.jsonrpc import URL_ELICITATION_REQUIRED

from shop.mcp import request_state
from shop.mcp.exchange import Exchange, Server
from shop.mcp.wire import RpcError
from shop.tools.outcomes import AwaitingApproval
from shop.tools.results import for_hosts

_QUESTION = "approval"
_ASKS = "Open the shop's page to look at this and decide. It shows what will happen, and you sign in there yourself."


def ask(
    server: Server, exchange: Exchange, params: CallToolRequestParams, outcome: AwaitingApproval
) -> CallToolResult | InputRequiredResult:
    """Bring the person to the page of a receipt. A retry while it is still open gets the link: asking again would loop."""
    page = for_hosts.approval_page(outcome.receipt_id, server.settings.base_url)
    if exchange.opens_urls and exchange.is_stateless and params.request_state is None:
        return InputRequiredResult(
            input_requests={_QUESTION: ElicitRequest(params=ElicitRequestURLParams(message=_ASKS, url=page))},
            request_state=request_state.sealed(server, exchange, params, {"receipt": outcome.receipt_id}),
        )
    if exchange.opens_urls and not exchange.is_stateless:
        asked = ElicitRequestURLParams(message=_ASKS, url=page, elicitation_id=outcome.receipt_id)
        data = ElicitationRequiredErrorData(elicitations=[asked]).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        # Many hosts show an error's words and drop its data, so the words name the page too.
        words = f"The person has to decide this on the shop's page: {page}"
        raise RpcError(URL_ELICITATION_REQUIRED, words, data=data)
    return for_hosts.waiting(outcome.receipt_id, server.settings.base_url, dismissed=_is_dismissed(params))


def _is_dismissed(params: CallToolRequestParams) -> bool:
    """Whether the client says that its person closed our question. It changes nothing but the words of the answer."""
    answer = (params.input_responses or {}).get(_QUESTION)
    return isinstance(answer, ElicitResult) and answer.action != "accept"
