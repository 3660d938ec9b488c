"""How aiohttp opens a connection: what it waits for, and the TLS session that it resumes."""

import socket
import ssl
import time
from contextvars import ContextVar
from typing import TypeAlias
from weakref import WeakValueDictionary

from crawler.engines.shared.opening import Opening
from crawler.engines.shared.tls_sessions import TlsSessions

ORIGIN = ContextVar("ORIGIN", default="")
"""``host:port`` of the URL that the running task fetches."""


class OpeningSocket(socket.socket):
    """A socket with what its opening waited for, and the TLS sessions of ``origin``."""

    def __init__(
        self, family: int, kind: int, protocol: int, origin: str, sessions: TlsSessions
    ) -> None:
        super().__init__(family, kind, protocol)
        self._begun = time.monotonic()
        self._opening = Opening(self._begun)
        self._origin = origin
        self._sessions = sessions

    def look(self) -> None:
        """Call this before each message of a handshake is sent."""
        self._opening.look(self, time.monotonic())

    def take_session(self, context: ssl.SSLContext) -> ssl.SSLSession | None:
        """Return a session to resume, if there is one."""
        return self._sessions.take((context, self._origin))

    def keep_session(self, tls: ssl.SSLObject) -> None:
        """The connection has ended: a later one may resume its session."""
        self._sessions.keep((tls.context, self._origin), tls.session)

    def opened(self, connected: float) -> tuple[float, float]:
        """Return the seconds waited for TCP, ``connected`` then, and for a proxy and TLS."""
        now = time.monotonic()
        self._opening.look_once(self, now)
        return self._opening.waits(connected - self._begun, now - connected)


Sockets: TypeAlias = WeakValueDictionary[int, OpeningSocket]
OPENED: ContextVar[OpeningSocket] = ContextVar("OPENED")
"""The socket that the current task opened last: a TLS object does not know its transport."""


class Handshake(ssl.SSLObject):
    """Resumes a session, if there is one for this origin.

    Has the kernel's data read at each turn of the handshake, before the reply is sent.
    """

    _has_begun = False

    def do_handshake(self) -> None:
        sock = OPENED.get()
        if not self._has_begun:
            self._has_begun = True
            session = sock.take_session(self.context)
            if session is not None:
                self.session = session
        sock.look()
        super().do_handshake()
