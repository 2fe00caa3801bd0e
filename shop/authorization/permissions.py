"""Every permission there is, sorted. Grammar: `resource:action`, both plain words.

A permission appears in the policy file (`seed_data/policy/policy.csv`), on exactly the tools and pages that ask for
it, and nowhere else. A test fails for one that no rule mentions.
"""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a rule of the policy can allow."""

    ACCESS_EXPLAIN = "access:explain"
    ADDRESSES_READ = "addresses:read"
    ADDRESSES_WRITE = "addresses:write"
    AGENTS_MANAGE = "agents:manage"
    AUDIT_READ = "audit:read"
    CART_READ = "cart:read"
    CART_WRITE = "cart:write"
    CATALOGUE_READ = "catalogue:read"
    CONVERSATIONS_USE = "conversations:use"
    MEMBERS_READ = "members:read"
    MEMBERS_SUSPEND = "members:suspend"
    ORDERS_CANCEL = "orders:cancel"
    ORDERS_PLACE = "orders:place"
    ORDERS_READ = "orders:read"
    ORDERS_REORDER = "orders:reorder"
