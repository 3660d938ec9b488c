"""Memory that two processes share: what one puts, the other gets."""

import os
import resource
from collections.abc import Iterator

import pytest

from crawler.parsing.executors.mailbox import NO_PAGE, SLOTS, Mailbox


@pytest.fixture
def both() -> Iterator[tuple[Mailbox, Mailbox]]:
    """A mailbox, and the same as another process has it."""
    one = Mailbox()
    other = Mailbox(os.dup(one._file))
    yield one, other
    one.close()
    other.close()


def test_what_is_put_into_a_slot_is_there_for_the_other(both: tuple[Mailbox, Mailbox]) -> None:
    one, other = both
    contents = [bytes([slot]) * 100_000 for slot in range(SLOTS)]
    puts = [one.put(slot, content) for slot, content in enumerate(contents)]
    assert puts == [100_000] * SLOTS, "only the length goes another way"
    assert [bytes(other.get(slot, put)) for slot, put in enumerate(puts)] == contents


def test_what_is_too_long_for_a_slot_goes_another_way(both: tuple[Mailbox, Mailbox]) -> None:
    one, other = both
    content = b"x" * 5_000_000
    put = one.put(0, content)
    assert put is content
    assert other.get(0, put) is content


def test_the_page_at_work_is_seen_by_the_other(both: tuple[Mailbox, Mailbox]) -> None:
    one, other = both
    assert other.page == NO_PAGE
    other.page = 1 << 40
    assert one.page == 1 << 40


def test_where_files_must_be_small_all_goes_another_way() -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        mailbox = Mailbox()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert mailbox.put(0, b"x") == b"x"
    mailbox.page = 7
    assert mailbox.page == 7
    mailbox.close()
