"""Refusals that a client can do something about: no token, a dead one, or too few scopes.

A client without a token is told every scope that the tools need, at once: many never ask for more later, whatever they are
answered, and then could not even offer it to their person. (What cannot be undone stays unticked on the consent page.) One that
lacks some is told all that the operation needs, those it has included, in one challenge: clients that ask again with only the new
one would lose the others. The form depends on who listens. Most clients act on the HTTP
status (401, 403) and the header `WWW-Authenticate`. Hosts that link accounts by a tool's result act on its
`_meta["mcp/www_authenticate"]`. Many do neither, or do it badly: the words say what to do, too.
"""

from __future__ import annotations

from dataclasses import replace

from mcp_types import CallToolResult, TextContent
from werkzeug.exceptions import TooManyRequests

from shop.credentials.ledger import Kind, Lapse, NotAlive
from shop.mcp.exchange import Exchange, Server
from shop.mcp.guest import is_guest
from shop.mcp.wire import ACCESS_REFUSED, AUTHENTICATION_REQUIRED, INSUFFICIENT_SCOPE, TOO_MANY_REQUESTS, RpcError
from shop.oauth.issuer import issuer
from shop.oauth.resource_server import bearer
from shop.principal import CONSENTABLE, Principal, Workflow, in_order
from shop.tools.outcomes import Code, Denied
from shop.tools.registry import TOOLS
from shop.workflow_words import WORDS

_SIGNED_OUT = "The authority that this came with has ended. Connect the assistant again to go on."
_NEEDED = frozenset(tool.workflow for tool in TOOLS.values()) & CONSENTABLE
"""What an assistant can be allowed, as far as any tool asks for it."""


def unauthenticated(error: str | None, description: str | None) -> RpcError:
    """No token, or one that is not good here: 401, with where to get one and all that the tools may need."""
    return RpcError(
        AUTHENTICATION_REQUIRED,
        description or "Sign in first: this needs an access token.",
        status=401,
        headers={"WWW-Authenticate": bearer.challenge(error, description, in_order(_NEEDED))},
    )


def too_often(refused: TooManyRequests) -> RpcError:
    """More requests than a limit lets through: 429, with the seconds after which it goes on (RFC 6585 §4)."""
    return RpcError(
        TOO_MANY_REQUESTS,
        refused.description or "",
        status=429,
        headers={"Retry-After": str(refused.retry_after)},
    )


def require_alive(server: Server, exchange: Exchange, method: str) -> Exchange:
    """The exchange with the authority that its principal has now. Raises `RpcError`: what is answered without a tool."""
    return replace(exchange, principal=alive(server, exchange.principal, method))


def alive(server: Server, principal: Principal, method: str) -> Principal:
    """A principal with the authority that it has now; a refusal is recorded. Raises `RpcError`."""
    try:
        return server.gateway.enquiries.alive(principal, f"/mcp {method}")
    except NotAlive as why:
        raise lapsed(why) from None


def lapsed(why: NotAlive) -> RpcError:
    """An authority that is not alive. What signing in again would not change gets no challenge, or clients would loop."""
    if why.lapse in {Lapse.PAUSED, Lapse.SUSPENDED} or why.kind in {Kind.AGENT, Kind.ORGANIZATION, Kind.MEMBERSHIP}:
        return RpcError(ACCESS_REFUSED, "This assistant may not act for this person now.", status=403)
    return unauthenticated("invalid_token", _SIGNED_OUT)


def signed_out() -> RpcError:
    """The gateway found the authority dead."""
    return unauthenticated("invalid_token", _SIGNED_OUT)


def missing_workflow(exchange: Exchange, tool: str, outcome: Denied) -> Workflow | None:
    """The workflow that a client could ask its person for, so that the call goes through; None when that would not help.

    A token that names the scope already is held back by its person or organization. A guest lacks a person at all.
    """
    workflow: Workflow | None
    if outcome.code is Code.CONSENT_NEEDED:
        workflow = outcome.decision.workflow
    elif outcome.code is Code.NOT_PERMITTED and is_guest(exchange.principal):
        workflow = TOOLS[tool].workflow
    else:
        return None
    return workflow if workflow not in exchange.principal.scopes else None


def challenge(exchange: Exchange, workflow: Workflow) -> tuple[str, str]:
    """The challenge that asks for a workflow, and the same in words."""
    words = f"This needs the person's permission to {WORDS[workflow].for_client} (scope `{workflow}`)."
    if is_guest(exchange.principal):
        return bearer.challenge(None, words, in_order(_NEEDED)), words
    words = f"{words} They allow it, or see who decides, at {issuer().url}/assistants; a refresh then brings it."
    scopes = in_order({*exchange.principal.scopes, workflow})
    return bearer.challenge("insufficient_scope", words, scopes), words


def insufficient(exchange: Exchange, workflow: Workflow) -> RpcError:
    """Too few scopes, told by the HTTP answer."""
    header, words = challenge(exchange, workflow)
    code, status = (AUTHENTICATION_REQUIRED, 401) if is_guest(exchange.principal) else (INSUFFICIENT_SCOPE, 403)
    return RpcError(code, words, status=status, headers={"WWW-Authenticate": header})


def insufficient_as_result(exchange: Exchange, workflow: Workflow) -> CallToolResult:
    """Too few scopes, told by a tool's result."""
    header, words = challenge(exchange, workflow)
    return CallToolResult(content=[TextContent(text=words)], is_error=True, _meta={"mcp/www_authenticate": [header]})
