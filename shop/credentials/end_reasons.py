"""Why an authority ended or may not act, and why a running turn was stopped: one list, with what follows from each reason.

The spellings are stored (`authorities.ended_because`, `turns.stop_requested`) and stand in audit events: they never change.
A row may hold a reason of a newer version of this program. `EndReason(stored)` reads that too, with the careful answers: it
ends a running turn, and no administrator's word alone lifts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What is known of a reason. The three sentences are for the person, in three places."""

    session: str = "Your session has ended."
    turn: str = "What this ran under has ended."
    grant: str = "it ended"
    ends_turn: bool = True
    at_once: bool = False
    lifted_by_administrator: bool = False


_UNKNOWN = _Facts()
"""What holds for a reason that this version does not know."""


class EndReason(StrEnum):
    """Why something ended. A new reason needs a line here, and nothing elsewhere."""

    def __new__(cls, spelling: str, facts: _Facts = _UNKNOWN) -> EndReason:
        return cls._of(spelling, facts)

    @classmethod
    def _of(cls, spelling: str, facts: _Facts) -> EndReason:
        reason = str.__new__(cls, spelling)
        reason._value_ = spelling
        reason.for_session, reason.for_turn, reason.for_grant = facts.session, facts.turn, facts.grant
        reason.ends_turn, reason.ends_turn_at_once = facts.ends_turn, facts.at_once
        reason.lifted_by_administrator = facts.lifted_by_administrator
        return reason

    @classmethod
    def _missing_(cls, value: object) -> EndReason | None:
        """A reason that this version does not know keeps its spelling."""
        if not isinstance(value, str):
            return None
        reason = cls._of(value, _UNKNOWN)
        reason._name_ = "OF_ANOTHER_VERSION"
        return reason

    for_session: str
    """On the sign-in page, for the person whose browser session ended."""
    for_turn: str
    """Under an answer that was stopped."""
    for_grant: str
    """Beside an external assistant that was connected once, after the day: no sentence of its own."""
    ends_turn: bool
    """Whether a turn that runs under what ended is stopped: nothing leaves for the model any more (invariant I12)."""
    ends_turn_at_once: bool
    """Whether a call that the answer has begun to propose is not waited for: nobody wants it any more."""
    lifted_by_administrator: bool
    """Whether an administrator's word alone undoes it: it was about the client or about all assistants, not about a person. After
    any other reason, the person has to come back themselves."""

    # What ends a session, and the delegations and turns below it. Some of these end grants too.
    SIGNED_OUT = (
        "signed_out",
        _Facts(session="You signed out in this browser.", turn="The sign-in that this ran under has ended."),
    )
    SIGNED_IN_AGAIN = (
        "signed_in_again",
        _Facts(
            session="You signed in again in this browser.", turn="You signed in again in the browser that this ran in."
        ),
    )
    ENDED_BY_PERSON = (
        "ended_by_person",
        _Facts(session="You ended this session from another one.", turn="You ended the session that this ran under."),
    )
    SIGNED_OUT_EVERYWHERE = (
        "signed_out_everywhere",
        _Facts(
            session="You signed out everywhere.", turn="You signed out everywhere.", grant="you signed out everywhere"
        ),
    )
    SUSPENDED = (
        "suspended",
        _Facts(
            session="Your account was suspended.",
            turn="Your account was suspended.",
            grant="your account was suspended",
        ),
    )
    CONNECTION_MOVED = (
        "connection_moved",
        _Facts(
            session="Your company signs in somewhere else now. Please sign in again.",
            turn="Your company signs in somewhere else now.",
            grant="your company signs in somewhere else now",
        ),
    )
    SIGN_IN_WITHDRAWN = (
        "sign_in_withdrawn",
        _Facts(
            session="Your company's sign-in service ended what you had open here.",
            turn="Your company's sign-in service ended what this ran under.",
            grant="your company's sign-in service ended it",
        ),
    )
    EXPIRED = "expired", _Facts(turn="The sign-in that this ran under has expired.")

    # What ends a conversation's authority, or keeps an assistant from acting.
    CONVERSATION_DELETED = "conversation_deleted", _Facts(turn="You deleted this conversation.")
    PAUSED = "paused", _Facts(turn="Your assistant is paused.")
    STOPPED = (
        "stopped",
        _Facts(turn="Your organization has stopped all assistants.", lifted_by_administrator=True),
    )
    BLOCKED = (
        "blocked",
        _Facts(
            turn="Your organization has blocked this assistant.",
            grant="an administrator blocked it",
            lifted_by_administrator=True,
        ),
    )

    # What ends grants and tokens of external clients only.
    REVOKED_BY_PERSON = "revoked_by_person", _Facts(grant="you revoked it", ends_turn=False)
    NOT_FOR_EVERYONE = (
        "not_for_everyone",
        _Facts(
            grant="your organization no longer allows it for everybody", ends_turn=False, lifted_by_administrator=True
        ),
    )
    NOT_ALONE = "not_alone", _Facts(ends_turn=False)
    REVOKED_BY_CLIENT = "revoked_by_client", _Facts(ends_turn=False)
    CODE_REPLAYED = "code_replayed", _Facts(ends_turn=False)
    REFRESH_TOKEN_REUSED = "refresh_token_reused", _Facts(ends_turn=False)
    ANONYMOUS_BROWSING_OFF = "anonymous_browsing_off", _Facts(ends_turn=False)

    # What stops one turn, and leaves its authority as it is.
    STOPPED_BY_PERSON = "person", _Facts(turn="You stopped it.", at_once=True)
    GIVEN_UP = "given_up", _Facts(at_once=True)
    SHOP_CLOSED = "shop_closed", _Facts(turn="The shop was restarted.")
