"""The limit for connecting, which aiohttp itself does not have."""

import asyncio
import socket

import pytest

from crawler.engines.aiohttp_connect import TaskConnectLimit


async def test_only_the_last_socket_of_a_fetch_is_limited() -> None:
    async with asyncio.timeout(20) as deadline:
        limit = TaskConnectLimit(0.0, deadline)
        one, other = socket.socketpair()
        with one, other:
            with socket.socket() as unconnected:
                limit.opened(unconnected)
            limit.opened(one)
            for _ in range(5):
                await asyncio.sleep(0)
            assert not limit.has_passed
        limit.end()


async def test_a_socket_that_is_not_connected_in_time_ends_the_fetch() -> None:
    with socket.socket() as unconnected, pytest.raises(TimeoutError):
        async with asyncio.timeout(20) as deadline:
            limit = TaskConnectLimit(0.0, deadline)
            limit.opened(unconnected)
            await asyncio.Event().wait()
    assert limit.has_passed
