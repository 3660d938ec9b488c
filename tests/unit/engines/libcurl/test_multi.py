"""libcurl's multi interface on an event loop, with each way to watch its sockets."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from unittest.mock import create_autospec

import pycurl
import pytest
from support.sockets import hello

from crawler.engines.libcurl.multi import Multi
from crawler.engines.libcurl.sockets import Sockets
from crawler.engines.libcurl.watching import (
    Act,
    EpollWatcher,
    IsNew,
    LoopWatcher,
    MakeWatcher,
    Watcher,
)
from crawler.testing import Answer, Seen, Server

WATCHERS = [EpollWatcher, LoopWatcher]


@pytest.fixture(params=WATCHERS, ids=lambda watcher: watcher.__name__)
async def multi(request: pytest.FixtureRequest) -> AsyncIterator[Multi]:
    make: MakeWatcher = request.param
    found = Multi(Sockets(), make)
    yield found
    found.close()


def transfer(url: str) -> tuple[pycurl.Curl, BytesIO]:
    curl, body = pycurl.Curl(), BytesIO()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.WRITEDATA, body)
    curl.setopt(pycurl.NOSIGNAL, 1)
    return curl, body


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_many_transfers_at_once_each_with_its_own_body(multi: Multi) -> None:
    with Server(hello) as server:
        transfers = [transfer(server.url(f"/{n}")) for n in range(150)]
        await asyncio.gather(*(multi.perform(curl) for curl, _ in transfers))
    bodies = [body.getvalue() for _, body in transfers]
    assert bodies == [b"hello /%d" % n for n in range(150)]


async def test_a_kept_connection_is_used_again(multi: Multi) -> None:
    with Server(hello) as server:
        for n in range(3):
            curl, body = transfer(server.url(f"/{n}"))
            await multi.perform(curl)
            assert body.getvalue() == b"hello /%d" % n
            assert curl.getinfo(pycurl.NUM_CONNECTS) == (n == 0)


async def test_a_refused_connection_is_an_error(multi: Multi) -> None:
    curl, _ = transfer("http://127.0.0.1:1/")
    with pytest.raises(pycurl.error) as caught:
        await multi.perform(curl)
    assert caught.value.args[0] == pycurl.E_COULDNT_CONNECT


async def test_a_timeout_of_libcurl_is_on_time_although_its_first_timer_was_longer(
    multi: Multi,
) -> None:
    """A long timer is set first: a shorter one must not wait for it."""
    with Server(lambda _: Answer(latency=60)) as server:
        long, _ = transfer(server.url("/long"))
        long.setopt(pycurl.TIMEOUT_MS, 50_000)
        waiting = asyncio.create_task(multi.perform(long))
        await asyncio.sleep(0)
        short, _ = transfer(server.url("/short"))
        short.setopt(pycurl.TIMEOUT_MS, 200)
        with pytest.raises(pycurl.error) as caught:
            await asyncio.wait_for(multi.perform(short), 20)
        assert caught.value.args[0] == pycurl.E_OPERATION_TIMEDOUT
        assert short.getinfo(pycurl.TOTAL_TIME) < 10
        waiting.cancel()


async def test_a_cancelled_transfer_frees_its_handle_at_once(multi: Multi) -> None:
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow_first(seen: Seen) -> Answer:
        loop.call_soon_threadsafe(arrived.set)
        return Answer(body=b"late", latency=60 if seen.target == "/slow" else 0)

    with Server(slow_first) as server:
        curl, body = transfer(server.url("/slow"))
        task = asyncio.create_task(multi.perform(curl))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        curl.setopt(pycurl.URL, server.url("/fast"))
        await multi.perform(curl)
        assert body.getvalue() == b"late"


async def test_close_ends_what_is_in_flight_and_watches_nothing_more(multi: Multi) -> None:
    before = open_descriptors()
    with Server(lambda _: Answer(latency=60)) as server:
        tasks = [asyncio.create_task(multi.perform(transfer(server.url("/"))[0])) for _ in range(5)]
        await asyncio.sleep(0)
        multi.close()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended)
    assert open_descriptors() <= before


@pytest.mark.parametrize("make", WATCHERS)
async def test_what_the_loop_found_before_the_close_is_ignored(make: MakeWatcher) -> None:
    """Not every event loop forgets it when the reader is removed."""
    loop = create_autospec(asyncio.AbstractEventLoop, instance=True)
    made: list[Watcher] = []

    def on_that_loop(_: asyncio.AbstractEventLoop, act: Act, is_new: IsNew) -> Watcher:
        made.append(make(loop, act, is_new))
        return made[0]

    multi = Multi(Sockets(), on_that_loop)
    one, other = socket.socketpair()
    with one, other:
        made[0].watch(pycurl.POLL_INOUT, one.fileno(), None, None)
        multi.close()
        for call in (*loop.add_reader.call_args_list, *loop.add_writer.call_args_list):
            _, callback, *args = call.args
            callback(*args)


class Events:
    """What an EpollWatcher tells of a pair of sockets, of which it watches ours."""

    def __init__(self, new: set[int]) -> None:
        self.queue: asyncio.Queue[list[tuple[int, int]]] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self.watcher = EpollWatcher(loop, self.queue.put_nowait, new.__contains__)
        self.ours, self.theirs = socket.socketpair()
        self.fd = self.ours.fileno()

    def watch(self, what: int) -> None:
        self.watcher.watch(what, self.fd, None, None)

    def replace(self) -> None:
        """Close our end; another socket gets its number."""
        old = self.ours, self.theirs
        self.ours, self.theirs = socket.socketpair()
        os.dup2(self.ours.fileno(), self.fd)
        self.ours.close()
        old[0].detach()
        old[1].close()
        self.ours = socket.socket(fileno=self.fd)

    async def next(self) -> list[tuple[int, int]]:
        """The next event of a descriptor that is watched."""
        while not (found := await asyncio.wait_for(self.queue.get(), 10)):
            pass
        return found

    def close(self) -> None:
        self.watcher.close()
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def new() -> set[int]:
    """The descriptors of connections that are being made."""
    return set()


@pytest.fixture
async def events(new: set[int]) -> AsyncIterator[Events]:
    found = Events(new)
    yield found
    found.close()


@pytest.mark.parametrize("before", [pycurl.POLL_IN, pycurl.POLL_OUT])
async def test_a_descriptor_that_was_closed_without_a_word_is_watched_again(
    events: Events, new: set[int], before: int
) -> None:
    events.watch(before)
    events.watch(pycurl.POLL_REMOVE)
    events.replace()
    new.add(events.fd)
    events.watch(pycurl.POLL_IN)
    events.theirs.send(b"x")
    assert await events.next() == [(events.fd, pycurl.CSELECT_IN)]


async def test_between_two_requests_a_connection_has_no_events(events: Events) -> None:
    events.watch(pycurl.POLL_IN)
    events.watch(pycurl.POLL_REMOVE)
    events.theirs.send(b"x")
    assert await asyncio.wait_for(events.queue.get(), 10) == []
    await asyncio.sleep(0.01)
    assert events.queue.empty(), "the loop does not turn for it"
    events.watch(pycurl.POLL_IN)
    assert await events.next() == [(events.fd, pycurl.CSELECT_IN)]
