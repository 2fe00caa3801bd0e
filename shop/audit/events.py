"""The event vocabulary. Grammar: `thing.past_participle`. An event that is not here cannot be written.

Each name says when it fires; the audit view and the documentation test read these texts.
"""

from __future__ import annotations

from enum import StrEnum


class EventName(StrEnum):
    """Every audit event, sorted."""

    def __new__(cls, value: str, fires: str) -> EventName:
        member = str.__new__(cls, value)
        member._value_ = value
        member.fires = fires
        return member

    fires: str
    """When the event is written."""

    ACCESS_DENIED = (
        "access.denied",
        "A page or action outside the tools was refused: by the policy, or since what it came with (a session, a token, a "
        "question, a request's state) is not theirs, not there, or not good any more.",
    )
    AGENT_ALONE_CHANGED = (
        "agent.alone_changed",
        "An administrator let a client act with no human present, and answers for it; or ended that, with its tokens.",
    )
    AGENT_BLOCKED = (
        "agent.blocked",
        "An administrator blocked a client for the whole organization; all its grants there ended.",
    )
    AGENT_CEILING_CHANGED = (
        "agent.ceiling_changed",
        "An administrator changed what a client may do for anybody in the organization at most.",
    )
    AGENT_EVERYONE_CHANGED = (
        "agent.everyone_changed",
        "An administrator changed what a client may do for everybody in the organization without each being asked.",
    )
    AGENT_FIRST_SEEN = "agent.first_seen", "A client was let in by somebody of the organization for the first time."
    AGENT_TAKEN_IN = (
        "agent.taken_in",
        "An administrator put a client into the organization's inventory before anybody had used it.",
    )
    AGENT_UNBLOCKED = "agent.unblocked", "An administrator lifted the block of a client. Nothing that ended comes back."
    APPROVAL_APPROVED = (
        "approval.approved",
        "The person confirmed a receipt; the pinned call ran in the same transaction.",
    )
    APPROVAL_DECLINED = "approval.declined", "The person answered a receipt with 'not now'."
    APPROVAL_OPENED = "approval.opened", "The person opened the page of a receipt that an external assistant asked for."
    APPROVAL_REFUSED = "approval.refused", "Somebody tried to decide a receipt who may not, or that is no longer open."
    APPROVAL_VOIDED = (
        "approval.voided",
        "A receipt lost its force: what it showed changed, it expired, or authority ended.",
    )
    ASSISTANT_PAUSED = (
        "assistant.paused",
        "A person paused their assistants: every assistant call is refused until lifted.",
    )
    ASSISTANT_RESUMED = "assistant.resumed", "A person lifted the pause of their assistants."
    ASSISTANTS_RELEASED = "assistants.released", "An administrator let all assistants of the organization go on."
    ASSISTANTS_STOPPED = (
        "assistants.stopped",
        "An administrator stopped all assistants of the organization: every call of theirs is refused until lifted.",
    )
    AUDIT_VIEWED = (
        "audit.viewed",
        "Somebody other than its person opened a conversation's audit view or an organization's trail.",
    )
    AUTHORIZATION_REFUSED = (
        "authorization.refused",
        "A client sent a person to the authorization endpoint with a request that was refused.",
    )
    AUTHORIZATION_CODE_REPLAYED = (
        "authorization_code.replayed",
        "A code was presented a second time; everything that it had led to died.",
    )
    CATALOGUE_IMPORTED = "catalogue.imported", "Foreign goods were brought into the catalogue by the command for it."
    CLIENT_REGISTERED = "client.registered", "A client was registered, by the operator or by itself."
    CLIENT_REGISTRATION_REFUSED = (
        "client.registration_refused",
        "A client tried to register itself with metadata that is not accepted, or too often.",
    )
    CONNECTION_MOVED = (
        "connection.moved",
        "An organization's sign-in was configured for another identity provider: all that came of the old one ended.",
    )
    CONSENT_GRANTED = "consent.granted", "A person allowed a workflow to the assistant in one conversation."
    CONSENT_WITHDRAWN = "consent.withdrawn", "A person took a workflow back from the assistant in one conversation."
    CONVERSATION_DELETED = (
        "conversation.deleted",
        "A person deleted a conversation: its words are gone from their view and from every model; this record stays.",
    )
    CONVERSATION_EXPORTED = "conversation.exported", "A person downloaded a conversation of theirs."
    CONVERSATION_RENAMED = "conversation.renamed", "A person gave a conversation another title."
    CONVERSATION_STARTED = (
        "conversation.started",
        "A conversation began: a person's, or the first call of one in an external assistant.",
    )
    DELEGATION_ENDED = "delegation.ended", "An assistant's authority in a conversation ended with what it hung on."
    DELEGATION_STARTED = (
        "delegation.started",
        "An assistant got authority in a conversation, linked to its predecessor if there was one.",
    )
    DENIALS_COUNTED = (
        "denials.counted",
        "A minute is over in which more was refused than has events of its own: how many, of which kind.",
    )
    GRANT_ASSERTED = (
        "grant.asserted",
        "An organization's identity provider let an assistant in that its administrator allows for everybody: nobody was asked.",
    )
    GRANT_CONSENTED = (
        "grant.consented",
        "A person let an external assistant in, or changed what it may do.",
    )
    GRANT_DENIED = "grant.denied", "A person, or their organization's rules, refused an external assistant."
    GRANT_NARROWED = (
        "grant.narrowed",
        "A person took some workflows back from an external assistant that keeps the others.",
    )
    GRANT_RECOGNIZED = (
        "grant.recognized",
        "A token of the external authorization server let an assistant in for a person, or brought it more than before.",
    )
    GRANT_REVOKED = (
        "grant.revoked",
        "What a person allowed to external assistants ended, with all tokens and open receipts below.",
    )
    GRANT_WIDENED = (
        "grant.widened",
        "A person allowed an external assistant more on their own page, without its having asked.",
    )
    MEMBERSHIP_PROVISIONED = "membership.provisioned", "A person signed in for the first time and became a member."
    MEMBERSHIP_RESTORED = "membership.restored", "An administrator lifted a suspension."
    MEMBERSHIP_ROLES_CHANGED = "membership.roles_changed", "The groups of the identity provider now map to other roles."
    MEMBERSHIP_SUSPENDED = (
        "membership.suspended",
        "An administrator suspended a member; everything below the membership ended.",
    )
    MESSAGE_EDITED = (
        "message.edited",
        "A person said their last message anew; what the earlier one did stays done, what it asked for lapsed.",
    )
    MESSAGE_RECEIVED = "message.received", "A person's message to the assistant was stored, before the model saw it."
    MESSAGE_REFUSED = "message.refused", "A message was refused before a turn began."
    ORDER_CANCELLED = "order.cancelled", "An order was cancelled and its stock returned, in the same transaction."
    ORDER_PLACED = "order.placed", "An order was placed and its stock taken, in the same transaction."
    POLICY_ACTIVATED = "policy.activated", "The shop started with a policy that was not in force before."
    RATE_LIMIT_REACHED = (
        "rate_limit.reached",
        "An address, a person, a client or an organization did something more often than its limit allows: once per window.",
    )
    REFRESH_TOKEN_REUSED = (
        "refresh_token.reused",
        "A refresh token was presented a second time; its whole family of tokens died.",
    )
    SESSION_REVOKED = "session.revoked", "Sessions were ended by somebody's decision other than a plain sign-out here."
    SESSION_SIGNED_OUT = "session.signed_out", "A person signed out in one browser."
    SIGN_IN_CONFIRMED = (
        "sign_in.confirmed",
        "An assistant came for new tokens, and the identity provider of its person still stands by them.",
    )
    SIGN_IN_FAILED = "sign_in.failed", "A sign-in through an identity provider did not succeed."
    SIGN_IN_SUCCEEDED = "sign_in.succeeded", "A person signed in through their organization's identity provider."
    SIGN_IN_WITHDRAWN = (
        "sign_in.withdrawn",
        "An assistant came for new tokens, and the identity provider of its person does not stand by them: all they had ended.",
    )
    SIGNING_KEY_ROTATED = "signing_key.rotated", "Access tokens are signed with a new key from now on."
    TOKEN_EXCHANGED = "token.exchanged", "A client exchanged an access token of its own for a narrower one."
    TOKEN_ISSUED = (
        "token.issued",
        "A client got an access token for a code, for an identity assertion, or for itself with no human present.",
    )
    TOKEN_NARROWED = (
        "token.narrowed",
        "The external authorization server says less of a token than before: it may do no more than that.",
    )
    TOKEN_RECOGNIZED = (
        "token.recognized",
        "A token of the external authorization server was presented for the first time.",
    )
    TOKEN_REFRESHED = "token.refreshed", "A client renewed its access token; the refresh token before is used up."
    TOKEN_REFUSED = "token.refused", "A client got no token: the reason is recorded."
    TOKEN_REVOCATION_REFUSED = (
        "token.revocation_refused",
        "A client came to give back a token that another client holds: somebody has a copy of it.",
    )
    TOKEN_REVOKED = "token.revoked", "A client gave a token back."
    TOOL_CALL_AWAITING_APPROVAL = (
        "tool_call.awaiting_approval",
        "The gateway stopped a call until its person confirms a receipt.",
    )
    TOOL_CALL_DENIED = "tool_call.denied", "The gateway refused a call: credential, scope, role, ownership or limit."
    TOOL_CALL_FAILED = "tool_call.failed", "A call was allowed but could not be done, or could not be understood."
    TOOL_CALL_SUCCEEDED = (
        "tool_call.succeeded",
        "The gateway ran a tool; its effect committed together with this event.",
    )
    TURN_COMPLETED = "turn.completed", "The assistant's turn came to its end."
    TURN_FAILED = "turn.failed", "The assistant's turn ended by an error of the model or its connection."
    TURN_STOPPED = "turn.stopped", "The assistant's turn was stopped by the person, or because authority ended."
