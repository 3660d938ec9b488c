"""Finer than the contract: how a path is spelled, early answers, and what capabilities say."""

import re

import pytest
from msgspec.structs import replace
from support.engines import LIBRARIES, PROXIES

from crawler.engines.base import Engine
from crawler.localweb.server import CLOSE, Answer
from crawler.model.exchange import Endpoint, Request
from crawler.testing.contract.helpers import ask, outcome, script
from crawler.testing.contract.sent import PATHS


@pytest.mark.parametrize("path", PATHS)
async def test_only_libcurl_changes_the_spelling_of_escapes(
    engine: Engine, engine_name: str, serve, path: str
) -> None:
    """It writes them in upper case."""
    server = serve(Answer())
    await engine.fetch(ask(server, path))
    if LIBRARIES[engine_name] == "libcurl":
        path = re.sub("%..", lambda escape: escape[0].upper(), path)
    assert [seen.target for seen in server.seen] == [path]


async def test_an_answer_before_the_body_is_the_answer(engine: Engine, serve) -> None:
    """Only if the library reads before it finds out that it cannot send any more: here it waits."""
    early = script(0.1, b"HTTP/1.1 413 No\r\nContent-Length: 4\r\n\r\nmuch", CLOSE)
    server = serve(Answer(), before_body=lambda _: early)
    request = replace(ask(server), method="POST", body=bytes(5_000_000))
    assert await outcome(engine, request) == (413, b"much")
    assert [seen.method for seen in server.seen] == ["POST"]


@pytest.mark.promise("P09")
def test_a_request_verifies_unless_it_says_otherwise() -> None:
    assert Request("", Endpoint("", "", 1), (), 1.0, 1).verify


async def test_capabilities_name_the_supported_proxies(engine: Engine) -> None:
    """conftest.py uses this table to deselect tests with other proxies."""
    assert engine.capabilities.proxies == PROXIES[engine.capabilities.name]
