"""External assistants: OAuth clients that a person lets in, and that then call the shop with an access token."""

from __future__ import annotations

from dataclasses import dataclass, field

from shop.credentials.grants import Consent, living_grant, note_agent, start_grant
from shop.credentials.ledger import live
from shop.credentials.tokens import new_access_token, start_family
from shop.database import moment
from shop.oauth.access_tokens import mint
from shop.oauth.issuer import Issuer
from tests.support.people import ShopUnderTest, Visitor


@dataclass
class ExternalAssistant:
    """An assistant outside of the shop, with what it was given."""

    shop: ShopUnderTest
    client_id: str
    access_token: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The value of its `Authorization` header."""
        return f"Bearer {self.access_token}"


def connect(
    visitor: Visitor, *scopes: str, client_id: str = "https://assistant.example/client.json"
) -> ExternalAssistant:
    """A signed-in person lets an assistant in, for *browse* and *read* if nothing else is said."""
    issuer: Issuer = visitor.shop.app.extensions["oauth"]
    allowed = frozenset(scopes or ("browse", "read"))
    signer = issuer.keys.signer()
    person = visitor.principal()
    with visitor.shop.database.write() as db:
        person = live(db, person, for_change=True)
        agent, _ = note_agent(
            db, organization_id=person.organization, client_id=client_id, name="An assistant", publisher=None
        )
        consent = Consent(scopes=allowed, risky_tools={}, redirect_host="assistant.example")
        found = living_grant(db, person.membership, client_id)
        grant, _ = found or start_grant(db, person, agent, consent, lifetime=issuer.settings.grant_lifetime)
        family = start_family(db, grant.id, allowed, issuer.resource)
        token = new_access_token(db, family, allowed, lifetime=issuer.settings.access_token_lifetime)
        return ExternalAssistant(visitor.shop, client_id, mint(issuer, signer, grant, token, at=moment(db)))
