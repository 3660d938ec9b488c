"""Remembers the attempts of entries that wait for a retry, for the next session. Pure."""

from collections.abc import Iterable

import msgspec

from crawler.frontier.entry import Entry
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

    def is_sent(self, entry: Entry) -> bool:
        """Whether the attempt was already made for which ``restore`` returns a ticket."""
        record = self._earlier.get(entry.id)
        return record is not None and record.is_sent

    def waits(self, ticket: EntryTicket, *, is_sent: bool = False) -> None:
        """``ticket`` waits for its next attempt, until ``ticket.since``.

        ``is_sent``: it waits for the judgement of this one.
        """
        number, at = ticket.entry.id, ticket.since
        self._known.add(number)
        self._changed[number] = RetryRecord(number, ticket.attempt, ticket.unanswered, at, is_sent)

    def wait_for_sites(self, unsent: Iterable[Ticket], sent: Iterable[Ticket]) -> None:
        """The tickets wait until their silent sites answer."""
        for ticket in unsent:
            if isinstance(ticket, EntryTicket) and ticket.sent:
                self.waits(ticket)
        for ticket in sent:
            if isinstance(ticket, EntryTicket):
                self.waits(ticket, is_sent=True)

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
