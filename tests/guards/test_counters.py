"""The storages for the library `limits`, on both engines."""

from __future__ import annotations

from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from shop.guards.counters import BufferedCounters, ExactCounters
from tests.guards.minutes import at_full_minute
from tests.support.at_once import at_once
from tests.support.people import ShopUnderTest


def test_no_two_requests_count_as_one(shop: ShopUnderTest) -> None:
    """Of many at the same moment, in transactions of their own, exactly as many pass as the limit says."""
    at_full_minute(shop)
    item = RateLimitItemPerMinute(5, namespace="test")

    def hit() -> bool:
        with shop.database.write() as db:
            return FixedWindowRateLimiter(ExactCounters(db)).hit(item, "somebody")

    assert sorted(at_once([hit] * 8)) == [False] * 3 + [True] * 5


def test_a_window_ends_with_its_minute(shop: ShopUnderTest) -> None:
    """The count begins anew with the next window; the end that callers are told is the window's."""
    at_full_minute(shop)
    with shop.database.write() as db:
        counters = ExactCounters(db)
        assert [counters.incr("a", 60), counters.incr("a", 60), counters.incr("b", 60)] == [1, 2, 1]
        assert counters.get("a") == 2 and counters.get("nobody") == 0
        assert 59 < counters.get_expiry("a") - shop.clock.now.timestamp() <= 60
    shop.clock.pass_by(minutes=1)
    with shop.database.write() as db:
        counters = ExactCounters(db)
        assert counters.get("a") == 0
        assert counters.incr("a", 60) == 1


def test_processes_learn_of_each_other_when_they_flush(shop: ShopUnderTest) -> None:
    """Each process counts its own requests at once, and what others counted after its next flush; nothing is lost or added."""
    at_full_minute(shop)
    one, other = BufferedCounters(shop.database), BufferedCounters(shop.database)
    assert [one.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    assert [other.incr("a", 60) for _ in range(2)] == [1, 2]
    one.flush()
    other.flush()
    assert (one.get("a"), other.get("a")) == (3, 5)
    one.incr("a", 60)
    one.flush()
    assert one.get("a") == 6
    with shop.database.write() as db:
        assert ExactCounters(db).get("a") == 6
    one.flush()  # nothing new
    with shop.database.write() as db:
        assert ExactCounters(db).get("a") == 6
    shop.clock.pass_by(minutes=1)
    assert one.incr("a", 60) == 1
    one.flush()
    assert one.get("a") == 1


def test_counts_are_written_once_however_many_flush(shop: ShopUnderTest) -> None:
    """Requests that are counted while others flush are neither lost nor written twice."""
    at_full_minute(shop)
    counters = BufferedCounters(shop.database)

    def count_and_flush() -> None:
        for _ in range(5):
            counters.incr("a", 60)
            counters.incr("b", 60)
            counters.flush()

    at_once([count_and_flush] * 6)
    counters.flush()
    with shop.database.write() as db:
        assert (ExactCounters(db).get("a"), ExactCounters(db).get("b")) == (30, 30)


def test_memory_holds_living_windows_only(shop: ShopUnderTest) -> None:
    """Strangers with ever new addresses leave nothing in memory once their window is over."""
    at_full_minute(shop)
    counters = BufferedCounters(shop.database)
    for number in range(50):
        counters.incr(f"stranger {number}", 60)
    shop.clock.pass_by(minutes=1)
    counters.incr("a", 60)
    counters.flush()
    assert set(counters._windows) == {"a"}
