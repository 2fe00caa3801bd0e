"""Prompts: a few things that people want from this shop, as a host offers them in its menu."""

from __future__ import annotations

from collections.abc import Mapping

from mcp_types import (
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    TextContent,
)
from mcp_types.jsonrpc import INVALID_PARAMS

from shop.mcp.exchange import Exchange, Server
from shop.mcp.wire import RpcError

_MOST_CHARACTERS = 200
PROMPTS = {
    prompt.name: prompt
    for prompt in (
        Prompt(
            name="find_a_gift",
            title="Find a gift",
            description="Three ideas from the catalogue for somebody.",
            arguments=[
                PromptArgument(name="recipient", description="Who it is for.", required=True),
                PromptArgument(name="budget", description="The most it may cost, in euros."),
            ],
        ),
        Prompt(
            name="order_again",
            title="Order again what I had",
            description="Puts an earlier order together once more; you confirm it on the shop's page.",
            arguments=[PromptArgument(name="number", description="The order's number; the latest one if left out.")],
        ),
        Prompt(
            name="explain_refusal",
            title="Explain what was refused",
            description="What this assistant may do for you, and why something was refused.",
        ),
    )
}


def list_prompts(_server: Server, _exchange: Exchange, _params: PaginatedRequestParams | None) -> ListPromptsResult:
    """The prompts there are."""
    return ListPromptsResult(prompts=list(PROMPTS.values()), ttl_ms=3_600_000, cache_scope="private")


def get_prompt(_server: Server, _exchange: Exchange, params: GetPromptRequestParams) -> GetPromptResult:
    """One prompt with its arguments filled in. Raises `RpcError` for an unknown one, or a missing argument."""
    prompt = PROMPTS.get(params.name)
    if prompt is None:
        raise RpcError(INVALID_PARAMS, f"There is no such prompt. There are: {', '.join(PROMPTS)}.")
    given = {name: " ".join(value.split())[:_MOST_CHARACTERS] for name, value in (params.arguments or {}).items()}
    for argument in prompt.arguments or []:
        if argument.required and not given.get(argument.name):
            raise RpcError(INVALID_PARAMS, f"The prompt {prompt.name} needs the argument {argument.name!r}.")
    message = PromptMessage(role="user", content=TextContent(text=_text(prompt.name, given)))
    return GetPromptResult(description=prompt.description, messages=[message])


def _text(name: str, given: Mapping[str, str]) -> str:
    match name:
        case "find_a_gift":
            budget = f" that costs {given['budget']} euros at the most" if given.get("budget") else ""
            return (
                f"Find a gift for {given['recipient']} in the Context & Co. catalogue{budget}. Show me three ideas, each "
                "with its price and why it fits. Do not put anything into the cart before I choose."
            )
        case "order_again":
            which = f"order {given['number']}" if given.get("number") else "my latest order"
            return (
                f"Look at {which} at Context & Co. and put the same things into my cart, at today's prices. Tell me what "
                "is gone or costs more. Then ask to place the order, and give me the link on which I confirm it."
            )
        case _:
            return (
                "Tell me what you may do for me at Context & Co., what you may not, and why something was refused lately, "
                "in plain words. Say what I, or somebody in my company, could do about it."
            )
