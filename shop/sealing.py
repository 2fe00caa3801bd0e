"""Sealing: what must be stored, or handed out and brought back, encrypted and authenticated under SHOP_SECRET_KEY (RFC 7516).

Each purpose has a key of its own, the same in every process. It is derived by PBKDF2, since the secret may be a passphrase:
that takes a moment, once in a process. Signing keys of earlier versions were sealed in another way; they are opened, and nothing
is sealed in it any more (`unseal_as_before`).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

_HEADER = {"alg": "dir", "enc": "A256GCM"}
_ITERATIONS = 100_000
_BEFORE = ["PBES2-HS512+A256KW", "A256GCM"]
"""How earlier versions sealed a signing key: under a key that is derived anew from the secret for each (RFC 7518 §4.8)."""


class NotSealed(Exception):
    """It was not sealed with this secret, for this purpose."""


def seal(secret: str, purpose: str, content: str) -> str:
    """Seal a text for one purpose."""
    return jwe.encrypt_compact(_HEADER, content, _key(secret, purpose))


def unseal(secret: str, purpose: str, sealed: str) -> str:
    """What was sealed for this purpose. Raises `NotSealed`."""
    try:
        opened = jwe.decrypt_compact(sealed, _key(secret, purpose), algorithms=list(_HEADER.values()))
        return (opened.plaintext or b"").decode()
    except (JoseError, ValueError):
        raise NotSealed from None


def unseal_as_before(secret: str, sealed: str) -> str:
    """What an earlier version sealed as a signing key. Raises `NotSealed`."""
    try:
        opened = jwe.decrypt_compact(sealed, OctKey.import_key(secret), _BEFORE)
        return (opened.plaintext or b"").decode()
    except (JoseError, ValueError):
        raise NotSealed from None


def derived_key(secret: str, purpose: str) -> bytes:
    """A key of 256 bits for one purpose, for what is authenticated and not sealed."""
    return _key(secret, purpose).raw_value


@lru_cache(maxsize=16)
def _key(secret: str, purpose: str) -> OctKey:
    return OctKey.import_key(hashlib.pbkdf2_hmac("sha256", secret.encode(), purpose.encode(), _ITERATIONS))
