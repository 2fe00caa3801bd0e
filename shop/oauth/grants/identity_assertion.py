"""Enterprise-managed authorization: an identity assertion becomes an access token, and no consent screen appears.

The organization decided instead: its identity provider let the client ask for this person, its administrator allowed the
client for everybody, and both bound the scopes. What comes of it is a grant like any other (`by_organization`), so that blocking,
revoking and the audit work as ever. There is no refresh token: whoever was off-boarded gets no new assertion, and with it
nothing within minutes. What the person took back stays so until they sign in to the assistant anew.
"""

from __future__ import annotations

from dataclasses import replace

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from sqlalchemy import select
from sqlalchemy.orm import Session

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
from shop.oauth.grant_types import GrantType
from shop.oauth.grants.assertion_checks import VerifiedAssertion, check_claims, use_up, verify_signature
from shop.oauth.grants.person_grants import living_principal, token_of_family
from shop.oauth.grants.refusal_record import KnownParty
from shop.oauth.grants.token_grant import GrantDecision, IssuedToken, TokenGrant
from shop.principal import FIRST_SCOPES, Principal


class IdentityAssertionGrant(TokenGrant):
    """What the identity provider asserts becomes what the organization allows (RFC 7523 §2.1, draft §4.4)."""

    grant_type = GrantType.IDENTITY_ASSERTION
    _assertion: VerifiedAssertion
    _assertion_id: str
    """Our name for it, `jag_…`."""

    def read(self) -> None:
        """Verify the assertion, with the keys of its identity provider."""
        now = self.request.issuer.database.clock()
        provider, token = verify_signature(self.request, now)
        self.party = KnownParty(organization=provider.organization_id, connection=provider.connection_id)
        self._assertion = check_claims(self.request, provider, token, now)

    def lock(self, db: Session) -> None:
        """Lock the person's roles and the client's grant before any of it is read; the assertion is used up."""
        self._wait_in_line(db)
        used = use_up(db, self._assertion)
        if used is None:
            raise InvalidGrantError(description="The assertion is not taken: it was used before.")
        self._assertion_id = used

    def decide(self, db: Session) -> GrantDecision:
        """The person is a member of the organization, which allows this client for everybody."""
        client = self.request.client
        agent = agent_of(db, self._assertion.provider.organization_id, client.client_id)
        if agent is None or agent.for_everyone is None:
            raise InvalidGrantError(description="The organization does not allow this client for everybody any more.")
        if db.get_one(Authority, agent.id).is_suspended_or_ended:
            raise InvalidGrantError(description="The organization has blocked this client.")
        person_id, membership_id = self._member(db)
        self.party = replace(self.party, person=person_id)
        self._require_not_taken_back(db, membership_id)
        grant = self._granted(db, agent, person_id, membership_id)
        principal = living_principal(db, grant)
        return GrantDecision(principal=principal, wanted=self._wanted_scopes(principal), grant=grant)

    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        """An access token, and no refresh token (draft §4.4.2): the client comes again with a new assertion."""
        grant = decision.grant
        if grant is None:
            raise LookupError("an assertion leads to a grant")
        family = family_of(db, grant.id, self.request.issuer.resource)
        return token_of_family(db, self.request, grant, family, granted, EventName.TOKEN_ISSUED)

    def _wait_in_line(self, db: Session) -> None:
        """From the top down: the organization, who the person is, their membership and the client's entry."""
        provider, subject = self._assertion.provider, self._assertion.subject
        organization, client_id = provider.organization_id, self.request.client.client_id
        # First who it is, so that no other request introduces them between the question for their membership and its lock.
        person = identity_lock(organization, provider.issuer, subject)
        fair_locks.take(db, shared=[organization], exclusive=[person])
        agent = select(Agent.id).where(Agent.organization_id == organization, Agent.client_id == client_id)
        membership = (
            select(Membership.id)
            .join(ExternalIdentity, ExternalIdentity.person_id == Membership.person_id)
            .where(
                Membership.organization_id == organization,
                ExternalIdentity.organization_id == organization,
                ExternalIdentity.issuer == provider.issuer,
                ExternalIdentity.subject == subject,
            )
        )
        changing = [*db.scalars(membership), entry_lock(organization, client_id)]
        fair_locks.take(db, shared=db.scalars(agent), exclusive=changing)

    def _wanted_scopes(self, principal: Principal) -> frozenset[str]:
        """What the client asks for, the provider lets it ask for, and the organization allows: the least of all three
        (MCP profile §7.2.1).
        """
        asserted = self._assertion.scopes
        asked = self.request.parameters.scopes(otherwise=asserted or frozenset(FIRST_SCOPES))
        if not asked <= set(self.request.client.scopes):
            raise InvalidScopeError("The scope names what this client may not ask for.")
        scopes = asked & principal.scopes & (asked if asserted is None else asserted)
        if not scopes:
            allowed = ", ".join(sorted(principal.scopes))
            raise InvalidScopeError(f"Nothing of what was asked for is allowed. The organization allows: {allowed}.")
        return scopes

    def _member(self, db: Session) -> tuple[str, str]:
        """The person and their membership, by today's rules of sign-in: known by (organization, issuer, `sub`), never by e-mail.

        A provider that also says address and groups may introduce somebody, and its groups are their roles from now on.
        """
        assertion = self._assertion
        try:
            connection = connection_of(db, assertion.provider, assertion.subject)
            known = db.get(ExternalIdentity, (connection.organization_id, connection.issuer, assertion.subject))
            if assertion.provider.says_all_of(assertion.claims):
                profile = profile_of(assertion.provider, assertion.claims)
                if known and "name" not in assertion.claims:  # what it does not say, it does not change
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

    def _require_not_taken_back(self, db: Session, membership_id: str) -> None:
        ended = taken_back_at(db, membership_id, self.request.client.client_id)
        signed_in = self._assertion.signed_in_at
        if ended is not None and (signed_in is None or signed_in <= ended):
            raise InvalidGrantError(
                description="What this client was allowed for the person has ended. The person signs in to it anew first."
            )

    def _granted(self, db: Session, agent: Agent, person_id: str, membership_id: str) -> Grant:
        """The grant, begun or renewed. What the person took back of it is not given back."""
        allowed, tools = agent.for_everyone or [], agent.for_everyone_tools or {}
        lifetime = self.request.issuer.settings.grant_lifetime
        found = living_grant(db, membership_id, agent.client_id, by_organization=True)
        before: list[str] | None = None
        if found is None:
            grant, authority = open_grant(
                db,
                agent,
                Consent(scopes=frozenset(allowed), risky_tools=tools, redirect_host=""),
                membership_id=membership_id,
                person_id=person_id,
                authenticated_by=self._assertion_id,
                lifetime=lifetime,
                by_organization=True,
            )
        else:
            grant, authority = found[0], lock(db, found[0].id)
            before = authority.scopes or []
            is_new = set(allowed) - set(grant.offered or ())
            authority.scopes = sorted(set(allowed) & (set(before) | is_new))
            authority.expires_at = moment(db) + lifetime
            grant.risky_tools, grant.offered, grant.authenticated_by = tools, allowed, self._assertion_id
            grant.consented_at = moment(db)
        if before != authority.scopes:
            self._record_grant(db, grant, authority, before)
        db.flush()
        return grant

    def _record_grant(self, db: Session, grant: Grant, authority: Authority, before: list[str] | None) -> None:
        facts = {
            "client": grant.client_id,
            "name": self.request.client.name,
            "connection": self._assertion.provider.connection_id,
            "assertion": grant.authenticated_by,
            "before": before,
            "scopes": authority.scopes,
        }
        name = EventName.GRANT_ASSERTED
        record(db, name, principal=grant.principal(), resource=("grant", grant.id), facts=facts)
