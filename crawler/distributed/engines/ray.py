"""Workers of Ray: a cluster that exists, or one that is started on this machine."""

import logging
import os
import secrets
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from crawler.distributed.engines.guard import Guard
from crawler.distributed.engines.place import WorkerPlace
from crawler.distributed.engines.reach import check_answers, no_worker
from crawler.distributed.engines.remote_executor import RemoteExecutor, RunOrder, settle
from crawler.distributed.engines.worker_slots import WorkerSlots
from crawler.distributed.workers import SliceWorkers
from crawler.model.errors import StateError
from crawler.settings.cores import usable_cores

_STORE_BYTES = 80 << 20
"""Size of Ray's object store, which accepts no less than 75 MB; orders and answers are small."""
_LONGEST = 28
"""Bytes of the path of the folder above; those of Ray's sockets are 79 bytes longer."""
_AUTH_VARIABLES = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_VARIABLES = MappingProxyType(
    {
        "RAY_USAGE_STATS_ENABLED": "0",  # Ray sends nothing to its makers
        "RAY_DEDUP_LOGS_SKIP_REGEX": "^",  # it prints nothing on our standard output
    }
)
"""Variables for Ray, unless the user has set them. It reads them when it is imported."""
_GCS_PORT = 6379
"""The port at which nodes join a cluster, unless it was started with another one."""


@contextmanager
def open_ray(place: WorkerPlace) -> Iterator[SliceWorkers]:
    """The CPUs of the cluster are the slots; nodes may come and go.

    At the end, orders that have not begun are cancelled, and a cluster that was started here ends
    with all its processes. Raises StateError.
    """
    _set_variables()
    import ray

    with ExitStack() as stack:
        most, says = place.slots, f"Ray at {place.at}"
        if ray.is_initialized():  # by the program that uses us, so it is not ours to end
            says = "Ray"
        elif place.address is None:
            stack.enter_context(_started_here(ray, place.slots or usable_cores()))
            most, says = None, "Ray on this machine"
        else:
            stack.enter_context(_connected(ray, place))
        executor = RayExecutor(ray)
        stack.callback(executor.shutdown)
        slots = stack.enter_context(WorkerSlots(partial(_cpus, ray), most))
        if not slots.wait():
            raise no_worker(place, f"ray start --address={place.host}:{_GCS_PORT}")
        yield SliceWorkers(executor, slots, says)


class RayExecutor(RemoteExecutor):
    """Each order is a task that needs one CPU, and that Ray does not repeat."""

    def __init__(self, ray: ModuleType) -> None:
        super().__init__()
        self._cancel = ray.cancel
        self._task = ray.remote(num_cpus=1, max_retries=0)(_uninterrupted)

    def send(self, run: RunOrder, order: bytes, future: Future[bytes]) -> Callable[[], object]:
        task = self._task.remote(run, order)
        task.future().add_done_callback(partial(_hand_over, future))
        return partial(self._cancel, task)


def _uninterrupted(run: RunOrder, order: bytes) -> bytes:
    """On the worker. Ray cancels by an interrupt, which must not hit an order that has begun."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return run(order)


def _hand_over(future: Future[bytes], done: Future[Any]) -> None:
    error = done.exception()
    # What the function raised is the cause of Ray's error, which has a traceback as its text.
    settle(future, getattr(error, "cause", error) or done.result())


def _cpus(ray: ModuleType) -> int:
    try:
        return int(ray.cluster_resources().get("CPU", 0))
    except ray.exceptions.RayError as error:
        raise OSError(str(error)) from None


@contextmanager
def _started_here(ray: ModuleType, slots: int) -> Iterator[None]:
    folder = _new_folder()
    with Guard(folder) as guard:
        try:
            ray.init(
                "local",
                num_cpus=slots,
                object_store_memory=_STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                _node_ip_address="127.0.0.1",
                _temp_dir=str(folder),
            )
            guard.record()
            yield
        finally:
            ray.shutdown()


def _new_folder() -> Path:
    """A folder for Ray's files, with a path so short that sockets can be in it (unix(7))."""
    folders = (tempfile.gettempdir(), "/tmp")  # noqa: S108 - the folder in it is private
    base = next((each for each in folders if len(os.fsencode(each)) < _LONGEST), None)
    return Path(tempfile.mkdtemp(prefix="crawler-", dir=base))


@contextmanager
def _connected(ray: ModuleType, place: WorkerPlace) -> Iterator[None]:
    check_answers(place, "the client server of Ray")
    try:
        ray.init(place.address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError, ray.exceptions.RayError) as error:
        raise StateError(f"--on {place.shown}: Ray does not let us in: {error}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _set_variables() -> None:
    """Set them until this process ends: Ray reads some of them once in a process.

    Ray's ports are open for everybody who reaches this machine, so its processes want a token. It
    would store one in the home directory.
    """
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    if not any(name in os.environ for name in _AUTH_VARIABLES):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
