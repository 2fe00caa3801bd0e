"""Enterprise-managed authorization: an identity assertion becomes an access token, and no consent screen appears.

The organization decided instead: its identity provider let the client ask for this person, its administrator allowed the
client for everybody, and both bound the scopes. What comes of it is a grant like any other (`by_organization`), so that blocking,
revoking and the audit work as ever. There is no refresh token: whoever was off-boarded gets no new assertion, and with it
nothing within minutes. What the person took back stays so until they sign in to the assistant anew.
"""

from __future__ import annotations

from dataclasses import replace

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidGrantError,
    InvalidScopeError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)
from sqlalchemy import select

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials import fair_locks
from shop.credentials.agents import Agent, agent_of, entry_lock
from shop.credentials.grants import Consent, Grant, living_grant, open_grant, taken_back_at
from shop.credentials.ledger import Authority, lock
from shop.credentials.tokens import family_of
from shop.database import moment
from shop.identity.claims import profile_of
from shop.identity.members import connection_of, identity_lock, provision
from shop.identity.models import ExternalIdentity, Membership, Person
from shop.identity.providers import SignInError
from shop.oauth.authlib_server import OfOurRequest
from shop.oauth.grants.assertion_checks import Asserted, use_up
from shop.oauth.grants.authorization_code import named_resource
from shop.oauth.grants.issuing import Authorized, TokenResponse, authorized, issue, still_allowed
from shop.principal import FIRST_SCOPES


class IdentityAssertionGrant(OfOurRequest, BaseGrant, TokenEndpointMixin):
    """What the identity provider asserts becomes what the organization allows (RFC 7523 §2.1, draft §4.4)."""

    GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

    @property
    def asserted(self) -> Asserted:
        if not isinstance(self.asked.presented, Asserted):
            raise LookupError("the assertion was not read")
        return self.asked.presented

    def validate_token_request(self) -> None:
        """Once, for a client that proves who it is and may do this; for a person of that organization who is a member."""
        asked, asserted, db = self.asked, self.asserted, self.asked.db
        client, organization = asked.authenticated, asserted.provider.organization_id
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("This client is not registered for identity assertions.")
        self._wait_in_line()
        assertion = use_up(db, asserted)
        if assertion is None:
            raise InvalidGrantError(description="The assertion is not taken: it was used before.")
        if asked.parameter("resource"):
            named_resource(asked)
        agent = agent_of(db, organization, client.client_id)
        if agent is None or agent.for_everyone is None:
            raise InvalidGrantError(description="The organization does not allow this client for everybody any more.")
        entry = db.get_one(Authority, agent.id)
        if entry.suspended_at is not None or entry.ended_at is not None:
            raise InvalidGrantError(description="The organization has blocked this client.")
        with db.begin_nested():  # a refusal leaves nothing but itself
            person_id, membership_id = self._member()
            asked.about["person"] = person_id
            self._require_not_taken_back(membership_id, client.client_id)
            self.user = self._authorized(agent, assertion, person_id, membership_id)
            self.scopes = self._scopes(self.user)
        asked.on_behalf_of = self.user.grant.principal()

    def _wait_in_line(self) -> None:
        """Lock what this may change, from the top down, before any of it is read: the person's roles, the client's grant."""
        db, provider = self.asked.db, self.asserted.provider
        organization, client_id = provider.organization_id, self.asked.authenticated.client_id
        # First who it is, so that no other request introduces them between the question for their membership and its lock.
        person = identity_lock(organization, provider.issuer, self.asserted.subject)
        fair_locks.take(db, shared=[organization], exclusive=[person])
        agent = select(Agent.id).where(Agent.organization_id == organization, Agent.client_id == client_id)
        membership = (
            select(Membership.id)
            .join(ExternalIdentity, ExternalIdentity.person_id == Membership.person_id)
            .where(
                Membership.organization_id == organization,
                ExternalIdentity.organization_id == organization,
                ExternalIdentity.issuer == provider.issuer,
                ExternalIdentity.subject == self.asserted.subject,
            )
        )
        changing = [*db.scalars(membership), entry_lock(organization, client_id)]
        fair_locks.take(db, shared=db.scalars(agent), exclusive=changing)

    def create_token_response(self) -> TokenResponse:  # type: ignore[override] # the stub has a str for the body
        """An access token, and no refresh token (draft §4.4.2)."""
        granted = still_allowed(self.asked, self.user, self.scopes)
        family = family_of(self.asked.db, self.user.grant.id, self.asked.issuer.resource)
        answer = issue(self.asked, self.user, family, granted, EventName.TOKEN_ISSUED, renewable=False)
        return 200, answer, self.TOKEN_RESPONSE_HEADER

    def _scopes(self, user: Authorized) -> frozenset[str]:
        """What the client asks for, the provider lets it ask for, and the organization allows: the least of all three
        (MCP profile §7.2.1).
        """
        said, scope = self.asserted.scopes, self.asked.parameter("scope")
        asked_for = frozenset(scope.split()) if scope else said or frozenset(FIRST_SCOPES)
        if not asked_for <= set(self.asked.authenticated.scopes):
            raise InvalidScopeError("The scope names what this client may not ask for.")
        scopes = asked_for & user.principal.scopes & (asked_for if said is None else said)
        if not scopes:
            allowed = ", ".join(sorted(user.principal.scopes))
            raise InvalidScopeError(f"Nothing of what was asked for is allowed. The organization allows: {allowed}.")
        return scopes

    def _member(self) -> tuple[str, str]:
        """The person and their membership, by today's rules of sign-in: known by (organization, issuer, `sub`), never by e-mail.

        A provider that also says address and groups may introduce somebody, and its groups are their roles from now on.
        """
        db, asserted = self.asked.db, self.asserted
        try:
            connection = connection_of(db, asserted.provider, asserted.subject)
            known = db.get(ExternalIdentity, (connection.organization_id, connection.issuer, asserted.subject))
            if asserted.provider.says_all_of(asserted.claims):
                profile = profile_of(asserted.provider, asserted.claims)
                if known and "name" not in asserted.claims:  # what it does not say, it does not change
                    named = db.get_one(Person, known.person_id)
                    profile = replace(profile, name=named.name, given_name=named.given_name)
                person, membership = provision(db, connection, profile)
                return person.id, membership.id
        except SignInError as error:
            raise InvalidGrantError(description=f"The assertion is not taken: {error.text}") from error
        of_known = select(Membership).where(
            Membership.organization_id == connection.organization_id,
            Membership.person_id == (known.person_id if known else None),
        )
        found = db.scalars(of_known).one_or_none()
        if found is None:
            raise InvalidGrantError(description="The person has never signed in here. They do that once, in the shop.")
        return found.person_id, found.id

    def _require_not_taken_back(self, membership_id: str, client_id: str) -> None:
        ended, signed_in = taken_back_at(self.asked.db, membership_id, client_id), self.asserted.signed_in_at
        if ended is not None and (signed_in is None or signed_in <= ended):
            raise InvalidGrantError(
                description="What this client was allowed for the person has ended. The person signs in to it anew first."
            )

    def _authorized(self, agent: Agent, assertion: str, person_id: str, membership_id: str) -> Authorized:
        """The grant, begun or renewed, and its holder alive. What the person took back of it is not given back."""
        asked, db, allowed = self.asked, self.asked.db, agent.for_everyone or []
        lifetime, tools = asked.issuer.settings.grant_lifetime, agent.for_everyone_tools or {}
        found = living_grant(db, membership_id, agent.client_id, by_organization=True)
        before: list[str] | None = None
        if found is None:
            consent = Consent(scopes=frozenset(allowed), risky_tools=tools, redirect_host="")
            grant, authority = open_grant(
                db,
                agent,
                consent,
                membership_id=membership_id,
                person_id=person_id,
                authenticated_by=assertion,
                lifetime=lifetime,
                by_organization=True,
            )
        else:
            grant, authority = found[0], lock(db, found[0].id)
            before = authority.scopes or []
            is_new = set(allowed) - set(grant.offered or ())
            authority.scopes = sorted(set(allowed) & (set(before) | is_new))
            authority.expires_at = moment(db) + lifetime
            grant.risky_tools, grant.offered, grant.authenticated_by = tools, allowed, assertion
            grant.consented_at = moment(db)
        if before != authority.scopes:
            self._record(grant, authority, before)
        db.flush()
        return authorized(asked, grant.id)

    def _record(self, grant: Grant, authority: Authority, before: list[str] | None) -> None:
        facts = {
            "client": grant.client_id,
            "name": self.asked.authenticated.name,
            "connection": self.asserted.provider.connection_id,
            "assertion": grant.authenticated_by,
            "before": before,
            "scopes": authority.scopes,
        }
        name = EventName.GRANT_ASSERTED
        record(self.asked.db, name, principal=grant.principal(), resource=("grant", grant.id), facts=facts)
