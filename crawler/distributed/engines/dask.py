"""Workers of Dask: a cluster that exists, or one that is started on this machine."""

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import MappingProxyType

import dask.config
from distributed import Client, LocalCluster, Security
from distributed.comm import connect
from distributed.deploy.utils import nprocesses_nthreads

from crawler.distributed.engines.place import WorkerPlace
from crawler.distributed.engines.reach import TIMEOUT_S, check_answers, no_worker
from crawler.distributed.engines.worker_slots import WorkerSlots
from crawler.distributed.workers import SliceWorkers
from crawler.model.errors import StateError, UsageError
from crawler.settings.cores import usable_cores

_TLS = "DASK_DISTRIBUTED__COMM__TLS"
_TLS_VARIABLES = (f"{_TLS}__CA_FILE", f"{_TLS}__CLIENT__CERT", f"{_TLS}__CLIENT__KEY")
"""The variables of Dask that name the files of a client (https://distributed.dask.org, TLS/SSL)."""


_UNWATCHED = MappingProxyType(
    {
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "1s",
        "distributed.admin.system-monitor.interval": "5s",
    }
)
"""Dask watches itself for its dashboard; without that, two idle workers cost a third of the CPU."""


@contextmanager
def open_dask(place: WorkerPlace) -> Iterator[SliceWorkers]:
    """The threads of all workers are the slots; workers may come and go.

    At the end, orders that have not begun are cancelled, and a cluster that was started here ends
    with all its processes. Raises UsageError and StateError.
    """
    with ExitStack() as stack:
        if place.address is None:
            client = stack.enter_context(_started_here(place.slots or usable_cores()))
            most, says = None, "Dask on this machine"
        else:
            client = stack.enter_context(_client(place))
            most, says = place.slots, f"Dask at {place.at}"
        executor = client.get_executor(pure=False, retries=0)
        stack.callback(executor.shutdown, wait=False)
        slots = stack.enter_context(WorkerSlots(partial(_threads, client), most))
        if not slots.wait():
            raise no_worker(place, f"dask worker {place.address}")
        yield SliceWorkers(executor, slots, says)


@contextmanager
def _started_here(slots: int) -> Iterator[Client]:
    """A cluster with the worker settings that Dask itself chooses, and no dashboard.

    Its ports are open for the other users of this machine, so it speaks TLS with certificates
    that live as long as it. The driver itself gives an order again, so the scheduler need not.
    """
    processes, threads = nprocesses_nthreads(slots)
    with tempfile.TemporaryDirectory(prefix="crawler-") as folder:
        with dask.config.set(_UNWATCHED):  # each process that it starts gets a copy
            cluster = LocalCluster(
                n_workers=processes,
                threads_per_worker=threads,
                security=Security.temporary(),
                local_directory=folder,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False, "allowed_failures": 0},
                silence_logs=logging.CRITICAL,  # what goes wrong is the exception of a future
            )
        with cluster, Client(cluster, timeout=TIMEOUT_S, set_as_default=False) as client:
            yield client


def _client(place: WorkerPlace) -> Client:
    check_answers(place, "the scheduler of Dask")
    identity = _identity(place)
    try:
        asyncio.run(_greet(place, identity))
        return Client(place.address, security=identity, timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, MemoryError, ValueError) as error:  # another protocol looks like huge lengths
        raise StateError(
            f"--on {place.shown}: {place.at} answers, but not as a scheduler of Dask "
            f"{'with' if _is_tls(place) else 'without'} TLS ({str(error) or type(error).__name__})"
        ) from None


async def _greet(place: WorkerPlace, identity: Security) -> None:
    """A client would wait for the greeting of a silent scheduler without end. Raises OSError."""
    arguments = identity.get_connection_args("client")
    async with asyncio.timeout(TIMEOUT_S):
        comm = await connect(place.address, timeout=TIMEOUT_S, **arguments)
    await comm.close()


def _identity(place: WorkerPlace) -> Security:
    """Raises UsageError if TLS is asked for and there are no certificates, or damaged ones."""
    try:
        identity = Security()
        context = identity.get_connection_args("client")["ssl_context"]
    except OSError as error:  # a file is missing, or is not a certificate or a key
        raise UsageError(f"--on {place.shown}: the certificates cannot be read: {error}") from None
    if context is None and _is_tls(place):
        names = ", ".join(_TLS_VARIABLES)
        raise UsageError(f"--on {place.shown}: Dask needs certificates for TLS; set {names}")
    return identity


def _is_tls(place: WorkerPlace) -> bool:
    return str(place.address).startswith("tls:")


def _threads(client: Client) -> int:
    return sum(client.nthreads().values())
