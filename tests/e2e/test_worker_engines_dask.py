"""Clusters of Dask as people have them: with TLS, without workers, growing, silent."""

import socket
from concurrent.futures import wait
from contextlib import ExitStack
from pathlib import Path

import dask.config
import pytest
import trustme
from support import orders
from support.orders import PATIENCE, order
from support.worker_engines import dask_program, dask_scheduler, running, wait_for_slots

from crawler.distributed.engines import dask as engine
from crawler.distributed.engines import worker_slots
from crawler.distributed.engines.registry import open_workers
from crawler.model.errors import StateError, UsageError

_ENCRYPTED = "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"
"""Without it a scheduler that has certificates does not use them."""
_TLS = "DASK_DISTRIBUTED__COMM__TLS__"


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    """Variables of Dask for certificates of all its parts."""
    authority, folder = trustme.CA(), tmp_path
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca"))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "pem"))
    variables = {_ENCRYPTED: "true", f"{_TLS}CA_FILE": str(folder / "ca")}
    for part in ("CLIENT", "SCHEDULER", "WORKER"):
        variables |= {f"{_TLS}{part}__{each}": str(folder / "pem") for each in ("CERT", "KEY")}
    return variables


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(worker_slots, "TIMEOUT_S", 0.3)


def variable(name: str) -> str:
    """The variable of a setting of TLS."""
    return _TLS + name.upper().replace(".", "__").replace("-", "_")


def worker(port: int, scheme: str = "tcp") -> list[str]:
    """The command of a worker with one slot."""
    return [
        *dask_program("worker", f"{scheme}://127.0.0.1:{port}"),
        "--nthreads",
        "1",
        "--no-nanny",
    ]


@pytest.mark.usefixtures("impatient")
def test_without_a_worker_the_message_says_how_to_start_one() -> None:
    with dask_scheduler() as port:
        on = f"dask://127.0.0.1:{port}"
        with (
            pytest.raises(StateError, match=f"dask worker tcp://127.0.0.1:{port}"),
            open_workers(on),
        ):
            pytest.fail("it opened")


def test_workers_may_join_and_only_the_most_are_used() -> None:
    with dask_scheduler() as port, running(worker(port)):
        on = f"dask://127.0.0.1:{port}"
        with open_workers(on) as all_, open_workers(on, slots=1) as one:
            assert (all_.slots(), one.slots()) == (1, 1)
            with running(worker(port)):
                wait_for_slots(all_)
                assert one.slots() == 1


@pytest.mark.usefixtures("impatient")
def test_a_silent_scheduler_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with (
            pytest.raises(StateError, match=f"127.0.0.1:{port} answers, but not as a scheduler"),
            open_workers(f"dask://127.0.0.1:{port}"),
        ):
            pytest.fail("it opened")


def test_without_certificates_the_message_names_their_variables() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(UsageError, match=f"set {_TLS}CA_FILE"),
        open_workers(f"tls://127.0.0.1:{server.getsockname()[1]}"),
    ):
        pytest.fail("it opened")


def test_a_cluster_with_tls(tls: dict[str, str]) -> None:
    """Who has no certificate of its authority cannot talk to it."""
    with dask_scheduler(**tls) as port, running(worker(port, "tls"), **tls):
        with (
            pytest.raises(StateError, match="without TLS"),
            open_workers(f"dask://127.0.0.1:{port}"),
        ):
            pytest.fail("it opened")
        names = ("ca-file", "client.cert", "client.key")
        client = {f"distributed.comm.tls.{each}": tls[variable(each)] for each in names}
        with dask.config.set(client), open_workers(f"tls://127.0.0.1:{port}") as workers:
            future = workers.executor.submit(orders.run, order("echo", text="secret"))
            assert future.result(PATIENCE) == b'"secret"'


@pytest.mark.long
def test_a_scheduler_that_goes_away_ends_every_order(tmp_path: Path) -> None:
    scheduler = ExitStack()
    port = scheduler.enter_context(dask_scheduler())
    on = f"dask://127.0.0.1:{port}"
    begun = tmp_path / "begun"
    with scheduler, running(worker(port)), open_workers(on) as workers:
        hold = order("hold", begun=str(begun), until=str(tmp_path / "until"))
        held = workers.executor.submit(orders.run, hold)
        orders.wait_for(begun)
        scheduler.close()
        assert wait([held], PATIENCE).done
        late = workers.executor.submit(orders.run, order("echo", text="late"))
        assert wait([late], PATIENCE).done
        (tmp_path / "until").touch()
