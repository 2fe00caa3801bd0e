"""A company's own identity provider: an OpenID Connect provider with persona cards instead of passwords.

Owns: who works at one demo company (a directory file), the sign-in page, and the protocol that tells the
shop who signed in. Knows nothing of the shop's roles, orders or sessions; the groups that it releases are
the company's, and what they are worth is the shop's business.

One process serves one company. It lets anyone in as anyone, so it refuses to start where others could
reach it, unless a presenter code guards it (`config.py`).

| Step | Route | File | Standard |
|---|---|---|---|
| find the provider | `/.well-known/openid-configuration`, `/jwks` | `metadata.py` | OpenID Discovery 1.0, RFC 7517 |
| ask for a sign-in | `/authorize` | `authorize.py` | OpenID Core §3.1.2, RFC 7636, RFC 9207 |
| pick a person | `/sign-in/…` | `sign_in.py` | the company's own page |
| redeem the code | `/token` | `token.py` | RFC 6749 §4.1.3, RFC 7636 §4.6 |
| ask again when the person is not there | `/token` | `token.py` | RFC 6749 §6, OpenID Core §11, §12 |
| go to another application | `/token` | `token_exchange.py`, `assistants.py` | RFC 8693, ID-JAG §4.3 |
| ask who it is | `/userinfo` | `userinfo.py` | OpenID Core §5.3 |
| sign out | `/end-session` | `end_session.py` | OpenID RP-Initiated Logout 1.0 |

Next: `app.py` puts these together; `python -m shop.companions.identity_provider --help` runs it.
"""

from shop.companions.identity_provider.app import create_app
from shop.companions.identity_provider.config import Client, CrossAppAccess, ProviderConfig, RefusesToStart
from shop.companions.identity_provider.directory import Directory

__all__ = ["Client", "CrossAppAccess", "Directory", "ProviderConfig", "RefusesToStart", "create_app"]
