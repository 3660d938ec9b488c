"""Servers that want a certificate of the client, which the crawler has not."""

import ssl
from pathlib import Path

import pytest
import trustme
from e2e.promises.conftest import Crawled

from crawler.fetch.network import SystemNetwork, mocking
from crawler.testing import Answer, Server

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
"""In 1.2 the alert ends the handshake (RFC 5246, 7.4.6); in 1.3 it follows it (RFC 8446, 4.4.2)."""


class Trusting(SystemNetwork):
    """The real network, and the certificates of one file."""

    def __init__(self, ca_file: Path) -> None:
        super().__init__()
        self._ca_file = str(ca_file)

    @property
    def ca_file(self) -> str:
        return self._ca_file


@pytest.mark.promise("P98")
def test_a_wanted_client_certificate_is_a_tls_failure(
    crawled: Crawled, engine: str, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for version in VERSIONS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = context.maximum_version = version
        with (
            Server(lambda _: Answer(), tls=context) as server,
            mocking(Trusting(tmp_path / "ca.pem")),
        ):
            urls = [server.url(f"/{number}") for number in range(3)]
            run = crawled(
                urls, name=version.name, engine=engine, parse="inline", robots=False, delay=0.0
            )
        assert {each["error"] for each in run.failures.values()} == {"tls"}
        assert set(run.failures) == set(urls)
        for failure in run.failures.values():
            assert "the server" in failure["message"]
            assert "wants a client certificate" in failure["message"]
        assert server.seen == []
