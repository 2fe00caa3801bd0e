"""Connect your assistant: this shop's address for assistants, and where to type it in each of those that people use.

The steps are those of the assistants' own documentation as of November 2026; their words move faster than this page.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from shop.services import services

pages = Blueprint("connect", __name__)

NAME = "context-and-co"
"""What the shop is called in a configuration."""


@pages.get("/connect")
def page() -> ResponseReturnValue:
    """Every assistant's steps, with this shop's own address filled in."""
    settings = services().settings
    url = f"{settings.base_url}/mcp"
    is_public = not settings.is_loopback and url.startswith("https://")
    return render_template("storefront/connect.html", url=url, is_public=is_public, **_snippets(url))


def _snippets(url: str) -> dict[str, str]:
    """What is copied, as each program reads it."""
    server = {"type": "http", "url": url}
    for_vscode = _compact({"name": NAME, **server})
    cursor_query = urlencode({"name": NAME, "config": base64.b64encode(_compact({"url": url}).encode()).decode()})
    return {
        "claude_code": f"claude mcp add --transport http {NAME} {url}",
        "claude_code_login": f"claude mcp login {NAME}",
        "vscode": json.dumps({"servers": {NAME: server}}, indent=2),
        "vscode_link": f"vscode:mcp/install?{quote(for_vscode)}",
        "cursor": json.dumps({"mcpServers": {NAME: {"url": url}}}, indent=2),
        "cursor_link": f"cursor://anysphere.cursor-deeplink/mcp/install?{cursor_query}",
        "inspector": f"npx @modelcontextprotocol/inspector --server-url {url} --transport http",
    }


def _compact(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
