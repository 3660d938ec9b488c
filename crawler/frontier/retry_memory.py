"""Remembers the attempts of entries that wait for a retry, for the next session. Pure."""

from collections.abc import Iterable

import msgspec

from crawler.frontier.learned import OVER, RetryRecord
from crawler.frontier.ticket import EntryTicket, Ticket


class RetryMemory:
    """The entries that wait for a retry since an earlier session, and those of this session."""

    def __init__(
        self, records: Iterable[RetryRecord] = (), unix_time: float = 0.0, now: float = 0.0
    ) -> None:
        """It is ``unix_time``, and ``now`` on the monotonic clock."""
        self._earlier = {record.id: record for record in records}
        self._ahead = now - unix_time
        self._known = set(self._earlier)
        self._changed: dict[int, RetryRecord] = {}

    def restore(self, ticket: EntryTicket) -> EntryTicket:
        """Return ``ticket``, the first one of its entry in this session, as it was before."""
        if not self._earlier:
            return ticket
        record = self._earlier.pop(ticket.entry.id, None)
        if record is None:
            return ticket
        return msgspec.structs.replace(
            ticket,
            attempt=record.attempt,
            unanswered=record.unanswered,
            since=max(ticket.since, record.at + self._ahead),
        )

    def waits(self, ticket: EntryTicket) -> None:
        """``ticket`` waits for its next attempt, until ``ticket.since``."""
        number = ticket.entry.id
        self._known.add(number)
        self._changed[number] = RetryRecord(number, ticket.attempt, ticket.unanswered, ticket.since)

    def wait_for_sites(self, tickets: Iterable[Ticket]) -> None:
        """``tickets`` wait until their silent sites answer."""
        for ticket in tickets:
            if isinstance(ticket, EntryTicket) and ticket.sent:
                self.waits(ticket)

    def finish(self, number: int) -> None:
        """The entry with this id is final."""
        if number in self._known:
            self._known.discard(number)
            self._changed[number] = RetryRecord(number, OVER, 0, 0.0)

    def take(self, now: float, unix_time: float) -> list[RetryRecord]:
        """Return what changed since the last call."""
        changed, self._changed = self._changed, {}
        return [
            msgspec.structs.replace(each, at=each.at - now + unix_time) for each in changed.values()
        ]
