"""Look-ups of host names, of which the fetch thread only makes questions and takes answers.

c-ares takes about as much CPU for a look-up as libcurl for a small page. So it works on a thread of
its own, mostly without the interpreter's lock.
"""

import asyncio
from collections.abc import Sequence

from crawler.fetch.addresses import Tell
from crawler.fetch.lookup_thread import LookUpThread
from crawler.model.errors import FailureKind, FetchError


class NameServers:
    """Looks up names for one event loop, any number at a time."""

    def __init__(self, nameservers: Sequence[str]) -> None:
        """``nameservers`` (``ADDRESS:PORT``) replace those of the system."""
        self._nameservers = nameservers
        self._thread: LookUpThread | None = None

    def ask(self, host: str, tell: Tell) -> None:
        """Look up all addresses of ``host``, sorted by c-ares (RFC 6724, 6).

        Calls ``tell`` later, on the running loop.
        """
        loop = asyncio.get_running_loop()
        if self._thread is None:
            try:
                self._thread = LookUpThread(self._nameservers, loop)
            except (OSError, RuntimeError) as error:  # too many open files, or threads
                message = f"{host}: no look-up can be made: {error}"
                loop.call_soon(tell, FetchError(FailureKind.DNS, message))
                return
        self._thread.ask(host, tell)

    def close(self) -> None:
        """End all look-ups without a result. May be called twice."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None
