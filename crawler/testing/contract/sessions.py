"""TLS sessions: an engine may resume one, but only for the same host, port and verification."""

import ssl

import pytest

from crawler.engines.base import Engine
from crawler.localweb.connection import Answer
from crawler.testing.contract.base import EngineTests, with_engine
from crawler.testing.contract.helpers import ask

TLS_VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
CLOSING = Answer(headers=(("Connection", "close"),))
"""So that each request needs a new connection."""
_TIMES = 3


class SessionTests(EngineTests):
    """The servers resume every session of theirs, whatever host it was made for."""

    @pytest.mark.parametrize("version", TLS_VERSIONS)
    @with_engine
    async def test_resumption_is_not_claimed_wrongly(
        self, engine: Engine, version: ssl.TLSVersion
    ) -> None:
        server = self.serve(CLOSING, tls=self._context(version))
        for _ in range(_TIMES):
            timing = (await self.page(engine, ask(server, host="shop.example"))).timing
            clause = "Timing.resumed is True only if the server has resumed a TLS session"
            assert server.seen[-1].resumed or not timing.resumed, clause

    @pytest.mark.parametrize("version", TLS_VERSIONS)
    @with_engine
    async def test_a_session_is_used_for_its_host_only(
        self, engine: Engine, version: ssl.TLSVersion
    ) -> None:
        tls = self._context(version)
        servers = self.serve(CLOSING, tls=tls), self.serve(CLOSING, tls=tls)
        for server in servers:
            for host in ("a.example", "b.example"):
                for verify in (True, False):
                    await self.page(engine, ask(server, host=host, verify=verify))
                    clause = "a TLS session is used for its host, port and verification only"
                    assert not server.seen[-1].resumed, f"{clause}: {host}, verify={verify}"

    def _context(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        tls = self.certificates.context("127.0.0.1")
        tls.minimum_version = tls.maximum_version = version
        return tls
