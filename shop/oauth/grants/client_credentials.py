"""The client credentials grant (RFC 6749 §4.4): an agent of an organization's inventory acts, and no human is present.

It is its own subject (`agt_…`), so that every decision and every event says that nobody asked for this; who answers for it is
its owner, the administrator who let it act alone (`shop.agents`). It never gets *transact*: nobody is there to confirm.
"""

from __future__ import annotations

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError, UnauthorizedClientError
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.credentials.agents import Agent, agents_that_act_alone
from shop.credentials.ledger import Authority, NotAlive, hold, live
from shop.credentials.tokens import new_token
from shop.database import moment
from shop.oauth.grant_types import GrantType
from shop.oauth.grants.refusal_record import KnownParty
from shop.oauth.grants.token_grant import GrantDecision, IssuedToken, TokenGrant
from shop.oauth.responses import refuse
from shop.principal import FIRST_SCOPES


class ClientCredentialsGrant(TokenGrant):
    """A client's own credentials become an access token of its own."""

    grant_type = GrantType.CLIENT_CREDENTIALS
    _agent: Agent
    _row: Authority

    def read(self) -> None:
        """What needs a human is refused by name, whatever else is asked for."""
        if not self.request.parameters.scopes() <= FIRST_SCOPES:
            raise InvalidScopeError(f"Without a human there are these scopes: {', '.join(sorted(FIRST_SCOPES))}.")

    def lock(self, db: Session) -> None:
        """The agent's entry stays as it is while it gets a token."""
        agent = self._agent_that_acts_alone(db)
        self.party = KnownParty(organization=agent.organization_id)
        hold(db, agent.organization_id, agent.id)
        self._agent = agent

    def decide(self, db: Session) -> GrantDecision:
        """Is the agent alive, and what does its organization let it do? It is named by its token, whose row is made first."""
        agent, wanted = self._agent, self.request.parameters.scopes(otherwise=frozenset(FIRST_SCOPES))
        until = moment(db) + self.request.issuer.settings.access_token_lifetime
        self._row = new_token(db, agent.id, wanted, until=until)
        try:
            principal = live(db, agent.principal(self._row.id))
        except NotAlive as lapsed:
            raise InvalidGrantError(description=f"This client may not act now: {lapsed}.") from lapsed
        no_scope_error = InvalidScopeError("The organization allows this client nothing of what was asked for.")
        return GrantDecision(principal=principal, wanted=wanted, grant=None, no_scope_error=no_scope_error)

    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        """A token below the agent's own entry; recorded with who answers for it."""
        self._row.scopes = sorted(granted)
        return IssuedToken(
            row=self._row,
            holder=decision.principal,
            event=EventName.TOKEN_ISSUED,
            facts={"name": self._agent.name, "human_present": False, "owner": self._agent.owner_id},
        )

    def _agent_that_acts_alone(self, db: Session) -> Agent:
        """The entry that lets this client act alone. Where several organizations have one, the request says in which."""
        agents = agents_that_act_alone(db, self.request.client.client_id)
        if named := self.request.parameters.get("organization"):
            agents = [agent for agent in agents if agent.organization_id == named]
        if len(agents) > 1:
            refuse("invalid_request", "Several organizations have this client: name one by the parameter organization.")
        if not agents:
            raise UnauthorizedClientError("No organization lets this client act without a human.")
        return agents[0]
