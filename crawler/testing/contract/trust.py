"""https: bad certificates are refused, and verification is off for one request only."""

import ssl

import pytest
from msgspec.structs import replace

from crawler.engines.base import Engine
from crawler.localweb.connection import Answer
from crawler.localweb.faults import Fault
from crawler.model.errors import FailureKind
from crawler.testing.contract.base import EngineTests, with_engine
from crawler.testing.contract.helpers import TRUSTING, ask, must_fail

_BAD = (Fault.EXPIRED, Fault.WRONG_HOST, Fault.SELF_SIGNED, Fault.UNKNOWN_ROOT)
_ONE_REQUEST = "verify=False is for one request only: the next one to a bad certificate"


class TrustTests(EngineTests):
    """https and certificates."""

    @pytest.mark.parametrize("fault", _BAD)
    @with_engine
    async def test_a_bad_certificate_is_refused(self, engine: Engine, fault: Fault) -> None:
        server = self.serve(Answer(), tls=self.certificates.context("shop.example", fault))
        ended = await self.outcome(engine, ask(server, host="shop.example"))
        must_fail(ended, f"a bad certificate ({fault}) without verify=False", FailureKind.TLS)
        assert server.seen == [], "nothing is sent to a server that cannot be trusted"

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    @with_engine
    async def test_a_wanted_client_certificate_is_a_failure(
        self, engine: Engine, version: ssl.TLSVersion
    ) -> None:
        """In TLS 1.3 the handshake has ended by then, so the alert is the first thing to read."""
        tls = self.certificates.context("shop.example")
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.minimum_version = tls.maximum_version = version
        ended = await self.outcome(engine, ask(self.serve(Answer(), tls=tls), host="shop.example"))
        must_fail(ended, "a server that wants a client certificate", FailureKind.TLS)

    @with_engine
    async def test_plain_http_is_not_tried_instead_of_https(self, engine: Engine) -> None:
        server = self.serve(Answer())
        request = ask(server, host="shop.example")
        secure = replace(request, url=request.url.replace("http:", "https:"))
        ended = await self.outcome(engine, secure)
        must_fail(ended, "https at a server without TLS", FailureKind.TLS)
        assert server.seen == [], "a request for https is never sent as plain text"

    @with_engine
    async def test_verification_is_off_for_one_request_only(self, engine: Engine) -> None:
        server = self.serve(Answer(body=b"x"), tls=self.untrusted())
        for _ in range(2):
            refused = await self.outcome(engine, ask(server))
            must_fail(refused, _ONE_REQUEST, FailureKind.TLS)
            ended = await self.outcome(engine, ask(server, verify=False))
            assert ended == (200, b"x"), TRUSTING

    @with_engine
    async def test_verification_is_off_for_one_host_only(self, engine: Engine) -> None:
        server = self.serve(Answer(body=b"x"), tls=self.untrusted())
        trusting = ask(server, host="shop.example", verify=False)
        for host in ("other.example", "shop.example"):
            assert await self.outcome(engine, trusting) == (200, b"x"), TRUSTING
            refused = await self.outcome(engine, ask(server, host=host))
            must_fail(refused, _ONE_REQUEST, FailureKind.TLS)

    @with_engine
    async def test_unverified_connections_are_kept_apart(self, engine: Engine) -> None:
        server = self.serve(Answer(body=b"x"), "https")
        for verify in (True, False, True):
            request = ask(server, host="shop.example", verify=verify)
            assert await self.outcome(engine, request) == (200, b"x"), "a good certificate is good"
        first, unverified, last = (seen.connection for seen in server.seen)
        clause = "a request that verifies uses no connection that was not verified"
        assert unverified not in (first, last), clause
