"""Every table of the shop: whoever creates, upgrades or compares a database needs them all, whatever else is imported."""

from __future__ import annotations

from shop.approvals import receipts as _receipts  # noqa: F401
from shop.audit import chain as _chain  # noqa: F401
from shop.audit import denial_windows as _denial_windows  # noqa: F401
from shop.conversations import models as _conversations  # noqa: F401
from shop.credentials import agents as _agents  # noqa: F401
from shop.credentials import delegations as _delegations  # noqa: F401
from shop.credentials import grants as _grants  # noqa: F401
from shop.credentials import sessions as _sessions  # noqa: F401
from shop.credentials import tokens as _tokens  # noqa: F401
from shop.database import Base
from shop.guards import counters as _counters  # noqa: F401
from shop.identity import credentials as _client_keys  # noqa: F401
from shop.identity import offline_access as _offline_access  # noqa: F401
from shop.oauth import client_authentication as _used_assertions  # noqa: F401
from shop.oauth import signing_keys as _signing_keys  # noqa: F401
from shop.oauth.clients import client as _clients  # noqa: F401
from shop.oauth.endpoints import consent_request as _consent_request  # noqa: F401
from shop.oauth.grants import assertion_checks as _assertion_checks  # noqa: F401
from shop.oauth.grants import authorization_code as _authorization_code  # noqa: F401
from shop.store import catalogue as _catalogue  # noqa: F401  # with the search index

METADATA = Base.metadata
"""What the models declare."""
