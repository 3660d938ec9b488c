"""Finer than the contract: how a path is spelled, and what requests and capabilities say."""

import re

import pytest
from support.engines import LIBRARIES, PROXIES

from crawler.engines.base import Engine
from crawler.localweb.server import Answer
from crawler.model.exchange import Endpoint, Request
from crawler.testing.contract.helpers import ask
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


@pytest.mark.promise("P09")
def test_a_request_verifies_unless_it_says_otherwise() -> None:
    assert Request("", Endpoint("", "", 1), (), 1.0, 1).verify


async def test_capabilities_name_the_supported_proxies(engine: Engine) -> None:
    """conftest.py uses this table to deselect tests with other proxies."""
    assert engine.capabilities.proxies == PROXIES[engine.capabilities.name]
