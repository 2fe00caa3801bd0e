"""Organizations, people, memberships, and how people prove who they are.

Owns: the organization (tenant) and its SSO connections, people and memberships, provisioning at first sign-in, the
mapping of the identity provider's groups to roles, the OpenID Connect flow, and asking a provider about somebody who is
not there. Does not own: whether a session is alive (`shop.credentials`) or ending one (`shop.revocation`).

| What | File |
|---|---|
| the flow, step by step | `sign_in.py`, on `oidc.py`; `attempts.py`, `admission.py` |
| what a provider publishes; its keys | `providers.py`, `key_sets.py` |
| proving to it that this is the shop | `credentials.py`, `client_authentication.py` |
| who somebody is, and their groups | `claims.py`, `members.py` |
| why it failed; what works | `failures.py`, `check.py` (`flask sso check`) |
| asking about somebody later | `offline_access.py`, `recheck.py` |

Read next: `sign_in.py`, then `members.py` and `recheck.py`.
"""
