"""The engines of the contract: each form of ``--on``, with workers that run ``support.orders``."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from support import needs, orders
from support.orders import PATIENCE

from crawler.distributed.engines.place import place_of
from crawler.distributed.engines.registry import open_workers
from crawler.distributed.workers import SliceWorkers

if TYPE_CHECKING:
    from celery import Celery

TESTS = Path(__file__).parents[1]
IMPORTED = os.pathsep.join([str(TESTS), str(TESTS.parent)])
"""The path of modules for programs of the tests."""
SLOTS = 2
HERE = ("local", "dask", "ray")
PASSWORD = "s3cret/word"
Open = Callable[[], AbstractContextManager[SliceWorkers]]
"""Opens workers; can be called again after they were closed."""


def here(on: str) -> Callable[[Path], AbstractContextManager[Open]]:
    """Workers that are started on this machine."""
    return lambda _: nullcontext(partial(open_workers, f"{on}:{SLOTS}"))


@contextmanager
def ray_here(folder: Path) -> Iterator[Open]:
    with pytest.MonkeyPatch.context() as patch, here("ray")(folder) as open_them:
        patch.setenv("PYTHONPATH", IMPORTED)  # Ray's workers do not have the path of this process
        yield open_them


@contextmanager
def dask_cluster(folder: Path) -> Iterator[Open]:
    with dask_scheduler() as port:
        worker = dask_program("worker", f"tcp://127.0.0.1:{port}", "--nworkers", f"{SLOTS}")
        with running([*worker, "--nthreads", "1", "--local-directory", str(folder)]):
            yield partial(open_workers, f"dask://127.0.0.1:{port}")


@contextmanager
def dask_scheduler(**variables: str) -> Iterator[int]:
    port = free_port()
    with running(dask_program("scheduler", "--port", f"{port}"), **variables), listening(port):
        yield port


def dask_program(kind: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments]
    return [*command, "--host", "127.0.0.1", "--no-dashboard"]


@contextmanager
def ray_cluster(_: Path) -> Iterator[Open]:
    port, client_port = free_port(), free_port()
    options = {
        "port": port,
        "ray-client-server-port": client_port,
        "num-cpus": SLOTS,
        "node-ip-address": "127.0.0.1",
        "include-dashboard": "false",
        "object-store-memory": 80 << 20,
    }
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,  # paths of sockets must be short
        running(command, RAY_TMPDIR=folder),
        listening(client_port),
    ):
        yield partial(open_workers, f"ray://127.0.0.1:{client_port}")


@contextmanager
def redis(*options: str) -> Iterator[int]:
    """A Redis that wants ``PASSWORD`` and keeps nothing."""
    program, port = shutil.which("redis-server"), free_port()
    assert program is not None, needs.missing("redis")
    bound = ["--port", f"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running([program, *bound, "--requirepass", PASSWORD, *options]), listening(port):
        yield port


def broker(port: int) -> str:
    return f"celery+redis://:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{port}/0"


@contextmanager
def celery_worker(on: str, module: str = "support.celery_worker") -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", module, "worker", "--loglevel", "CRITICAL"]
    with running([*command, "--concurrency", f"{SLOTS}"], CRAWLER_ON=on):
        yield


@contextmanager
def celery(_: Path) -> Iterator[Open]:
    with redis() as port, celery_worker(broker(port)):
        yield partial(celery_open, port)


def celery_open(port: int) -> AbstractContextManager[SliceWorkers]:
    """Workers of ``support.celery_worker``."""
    from crawler.distributed.engines.celery import workers_of

    return workers_of(celery_app(port), place_of(broker(port)), orders.run)


def celery_app(port: int) -> "Celery":
    from crawler.distributed.engines.celery_app import make_app

    return make_app(place_of(broker(port)), orders.run)


FORMS: Mapping[str, Callable[[Path], AbstractContextManager[Open]]] = MappingProxyType(
    {
        "local": here("local"),
        "dask": here("dask"),
        "ray": ray_here,
        "dask-cluster": dask_cluster,
        "ray-cluster": ray_cluster,
        "celery": celery,
    }
)
"""Each prepares ``SLOTS`` slots, and receives an empty folder."""


@contextmanager
def running(command: list[str], **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that can import what the tests can; it is terminated at the end."""
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": IMPORTED, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        process.kill()
        process.wait()


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Wait until a connection to ``port`` can be made."""
    until = time.monotonic() + PATIENCE
    while True:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert time.monotonic() < until, f"nothing listens at port {port}"
        time.sleep(0.01)
    yield


def wait_for_slots(workers: SliceWorkers) -> None:
    until = time.monotonic() + PATIENCE
    while workers.slots() < SLOTS:
        assert time.monotonic() < until, workers.slots()
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
