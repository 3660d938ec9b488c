"""One exchange, from a URL: what the engine is asked for."""

import asyncio

import pytest

from crawler.fetch.fetcher import Fetcher
from crawler.fetch.headers import RequestHeaders
from crawler.model.exchange import Endpoint, Request, Response, Timing


class Known:
    """A resolver that took ``lookup_s`` to find a host."""

    def __init__(self, lookup_s: float) -> None:
        self._found = Endpoint("192.0.2.1", "192.0.2.1", 80, lookup_s)

    def cached(self, host: str, port: int) -> Endpoint | None:
        return None

    async def resolve(self, host: str, port: int) -> Endpoint:
        return self._found

    async def close(self) -> None:
        """Nothing is open."""


class Recorder:
    """An engine that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    async def fetch(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(200, (), b"", Timing())


@pytest.mark.promise("P20")
@pytest.mark.parametrize(("lookup", "left"), [(0.0, 10.0), (4.0, 6.0), (10.5, 0.001)])
def test_the_lookup_time_is_part_of_the_timeout(lookup: float, left: float) -> None:
    engine = Recorder()
    fetcher = Fetcher(engine, Known(lookup), RequestHeaders(()), 10.0, 1000)  # type: ignore[arg-type]
    asyncio.run(fetcher.fetch("http://a.example/"))
    assert [request.timeout for request in engine.asked] == [pytest.approx(left)]
