"""I/O wait of a run: sums over its requests, and the exposed part."""

import msgspec

from crawler.metrics.report import IoWait
from crawler.model.exchange import Timing
from crawler.model.units import percent


class WaitSums(msgspec.Struct, frozen=True):
    """Sums over requests, in seconds; those of several sessions can be added.

    ``handshake_s`` is for new connections: TCP, CONNECT or SOCKS of a proxy, and TLS. The kernel
    measured ``by_kernel`` of the ``answers``, the figures of ``unsure`` of them are uncertain, and
    ``total_s`` may be wrong by ``off_s``.
    """

    total_s: float = 0.0
    lookup_s: float = 0.0
    handshake_s: float = 0.0
    naive_s: float = 0.0
    answers: int = 0
    by_kernel: int = 0
    unsure: int = 0
    off_s: float = 0.0

    def io_wait(self, exposed: float) -> IoWait:
        """``exposed``: seconds in which a fetch thread only waited for requests."""
        return IoWait(
            total_s=self.total_s,
            handshake_s=self.lookup_s + self.handshake_s,
            exposed_s=exposed,
            saved_s=max(0.0, self.total_s - exposed),
            overlap=self.total_s / exposed if exposed > 0 else None,
            naive_sum_s=self.naive_s,
            method=self._method(),
        )

    def _method(self) -> str:
        """``kernel``, ``library`` or ``mixed (97 % kernel)``, then how sure the figure is: by what
        share of the total it may be wrong, because streams shared a connection, and for what share
        of the responses it is uncertain.
        """
        if not self.answers:
            return "none"
        name = "kernel" if self.by_kernel else "library"
        if 0 < self.by_kernel < self.answers:
            name = f"mixed ({percent(self.by_kernel / self.answers)} kernel)"
        off = self.off_s / self.total_s if self.total_s else 0.0
        unsure = self.unsure / self.answers
        bound = f", ±{percent(off)}" if off else ""
        return name + bound + (f", {percent(unsure)} uncertain" if unsure else "")


class Waits:
    """Sums of ``Timing``."""

    def __init__(self) -> None:
        self._total = 0.0
        self._lookup = 0.0
        self._handshake = 0.0
        self._naive = 0.0
        self._answers = 0
        self._by_kernel = 0
        self._unsure = 0
        self._off = 0.0

    def add(self, timing: Timing, *, answered: bool) -> None:
        """Add a request. A failed one waited too, but its response was not measured."""
        wait = timing.io_wait
        self._lookup += timing.dns
        self._handshake += timing.connect + timing.tls
        self._total += wait
        # The latency does not contain the lookup, and another clock than that of the wait tells it.
        self._naive += max(timing.dns + timing.total, wait)
        if answered:
            self._answers += 1
            self._by_kernel += timing.method == "kernel"
            self._unsure += not timing.sure
            self._off += timing.off

    def sums(self) -> WaitSums:
        return WaitSums(
            total_s=self._total,
            lookup_s=self._lookup,
            handshake_s=self._handshake,
            naive_s=self._naive,
            answers=self._answers,
            by_kernel=self._by_kernel,
            unsure=self._unsure,
            off_s=self._off,
        )
