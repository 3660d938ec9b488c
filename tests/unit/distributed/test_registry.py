"""Opening workers: what is refused before anything is started, and where nothing answers."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.worker_engines import free_port

from crawler.distributed.engines import reach, registry
from crawler.distributed.engines.registry import open_workers
from crawler.model.errors import StateError, UsageError

ADDRESSES = [
    "dask://127.0.0.1:{port}",
    "tls://127.0.0.1:{port}",
    pytest.param("ray://127.0.0.1:{port}", marks=pytest.mark.long),
    pytest.param("celery+redis://:s3cret@127.0.0.1:{port}/0", marks=pytest.mark.long),
    pytest.param("celery+amqp://u:s3cret@127.0.0.1:{port}", marks=pytest.mark.long),
]


@pytest.mark.parametrize("name", ["dask", "ray", "celery"])
def test_a_missing_package_is_named_with_its_install_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    on = "celery+redis://h/0" if name == "celery" else name
    with pytest.raises(UsageError) as caught:
        open_workers(on)
    assert f"pip install 'simulcrawl[{name}]'" in str(caught.value)


def test_the_number_of_slots_can_be_given_in_two_ways() -> None:
    with open_workers("local:3") as one, open_workers("local", slots=3) as other:
        assert one.slots() == other.slots() == 3
    with pytest.raises(UsageError, match="given twice"):
        open_workers("local:3", slots=3)


def test_an_executor_object_stays_open() -> None:
    with ThreadPoolExecutor(1) as executor:
        with open_workers(executor, slots=5) as workers:
            assert workers.slots() == 5
            assert workers.executor is executor
        assert executor.submit(str).result() == ""
        with pytest.raises(UsageError, match="slots must say"):
            open_workers(executor)


@pytest.mark.parametrize("address", ADDRESSES)
def test_where_nothing_listens_the_message_says_where(address: str) -> None:
    port = free_port()
    with pytest.raises(StateError) as caught, open_workers(address.format(port=port)):
        pytest.fail("it opened")
    assert f"nothing answers at 127.0.0.1:{port} (Connection refused)" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port at which connections are not made, and not refused: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            yield port


def test_a_connection_that_is_not_made_in_time_is_not_waited_for(
    deaf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "TIMEOUT_S", 0.2)
    with (
        pytest.raises(StateError, match=rf"127\.0\.0\.1:{deaf} \(no connection within 0\.2 s\)"),
        open_workers(f"dask://127.0.0.1:{deaf}"),
    ):
        pytest.fail("it opened")
