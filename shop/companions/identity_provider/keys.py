"""The signing key: made on first start, kept in the data directory, used for ID tokens and identity assertions only.

RS256, because OpenID Discovery 1.0 §3 asks every provider to support it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

ALGORITHM = "RS256"


class SigningKey:
    """One RSA key pair with its `kid` (the RFC 7638 thumbprint)."""

    def __init__(self, key: RSAKey) -> None:
        self._key = key
        self.kid = key.thumbprint()

    @classmethod
    def load_or_create(cls, path: Path) -> SigningKey:
        """Read the key file, or make it (mode 0600).

        The file appears whole or not at all (a link to a finished temporary file), and the first of two
        processes that start at once wins.
        """
        if not path.exists():
            fresh = RSAKey.generate_key(2048).as_dict(private=True)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mkstemp makes files with mode 0600
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    json.dump(fresh, file)
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                os.unlink(temporary)
        return cls(RSAKey.import_key(json.loads(path.read_text(encoding="ascii"))))

    def public_jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The JWK Set to publish: public parts only (RFC 7517 §5)."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM}]}

    def sign(self, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
        """A signed JWT with `kid` in its header, and its kind."""
        header = {"alg": ALGORITHM, "kid": self.kid, "typ": typ}
        return jwt.encode(header, dict(claims), self._key, algorithms=[ALGORITHM])

    def read_own(self, token: str, *, issuer: str) -> dict[str, Any] | None:
        """The claims of an ID token that this provider signed, expired or not; `None` for anything else.

        A hint may be old (RP-Initiated Logout 1.0 §2), so `exp` is not looked at. A hint is never authentication.
        """
        try:
            claims: dict[str, Any] = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            return None
        return claims if claims.get("iss") == issuer else None
