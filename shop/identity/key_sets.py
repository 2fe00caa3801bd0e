"""Key sets of others (RFC 7517 §5): a key that cannot be used here is passed over and noted, and the others are used.

Providers publish keys of new kinds beside those that sign today, so one unknown `kty`, `crv`, `use` or `alg` says nothing of its
neighbours. Used by everyone who reads a key set: of an identity provider, an external issuer, or a client.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from shop.settings import SIGNATURES

_SIGN = frozenset({*SIGNATURES, "EdDSA", "Ed25519"})
_KINDS = ("RSA", "EC", "OKP")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PassedOver:
    """A key that is not used: which one, and why, in words for an operator."""

    key: str
    why: str


@dataclass(frozen=True)
class ReadKeys:
    """What a key set holds that can verify a signature, as keys and as they were published, and what was passed over."""

    keys: tuple[Key, ...]
    entries: tuple[dict[str, Any], ...]
    passed_over: tuple[PassedOver, ...]

    def key_set(self) -> KeySet:
        """The keys, for joserfc. Raises `ValueError` when there are none."""
        if not self.keys:
            raise ValueError("the key set holds no key that can verify a signature")
        return KeySet(list(self.keys))


def read_key_set(document: object, *, whose: str) -> ReadKeys:
    """The keys of a key set that verify signatures. `whose` names it in the log. Raises `ValueError` on what is no key set."""
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise ValueError("a key set is an object with a list of keys (RFC 7517 section 5)")
    keys: list[Key] = []
    published: list[dict[str, Any]] = []
    passed_over: list[PassedOver] = []
    for position, entry in enumerate(entries):
        found = _read(entry)
        if isinstance(found, str):
            passed_over.append(PassedOver(_name(entry, position), found))
        else:
            keys.append(found)
            published.append(entry)
    for one in passed_over:
        _log.warning("a key of %s is not used: %s: %s", whose, one.key, one.why)
    return ReadKeys(tuple(keys), tuple(published), tuple(passed_over))


def _read(entry: object) -> Key | str:
    """The key, or why it cannot be used."""
    if not isinstance(entry, dict):
        return "it is not an object"
    kind, use, algorithm = entry.get("kty"), entry.get("use", "sig"), entry.get("alg")
    if kind not in _KINDS:
        return f"its kty is {_shown(kind)}"
    if use != "sig":
        return f"its use is {_shown(use)}"
    if algorithm is not None and algorithm not in _SIGN:
        return f"its alg is {_shown(algorithm)}"
    try:
        (key,) = KeySet.import_key_set({"keys": [entry]}).keys
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        curve = f", its crv is {_shown(entry['crv'])}" if "crv" in entry else ""
        return f"it cannot be read ({type(error).__name__}{curve})"
    return key


def _name(entry: object, position: int) -> str:
    kid = entry.get("kid") if isinstance(entry, dict) else None
    return _shown(kid) if isinstance(kid, str) else f"number {position + 1}"


def _shown(value: object) -> str:
    """A value of somebody else's as part of a log line: short, in one line, and only ASCII."""
    return ascii(value)[:60]
