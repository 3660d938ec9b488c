"""What connections were worth to a run: how many were opened, and how often one was used again."""

from crawler.metrics.report import Connections
from crawler.model.exchange import Timing


class ConnectionCount:
    """Counts the requests that got a response, by the connection on which they were sent."""

    def __init__(self) -> None:
        self._opened = self._reused = self._resumed = 0
        self.tls = 0
        """Those of the opened ones that served an https URL, so that they had a TLS handshake."""

    def add(self, url: str, timing: Timing) -> None:
        if timing.reused:
            self._reused += 1
            return
        self._opened += 1
        self._resumed += timing.resumed
        self.tls += url.startswith("https:")

    def close(self) -> Connections:
        return Connections(self._opened, self._reused, self._resumed)
