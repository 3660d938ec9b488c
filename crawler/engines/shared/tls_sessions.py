"""TLS sessions of closed connections, for engines on Python's ssl.

A new connection to the same origin then resumes one: its handshake needs no certificate and no
verification, and in TLS 1.2 one turn less (RFC 8446, 2.2; RFC 5077, 3.1).
"""

import ssl
import threading
from collections import OrderedDict
from typing import TypeAlias

ORIGINS = 2_000
"""Origins whose sessions are kept, those of the last used ones; each session takes about 10 KB."""
_OF_ORIGIN = 4
"""Sessions of an origin. One is used once (RFC 8446, C.4), and it may have several connections."""

SessionOwner: TypeAlias = tuple[ssl.SSLContext, str]
"""The context that made the session, which verifies or does not, and ``host:port`` of the URL.

No other owner may use the session, because a resumed handshake verifies nothing.
"""


class TlsSessions:
    """The sessions by owner. Several threads may use it."""

    def __init__(self, origins: int = ORIGINS) -> None:
        self._most = origins
        self._kept: OrderedDict[SessionOwner, list[ssl.SSLSession]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, owner: SessionOwner, session: ssl.SSLSession | None) -> None:
        """Keep what a connection of ``owner`` had at its end. None cannot be resumed."""
        if session is None or not session.id:  # the server has sent no ticket
            return
        with self._lock:
            sessions = self._kept.setdefault(owner, [])
            self._kept.move_to_end(owner)
            sessions.append(session)
            del sessions[:-_OF_ORIGIN]
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def take(self, owner: SessionOwner) -> ssl.SSLSession | None:
        """Return the last one of ``owner``, and forget it."""
        with self._lock:
            sessions = self._kept.get(owner)
            if sessions is None:
                return None
            taken = sessions.pop()
            if not sessions:
                del self._kept[owner]
            return taken
