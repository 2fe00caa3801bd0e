"""Why something ended: the stored spellings, and what follows from each reason."""

from __future__ import annotations

import pytest

from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Kind, Lapse, NotAlive

OF_ANOTHER_VERSION = EndReason("left_the_company")


def test_the_spellings_are_the_stored_ones() -> None:
    """What rows and audit events hold never changes: a spelling is added, and none is altered."""
    assert {str(reason) for reason in EndReason} == set(
        [
            "signed_out",
            "signed_in_again",
            "ended_by_person",
            "signed_out_everywhere",
            "suspended",
            "connection_moved",
            "sign_in_withdrawn",
            "expired",
            "conversation_deleted",
            "paused",
            "stopped",
            "blocked",
            "revoked_by_person",
            "not_for_everyone",
            "not_alone",
            "revoked_by_client",
            "code_replayed",
            "refresh_token_reused",
            "anonymous_browsing_off",
            "person",
            "given_up",
            "shop_closed",
        ]
    )
    assert all(EndReason(str(reason)) is reason and len(reason) <= 40 for reason in EndReason)


@pytest.mark.holds("I9", "I12")
def test_a_reason_of_another_version_is_read_with_the_careful_answers() -> None:
    """It keeps its spelling, has words, ends a running turn, and is lifted by no administrator's word alone."""
    reason = OF_ANOTHER_VERSION
    assert (reason, str(reason), reason in set(EndReason)) == ("left_the_company", "left_the_company", False)
    assert reason.for_session and reason.for_turn and reason.for_grant
    assert (reason.ends_turn, reason.ends_turn_at_once, reason.lifted_by_administrator) == (True, False, False)
    with pytest.raises(ValueError, match="is not a valid EndReason"):
        EndReason(7)  # type: ignore[arg-type] # what no column of text holds


def test_what_an_administrators_word_alone_lifts() -> None:
    """Only what was about a client, or about all assistants. Whoever was suspended has to sign in again too."""
    assert {reason for reason in EndReason if reason.lifted_by_administrator} == {
        EndReason.BLOCKED,
        EndReason.NOT_FOR_EVERYONE,
        EndReason.STOPPED,
    }


def test_what_stops_a_turn_at_once() -> None:
    """Nobody waits for the call that an answer has begun, when its person pressed Stop or the turn was given up."""
    assert {reason for reason in EndReason if reason.ends_turn_at_once} == {
        EndReason.STOPPED_BY_PERSON,
        EndReason.GIVEN_UP,
    }
    assert all(reason.ends_turn for reason in EndReason if reason.ends_turn_at_once)


@pytest.mark.parametrize(
    ("lapse", "kind", "because", "reason"),
    [
        (Lapse.ENDED, Kind.SESSION, "signed_out_everywhere", EndReason.SIGNED_OUT_EVERYWHERE),
        (Lapse.ENDED, Kind.GRANT, "left_the_company", OF_ANOTHER_VERSION),
        (Lapse.EXPIRED, Kind.SESSION, None, EndReason.EXPIRED),
        (Lapse.SUSPENDED, Kind.MEMBERSHIP, None, EndReason.SUSPENDED),
        (Lapse.SUSPENDED, Kind.AGENT, None, EndReason.BLOCKED),
        (Lapse.PAUSED, Kind.MEMBERSHIP, None, EndReason.PAUSED),
        (Lapse.PAUSED, Kind.ORGANIZATION, None, EndReason.STOPPED),
        (Lapse.UNKNOWN, Kind.SESSION, None, EndReason("unknown")),
    ],
)
def test_the_reason_of_a_lapse(lapse: Lapse, kind: Kind, because: str | None, reason: EndReason) -> None:
    """An ended row says why; any other state of a row is a reason by itself."""
    assert NotAlive(lapse, kind, "of_somebody", because).reason == reason
