"""TLS handshakes in memory between a client and a server of Python's ssl."""

import ssl
from contextlib import suppress

import trustme

NAME = "shop.example"
TLS_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_AUTHORITY = trustme.CA()
_TURNS = 4


class Handshakes:
    """Of one client and one server. Each resumes the ``session`` of the one before."""

    def __init__(self, version: ssl.TLSVersion, curve: str | None = None) -> None:
        """``curve`` is the only one that the server accepts for its key share."""
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _AUTHORITY.configure_trust(self.client)
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.minimum_version = self._server.maximum_version = version
        _AUTHORITY.issue_cert(NAME).configure_cert(self._server)
        if curve is not None:
            self._server.set_ecdh_curve(curve)
        self.session: ssl.SSLSession | None = None

    def shake(self) -> list[bytes]:
        """Return what the server sent, one item for each of its turns."""
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        from_client, from_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.client.wrap_bio(
            to_client, from_client, server_hostname=NAME, session=self.session
        )
        server = self._server.wrap_bio(to_server, from_server, server_side=True)
        flights = []
        for _ in range(_TURNS):
            _step(client)
            to_server.write(from_client.read())
            _step(server)
            flights.append(from_server.read())
            to_client.write(flights[-1])
        with suppress(ssl.SSLWantReadError):
            client.read(1)  # the tickets of TLS 1.3
        self.session = client.session
        return [flight for flight in flights if flight]


def _step(side: ssl.SSLObject) -> None:
    with suppress(ssl.SSLWantReadError):
        side.do_handshake()
