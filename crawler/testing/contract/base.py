"""What every test of the contract has: the engine under test, servers, and certificates."""

import asyncio
import functools
import inspect
import ssl
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

import pytest
import uvloop

from crawler.engines.base import Capabilities, Engine, EngineOptions
from crawler.localweb.certificates import Certificates
from crawler.localweb.connection import Answer, BeforeBody, Handler, read_at_once
from crawler.localweb.server import Server
from crawler.model.exchange import Request, Response
from crawler.testing.contract import helpers
from crawler.testing.contract.helpers import FetchOutcome

_LOOPBACK = ("127.0.0.1",)
_SLOTS = 4
_Tests = TypeVar("_Tests", bound="EngineTests")
_Given = ParamSpec("_Given")


class EngineTests:
    """The base of all tests of the contract. See ``EngineContract``."""

    differences: ClassVar[Mapping[str, str]] = {}
    grace: ClassVar[float] = helpers.GRACE

    def __init_subclass__(cls) -> None:
        for name, reason in cls.differences.items():
            if not hasattr(cls, name.partition("[")[0]):
                raise TypeError(f"{cls.__qualname__}.differences: there is no test {name!r}")
            if not reason:
                raise TypeError(f"{cls.__qualname__}.differences: {name!r} needs a reason")

    def make_engine(self, options: EngineOptions) -> Engine:
        """Return the engine under test, not entered. A subclass must define this."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _set_up_contract(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
        for name in (request.node.name, request.node.originalname):
            if name in self.differences:
                pytest.skip(self.differences[name])
        self.folder = tmp_path
        self.certificates = Certificates(tmp_path / "ca.pem")
        self.options = EngineOptions(1, ca_file=str(tmp_path / "ca.pem"))
        self.capabilities: Capabilities = self.make_engine(self.options).capabilities
        self.slots = min(_SLOTS, self.capabilities.max_concurrency or _SLOTS)
        self.servers = ExitStack()
        with self.servers:
            yield

    def engine(self, concurrency: int = _SLOTS) -> Engine:
        """Create the engine under test, with ``concurrency`` slots if it can have so many."""
        concurrency = min(concurrency, self.slots)
        return self.make_engine(EngineOptions(concurrency, ca_file=self.options.ca_file))

    def serve(
        self,
        answer: Handler | Answer,
        scheme: str = "http",
        *,
        tls: ssl.SSLContext | None = None,
        addresses: Sequence[str] = _LOOPBACK,
        handshake_delay: float = 0.0,
        accept: bool = True,
        before_body: BeforeBody = read_at_once,
    ) -> Server:
        """Start a server with a handler or one fixed answer; it ends with the test.

        With https, its certificate is good for every name that a request has, unless ``tls`` is
        another one. Skips the test if the machine does not have the ``addresses``.
        """
        if scheme == "https" and tls is None:
            tls = self.certificates.context("127.0.0.1")
        server = Server(
            _handler(answer),
            addresses=addresses,
            tls=tls,
            handshake_delay=handshake_delay,
            accept=accept,
            before_body=before_body,
        )
        try:
            return self.servers.enter_context(server)
        except OSError as error:
            if addresses == _LOOPBACK:
                raise
            pytest.skip(f"this machine cannot serve {' and '.join(addresses)}: {error}")

    def untrusted(self) -> ssl.SSLContext:
        """Certificates for every name, of an authority that the engine does not know."""
        return Certificates(self.folder / "untrusted.pem").context("127.0.0.1")

    def need_two_slots(self) -> None:
        if self.slots == 1:
            pytest.skip("its capabilities say max_concurrency=1")

    async def outcome(self, engine: Engine, request: Request) -> FetchOutcome:
        return await helpers.outcome(engine, request, self.grace)

    async def page(self, engine: Engine, request: Request) -> Response:
        return await helpers.page(engine, request, self.grace)

    async def afterwards(self, engine: Engine, request: Request) -> FetchOutcome:
        return await helpers.afterwards(engine, request, self.grace)


def on_loop(
    test: Callable[Concatenate[_Tests, _Given], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[_Tests, _Given], None]:
    """Run an async test on an event loop of its own, so that pytest needs no plugin for it."""

    @functools.wraps(test)
    def run(self: _Tests, /, *args: _Given.args, **given: _Given.kwargs) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(test(self, *args, **given))
            finally:
                self.servers.close()  # the loop waits for its threads, and they for a server

    return run


def with_engine(
    test: Callable[Concatenate[_Tests, Engine, _Given], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[_Tests, _Given], None]:
    """The same for a test that needs one engine: it is entered before, and left after the test."""

    async def entered(self: _Tests, /, *args: _Given.args, **given: _Given.kwargs) -> None:
        async with self.engine() as engine:
            try:
                await test(self, engine, *args, **given)
            finally:
                self.servers.close()  # so that nothing the test has left delays the engine's end

    run = on_loop(functools.wraps(test)(entered))
    # pytest reads the signature, and must not look for a fixture "engine".
    signature = inspect.signature(test)
    seen = [each for name, each in signature.parameters.items() if name != "engine"]
    run.__signature__ = signature.replace(parameters=seen)  # type: ignore[attr-defined]
    return run


def _handler(answer: Handler | Answer) -> Handler:
    return (lambda _: answer) if isinstance(answer, Answer) else answer
