"""The client credentials grant (RFC 6749 §4.4): an agent of an organization's inventory acts, and no human is present.

It is its own subject (`agt_…`), so that every decision and every event says that nobody asked for this; who answers for it is
its owner, the administrator who let it act alone (`shop.agents`). It never gets *transact*: nobody is there to confirm.
"""

from __future__ import annotations

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant as AuthlibClientCredentialsGrant

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.agents import Agent, agents_that_act_alone
from shop.credentials.ledger import NotAlive, hold, live
from shop.credentials.tokens import new_token
from shop.database import moment
from shop.oauth.authlib_server import OfOurRequest, refuse
from shop.oauth.clients.client import Client
from shop.oauth.grants.authorization_code import named_resource
from shop.oauth.grants.issuing import told
from shop.principal import FIRST_SCOPES


class ClientCredentialsGrant(OfOurRequest, AuthlibClientCredentialsGrant):
    """A client's own credentials become an access token of its own."""

    def authenticate_token_endpoint_client(self) -> Client:
        # By its secret or its key: the token endpoint takes nothing less for this grant.
        return self.asked.authenticated

    def validate_requested_scope(self) -> None:
        """What needs a human is refused by name, whatever else is asked for."""
        named_resource(self.asked)
        if not set((self.asked.parameter("scope") or "").split()) <= FIRST_SCOPES:
            raise InvalidScopeError(f"Without a human there are these scopes: {', '.join(sorted(FIRST_SCOPES))}.")

    def generate_token(
        self,
        user: None = None,
        scope: str | None = None,
        grant_type: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = False,
    ) -> dict[str, str | int]:
        """A token below the agent's own entry; recorded with who answers for it. Raises `InvalidGrantError`."""
        asked, db = self.asked, self.asked.db
        agent = self._agent()
        asked.concerns = agent.organization_id
        hold(db, agent.organization_id, agent.id)
        until = moment(db) + asked.issuer.settings.access_token_lifetime
        try:
            with db.begin_nested():  # a token of an agent that may not act leaves no row
                token = new_token(db, agent.id, self._wanted(), until=until)
                holder = live(db, agent.principal(token.id))
                granted = holder.scopes & frozenset(asked.authenticated.scopes)
                if not granted:
                    raise InvalidScopeError("The organization allows this client nothing of what was asked for.")
                token.scopes = sorted(granted)
        except NotAlive as lapsed:
            raise InvalidGrantError(description=f"This client may not act now: {lapsed}.") from lapsed
        record(
            db,
            EventName.TOKEN_ISSUED,
            principal=holder,
            resource=("token", token.id),
            outcome="succeeded",
            facts={
                "client": agent.client_id,
                "name": agent.name,
                "scopes": sorted(granted),
                "audience": asked.issuer.resource,
                "human_present": False,
                "owner": agent.owner_id,
            },
        )
        return told(asked, holder, token, also={})

    def _wanted(self) -> frozenset[str]:
        scope = self.asked.parameter("scope")
        return frozenset(scope.split()) if scope else frozenset(FIRST_SCOPES)

    def _agent(self) -> Agent:
        """The entry that lets this client act alone. Where several organizations have one, the request says in which."""
        agents = agents_that_act_alone(self.asked.db, self.asked.authenticated.client_id)
        if named := self.asked.parameter("organization"):
            agents = [agent for agent in agents if agent.organization_id == named]
        if len(agents) > 1:
            refuse("invalid_request", "Several organizations have this client: name one by the parameter organization.")
        if not agents:
            raise UnauthorizedClientError("No organization lets this client act without a human.")
        return agents[0]
