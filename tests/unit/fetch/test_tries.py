"""Which address of a host is next, and how long it may take to connect."""

import pytest

from crawler.fetch.tries import AddressTries, FailedAddresses, first_limit
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Response, Timing

REFUSED = FetchError(FailureKind.CONNECT, "refused")
LATE = FetchError(FailureKind.TIMEOUT, "late", connected=False)


def endpoint(count: int, lookup_s: float = 0.0) -> Endpoint:
    names = [f"192.0.2.{number}" for number in range(1, count + 1)]
    first, *others = [Endpoint(name, name, 80) for name in names]
    return Endpoint(first.address, first.address, 80, lookup_s, tuple(others))


@pytest.mark.parametrize(
    ("count", "timeout", "limits"),
    [
        (2, 30.0, [3.0, 28.5]),  # the last one has the rest, but for a twentieth
        (3, 30.0, [3.0, 3.0, 28.5]),
        (2, 6.0, [2.0, 5.7]),
        (6, 6.0, [1.0, 1.2, 1.5, 2.0, 2.0, 5.7]),  # many addresses share what is left
    ],
)
def test_an_address_gets_a_third_of_the_timeout_and_three_seconds_at_most(
    count: int, timeout: float, limits: list[float]
) -> None:
    first = endpoint(count)
    tries = AddressTries(first, timeout, 100.0)
    found = [tries.attempt.connect_timeout]
    while tries.fail(REFUSED, 100.0):
        found.append(tries.attempt.connect_timeout)
    assert found == pytest.approx(limits)
    assert first_limit(first, timeout) == pytest.approx(limits[0])


def test_all_addresses_together_have_the_timeout() -> None:
    tries = AddressTries(endpoint(3, lookup_s=1.0), 10.0, 100.0)
    assert tries.attempt.timeout == 9.0
    assert tries.fail(LATE, 103.0)
    assert (tries.attempt.timeout, tries.attempt.endpoint.lookup_s) == (6.0, 1.0)
    assert not tries.fail(LATE, 109.0), "there is no time for the third one"
    assert "192.0.2.2: late; 1 more" in tries.error().message


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ((REFUSED, REFUSED), FailureKind.CONNECT),
        ((REFUSED, LATE), FailureKind.CONNECT),
        ((LATE, REFUSED), FailureKind.CONNECT),
        ((LATE, LATE), FailureKind.TIMEOUT),
    ],
)
def test_the_error_does_not_depend_on_the_order(
    errors: tuple[FetchError, ...], kind: FailureKind
) -> None:
    tries = AddressTries(endpoint(2), 10.0, 0.0)
    for error in errors:
        tries.fail(error, 1.0)
    assert (tries.error().kind, tries.error().connected) == (kind, False)


def test_the_waits_are_part_of_the_timing() -> None:
    tries = AddressTries(endpoint(3), 9.0, 0.0)
    tries.fail(REFUSED, 0.5)
    tries.fail(LATE, 5.0)  # our loop was late: it was to end at 3.5
    timing = tries.timed(Response(200, (), b"", Timing(connect=0.1, total=1.0))).timing
    assert timing.connect == pytest.approx(3.6)
    assert timing.total == pytest.approx(4.5)
    assert not timing.sure


def test_failed_addresses_come_last_and_the_first_to_fail_first() -> None:
    failed = FailedAddresses()
    assert failed.last(("a", "b", "c")) == ("a", "b", "c")
    failed.add("a")
    assert failed.last(("a", "b", "c")) == ("b", "c", "a")
    failed.add("b")
    assert failed.last(("b", "a")) == ("a", "b")
    failed.add("a")
    assert failed.last(("c", "a", "b")) == ("c", "b", "a")


def test_a_family_that_does_not_work_comes_last() -> None:
    """A machine with an IPv6 address, but without a way out by IPv6."""
    failed, both = FailedAddresses(), ("2001:db8::ff", "192.0.2.1")
    for number in range(8):
        assert failed.last(both) == both
        failed.add(f"2001:db8::{number}")
        failed.add(f"2001:db8::{number}")  # an address counts once
    assert failed.last(both) == both[::-1]
    assert failed.last(("2001:db8::fe", "2001:db8::ff")) == ("2001:db8::fe", "2001:db8::ff")
    for number in range(2, 4):
        failed.add(f"192.0.2.{number}")
    assert failed.last(both) == both, "hosts are dead, whatever the family is"
