"""A connection of the test server over TLS."""

import ssl
from collections.abc import Callable

from crawler.localweb.connection import Connection, Service

_TLS_CHUNK = 64 * 1024


class TlsConnection(Connection):
    """The same over TLS, in memory, so that the handshake can be delayed by ``delay`` seconds."""

    _is_tls = True

    def __init__(self, service: Service, context: ssl.SSLContext, delay: float = 0.0) -> None:
        super().__init__(service)
        self._delay = delay
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._react: Callable[[], None] = self._hello

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self._react()

    def _hello(self) -> None:
        self._react = lambda: None
        self._wait(self._delay, self._handshake)

    def _handshake(self) -> None:
        self._react = self._handshake
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:
            self._flush()
            self._transport.close()
        else:
            self._flush()
            self._is_resumed = bool(self._tls.session_reused)
            self._react = self._read
            self._read()

    def _read(self) -> None:
        try:
            while data := self._tls.read(_TLS_CHUNK):
                super().data_received(data)
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError:
            self._flush()
        self._transport.close()

    def _send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._transport.write(data)

    def _close_cleanly(self) -> None:
        try:
            self._tls.unwrap()
        except ssl.SSLError:  # it wants to wait for the client's close_notify
            self._flush()
