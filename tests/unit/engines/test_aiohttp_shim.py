"""Whether aioresponses still needs help to work with the aiohttp that is installed."""

from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses
from support.mocked_aiohttp import Aioresponses, with_writer

URL = "http://shop.example/"
LARGE = bytes(200_000)


@pytest.mark.parametrize(
    ("shimmed", "options"),
    [
        ("add", {"body": b"small"}),
        ("start and stop", {"body": LARGE, "response_class": with_writer(aiohttp.ClientResponse)}),
    ],
)
async def test_the_shim_is_still_needed(shimmed: str, options: dict[str, Any]) -> None:
    with aioresponses() as plain:
        plain.get(URL, **options)
        try:
            works = await fetched() == options["body"]
        except (AssertionError, TypeError):
            works = False
    assert not works, (
        f"plain aioresponses works with aiohttp {aiohttp.__version__}: remove the shim, that is "
        f"{shimmed} of Aioresponses in support/mocked_aiohttp.py"
    )


async def test_the_shim_serves_large_bodies() -> None:
    with Aioresponses() as mocked:
        mocked.get(URL, body=LARGE)
        assert await fetched() == LARGE


async def fetched() -> bytes:
    async with aiohttp.ClientSession() as session, session.get(URL) as response:
        return await response.read()
