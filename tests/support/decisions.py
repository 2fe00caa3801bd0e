"""What tests of decisions about assistants look at: the page after a press, the stored grant, the record, and the next call."""

from __future__ import annotations

import html
import re
from typing import Any

from sqlalchemy import select

from shop.audit.queries import RecordedEvent
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority
from tests.mcp.host import Host
from tests.support.people import ShopUnderTest, Visitor


def press(visitor: Visitor, path: str, **form: Any) -> str:
    """Send a form, and the page that it leads to, as text."""
    answer = visitor.post(path, **form)
    assert answer.status_code == 303, answer.text
    page = visitor.get(answer.headers["Location"])
    assert page.status_code == 200
    return html.unescape(page.text)


def words_of(page: str) -> str:
    """A page without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def grant_of(host: Host) -> tuple[Grant, Authority]:
    """The stored grant of an assistant, and its row in the ledger."""
    assert host.assistant
    with host.shop.database.read() as db:
        query = select(Grant, Authority).join(Authority, Authority.id == Grant.id)
        row = db.execute(query.where(Grant.client_id == host.assistant.client_id)).one()
        return row[0], row[1]


def latest(shop: ShopUnderTest, organization: str = "acme") -> RecordedEvent:
    """The latest event of an organization's trail."""
    return shop.chain(shop.organization(organization))[-1]


def is_refused(host: Host) -> bool:
    """Whether the assistant's next call is refused: by the endpoint, or by the gateway in words for its person."""
    answer = host.ask("tools/call", {"name": "search_products", "arguments": {"query": "mug"}})
    return answer.status_code in {401, 403} or bool(answer.get_json()["result"].get("isError"))
