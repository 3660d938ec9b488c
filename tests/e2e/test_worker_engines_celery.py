"""Celery with Redis: who may give orders, what a worker may run, and a broker that goes away."""

import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
import trustme
from support import orders
from support.orders import PATIENCE, order
from support.worker_engines import (
    PASSWORD,
    SLOTS,
    broker,
    celery_app,
    celery_open,
    celery_worker,
    free_port,
    listening,
    redis,
    wait_for_slots,
)

from crawler.distributed.engines import worker_slots
from crawler.distributed.engines.registry import open_workers
from crawler.distributed.slice import run_slice
from crawler.distributed.workers import SliceWorkers
from crawler.model.errors import StateError

pytestmark = [pytest.mark.long, pytest.mark.redis]
OUR_WORKER = "crawler.distributed.engines.celery_worker"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A broker with workers that carry out the orders of the contract."""
    with redis() as port, celery_worker(broker(port)):
        yield port


@pytest.fixture
def workers(port: int) -> Iterator[SliceWorkers]:
    with celery_open(port) as workers:
        yield workers


def echo(workers: SliceWorkers, text: str) -> object:
    future = workers.executor.submit(orders.run, order("echo", text=text))
    return msgspec.json.decode(future.result(PATIENCE))


def test_a_worker_runs_slices_and_refuses_another_version() -> None:
    with redis() as port, celery_worker(broker(port), OUR_WORKER), open_workers(broker(port)) as it:
        assert it.slots() == SLOTS
        assert it.says == f"Celery at 127.0.0.1:{port}"
        answer = it.executor.submit(run_slice, b'{"version":"0.0.0"}').result(PATIENCE)
        assert b"was started by 0.0.0" in answer


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    """The authority of ``tls``; ``other`` beside it is that of nobody."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other"))
    pem = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    pem.write_to_path(str(tmp_path / "pem"))
    return str(tmp_path / "ca")


def test_a_broker_with_tls_must_have_a_certificate_of_the_authority(ca_file: str) -> None:
    pem, other = ca_file.replace("/ca", "/pem"), ca_file.replace("/ca", "/other")
    port = free_port()
    options = {"tls-port": port, "tls-cert-file": pem, "tls-key-file": pem, "tls-ca-cert-file": pem}
    tls = [text for name, each in options.items() for text in (f"--{name}", f"{each}")]
    with redis(*tls, "--tls-auth-clients", "no"), listening(port):
        on = broker(port).replace("redis:", "rediss:")
        with celery_worker(f"{on}?ssl_ca_certs={ca_file}", OUR_WORKER):
            with open_workers(f"{on}?ssl_ca_certs={ca_file}") as workers:
                answer = workers.executor.submit(run_slice, b'{"version":"0.0.0"}')
                assert b"was started by 0.0.0" in answer.result(PATIENCE)
            for wrong in (on, f"{on}?ssl_ca_certs={other}"):
                with pytest.raises(StateError, match="CERTIFICATE_VERIFY"), open_workers(wrong):
                    pytest.fail("it opened")


def test_a_worker_without_a_broker_says_which_variable_is_missing() -> None:
    command = [sys.executable, "-m", "celery", "-A", OUR_WORKER, "worker"]
    done = subprocess.run(command, capture_output=True, text=True, env={}, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("CRAWLER_ON: --on celery: name the broker")


def test_a_wrong_password_is_refused_and_not_shown(port: int) -> None:
    on = broker(port).replace("word", "w0rd")
    with pytest.raises(StateError, match="the broker refuses us") as caught, open_workers(on):
        pytest.fail("it opened")
    assert "s3cret" not in str(caught.value)


def test_without_a_worker_the_message_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_slots, "TIMEOUT_S", 2)
    with redis() as port, pytest.raises(StateError) as caught, open_workers(broker(port)):
        pytest.fail("it opened")
    assert f"CRAWLER_ON=celery+redis://<secret>@127.0.0.1:{port}/0 celery -A" in str(caught.value)


def test_workers_of_another_program_are_not_counted(port: int) -> None:
    with celery_worker(broker(port), "support.other_celery_worker"), celery_open(port) as workers:
        wait_for_slots(workers)
        assert echo(workers, "ours") == "ours"
        assert workers.slots() == SLOTS


def test_no_other_function_is_sent(workers: SliceWorkers) -> None:
    with pytest.raises(ValueError, match="runs run only"):
        workers.executor.submit(orders.order, b"")


class Harmful:
    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._file,)


def test_a_pickle_at_the_broker_is_not_loaded(
    port: int, workers: SliceWorkers, tmp_path: Path
) -> None:
    """Who can write to the broker can give orders, and nothing else."""
    with celery_app(port).producer_pool.acquire() as producer:
        headers = {"lang": "py", "task": "crawler.slice", "id": "1"}
        body = pickle.dumps(((Harmful(tmp_path / "harm"),), {}, {}))
        kinds = {"content_type": "application/x-python-serialize", "content_encoding": "binary"}
        producer.publish(body, routing_key="crawler", headers=headers, **kinds)
    assert [echo(workers, f"{n}") for n in range(4 * SLOTS)] == [f"{n}" for n in range(4 * SLOTS)]
    assert not (tmp_path / "harm").exists()


def test_an_order_of_a_lost_worker_is_given_once_more_and_then_refused(
    workers: SliceWorkers, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    future = workers.executor.submit(orders.run, order("kill_worker", log=str(log)))
    assert type(future.exception(PATIENCE)).__name__ == "OrderLostError"
    assert log.read_text().splitlines() == ["begun"]


def test_a_broker_that_goes_away_is_an_exception_of_every_order(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = ExitStack()
        port = server.enter_context(redis())
        stack.enter_context(server)
        stack.enter_context(celery_worker(broker(port)))
        workers = stack.enter_context(celery_open(port))
        begun = tmp_path / "begun"
        hold = order("hold", begun=str(begun), until=str(tmp_path / "until"))
        held = workers.executor.submit(orders.run, hold)
        orders.wait_for(begun)
        server.close()
        assert says(held).startswith("the broker was lost")
        late = workers.executor.submit(orders.run, order("echo", text="late"))
        assert says(late).startswith("the broker was lost")
        (tmp_path / "until").touch()
        started = time.monotonic()
    assert time.monotonic() - started < PATIENCE


def says(future: Future[bytes]) -> str:
    error = future.exception(PATIENCE)
    assert isinstance(error, ConnectionError)
    assert PASSWORD not in str(error)
    return str(error)
