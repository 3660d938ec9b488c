"""I/O wait of a run: sums over its requests, and the exposed part."""

from crawler.metrics.report import IoWait
from crawler.model.exchange import Timing
from crawler.model.units import percent


class Waits:
    """Sums of ``Timing``."""

    def __init__(self) -> None:
        self.total = 0.0
        self._lookup = 0.0
        self.handshake = 0.0
        """Seconds for new connections: TCP, CONNECT or SOCKS of a proxy, and TLS."""
        self._naive = 0.0
        self._answers = 0
        self._by_kernel = 0
        self._unsure = 0
        self._off = 0.0

    def add(self, timing: Timing, *, answered: bool) -> None:
        """Add a request. A failed one waited too, but its response was not measured."""
        wait = timing.io_wait
        self._lookup += timing.dns
        self.handshake += timing.connect + timing.tls
        self.total += wait
        # The latency does not contain the lookup, and another clock than that of the wait tells it.
        self._naive += max(timing.dns + timing.total, wait)
        if answered:
            self._answers += 1
            self._by_kernel += timing.method == "kernel"
            self._unsure += not timing.sure
            self._off += timing.off

    def close(self, exposed: float) -> IoWait:
        """The sums; ``exposed``: seconds in which the fetch thread only waited for requests."""
        return IoWait(
            total_s=self.total,
            handshake_s=self._lookup + self.handshake,
            exposed_s=exposed,
            saved_s=max(0.0, self.total - exposed),
            overlap=self.total / exposed if exposed > 0 else None,
            naive_sum_s=self._naive,
            method=self._method(),
        )

    def _method(self) -> str:
        """``kernel``, ``library`` or ``mixed (97 % kernel)``, then how sure the figure is: by what
        share of the total it may be wrong, because streams shared a connection, and for what share
        of the responses it is uncertain.
        """
        if not self._answers:
            return "none"
        name = "kernel" if self._by_kernel else "library"
        if 0 < self._by_kernel < self._answers:
            name = f"mixed ({percent(self._by_kernel / self._answers)} kernel)"
        off = self._off / self.total if self._off else 0.0
        unsure = self._unsure / self._answers
        bound = f", ±{percent(off)}" if off else ""
        return name + bound + (f", {percent(unsure)} uncertain" if unsure else "")
