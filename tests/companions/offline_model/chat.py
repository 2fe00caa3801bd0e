"""A person who talks to the offline model about a small shop, over the SDK or straight at its decision."""

import json
from functools import cache
from typing import Any

import httpx2
from openai import OpenAI

from shop.companions.offline_model import create_wsgi_app
from shop.companions.offline_model.conversation import Call
from shop.companions.offline_model.plan import decide
from tests.companions.offline_model.fake_shop import FakeShop, Json, tool_schemas


@cache
def sdk_client() -> OpenAI:
    """The real SDK, reaching the model in this process."""
    http_client = httpx2.Client(transport=httpx2.WSGITransport(app=create_wsgi_app(clock=lambda: 1_700_000_000)))
    return OpenAI(api_key="unused", base_url="http://model.invalid/v1", max_retries=0, http_client=http_client)


class Chat:
    """One conversation: keeps the input items, runs the loop of calls, and remembers the calls of the last turn.

    `page` is the page of the shop that the person is on, in the words of the page context, or empty.
    """

    def __init__(self, shop: FakeShop, *tools: str, page: str = "") -> None:
        self.shop = shop
        self.page = page
        self.items: list[Json] = []
        self.calls: list[tuple[str, Json]] = []
        self.tools = tool_schemas(*tools)

    def say(self, text: str) -> str:
        """The person says something; returns the assistant's final words."""
        self.calls = []
        if self.page:
            on_page = f"The person is on this page of the shop: {self.page}."
            self.items.append({"type": "message", "role": "developer", "content": on_page})
        self.items.append({"type": "message", "role": "user", "content": text})
        return self._run()

    def decide(self, outcome: Json | None = None, call: Json | None = None) -> str:
        """The person decided on the last call (or `call`): it comes again with what came of it; the turn goes on."""
        self.calls = []
        last = call or next(item for item in reversed(self.items) if item["type"] == "function_call")
        outcome = outcome or self.shop.call(last["name"], json.loads(last["arguments"]), confirmed=True)
        self._append(last, outcome)
        return self._run()

    def _run(self) -> str:
        for _ in range(24):
            step = self._next_step()
            if isinstance(step, str):
                self.items.append({"type": "message", "role": "assistant", "content": step})
                return step
            self.calls.append((step.name, step.arguments))
            call = {"type": "function_call", "name": step.name, "arguments": json.dumps(step.arguments)}
            self._append(call, self.shop.call(step.name, step.arguments))
        raise AssertionError(f"The model never comes to an end: {self.calls}")

    def _next_step(self) -> Call | str:
        """What the model does next, straight from its decision, without a wire."""
        return decide(self.items, {tool["name"]: tool["parameters"] for tool in self.tools})

    def _append(self, call: Json, outcome: Json) -> None:
        call_id = f"call_{len(self.items)}"
        self.items.append(call | {"call_id": call_id})
        self.items.append({"type": "function_call_output", "call_id": call_id, "output": json.dumps(outcome)})


class ChatOverTheWire(Chat):
    """The same, through the SDK and the model's HTTP."""

    @staticmethod
    def responses() -> Any:
        """The SDK's resource. Its parameter types are unions of dozens of classes; here plain JSON goes over its wire."""
        return sdk_client().responses

    def _next_step(self) -> Call | str:
        response = self.responses().create(model="offline-1", input=self.items, tools=self.tools, store=False)
        item = response.output[0]
        if item.type == "message":
            return str(response.output_text)
        return Call(item.name, json.loads(item.arguments))
