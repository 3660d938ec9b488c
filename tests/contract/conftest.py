"""Fixtures of the contract suites: every engine on uvloop, and servers with certificates."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
import uvloop
from support.engines import ENGINES, PROXIES, build

from crawler.engines.base import Engine, EngineOptions
from crawler.engines.names import AUTO
from crawler.localweb.server import Answer, Handler, Server

NAMES = ("shop.example", "other.example", "127.0.0.1", "127.0.0.5", "::1")
Serve = Callable[..., Server]
MakeEngine = Callable[..., Engine]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], Any]]:
    return {"uvloop": uvloop.new_event_loop}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of proxies whose ``kind`` the engine of their class does not support."""
    unable = [item for item in items if not _is_able(item)]
    if unable:
        config.hook.pytest_deselected(items=unable)
        items[:] = [item for item in items if item not in set(unable)]


def _is_able(item: pytest.Item) -> bool:
    engine = getattr(getattr(item, "cls", None), "engine_name", None)
    kind = item.callspec.params.get("kind") if hasattr(item, "callspec") else None
    return engine is None or kind is None or kind in PROXIES[engine]


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def certificate(ca: trustme.CA) -> ssl.SSLContext:
    """A valid certificate for every name that the tests use."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*NAMES).configure_cert(context)
    return context


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def serve(certificate: ssl.SSLContext) -> Iterator[Serve]:
    """Start servers with a handler or one fixed answer, and ``scheme`` or Server's options."""
    with ExitStack() as stack:

        def start(handler: Handler | Answer, scheme: str = "http", **options: Any) -> Server:
            if scheme == "https":
                options.setdefault("tls", certificate)
            function = (lambda _: handler) if isinstance(handler, Answer) else handler
            return stack.enter_context(Server(function, **options))

        yield start


@pytest.fixture(params=[*ENGINES, AUTO])
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_engine(engine_name: str, ca_file: Path) -> MakeEngine:
    """Create the engine under test; ``sequential`` always gets a concurrency of 1."""

    def make(concurrency: int = 4) -> Engine:
        slots = 1 if engine_name == "sequential" else concurrency
        return build(engine_name, EngineOptions(slots, ca_file=str(ca_file)))

    return make


@pytest_asyncio.fixture
async def engine(make_engine: MakeEngine) -> AsyncIterator[Engine]:
    async with make_engine() as engine:
        yield engine
