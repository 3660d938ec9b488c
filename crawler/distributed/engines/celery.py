"""Workers of Celery, which somebody has started; the broker is Redis or speaks AMQP."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Self
from uuid import uuid4

from celery import Celery
from celery.result import AsyncResult
from kombu.exceptions import KombuError

from crawler.distributed.engines.celery_app import TASK, make_app
from crawler.distributed.engines.place import WorkerPlace
from crawler.distributed.engines.reach import TIMEOUT_S, check_answers, no_worker
from crawler.distributed.engines.remote_executor import RemoteExecutor, RunOrder, settle
from crawler.distributed.engines.worker_slots import WorkerSlots
from crawler.distributed.workers import SliceWorkers
from crawler.model.errors import StateError
from crawler.model.secrets import Hide

WORKER = "celery -A crawler.distributed.engines.celery_worker worker"
"""The command that starts a worker, with ``CRAWLER_ON`` in its environment."""
_INSPECT_S = 1.0
"""How long answers of workers are waited for: nobody knows how many workers there are."""
_WAIT_S = 0.05
"""How long answers are waited for before new orders are sent."""


Errors = tuple[type[Exception], ...]


@contextmanager
def open_celery(place: WorkerPlace) -> Iterator[SliceWorkers]:
    """The processes of all workers that answer are the slots; workers may come and go.

    At the end, orders that have not begun are cancelled. Raises StateError.
    """
    from crawler.distributed.slice import run_slice

    check_answers(place, "the broker")
    with workers_of(make_app(place, run_slice), place, run_slice) as workers:
        yield workers


@contextmanager
def workers_of(app: Celery, place: WorkerPlace, run: RunOrder) -> Iterator[SliceWorkers]:
    """The workers whose app is like ``app``, which runs ``run``."""
    errors = _errors_of(app)
    _check_login(app, place, errors)
    with (
        CeleryExecutor(app, run, errors, place.hide) as executor,
        WorkerSlots(partial(_processes, app, errors), place.slots) as slots,
    ):
        if not slots.wait():
            raise no_worker(place, f"CRAWLER_ON={place.shown} {WORKER}")
        yield SliceWorkers(executor, slots, f"Celery at {place.at}")


def _errors_of(app: Celery) -> Errors:
    """What its libraries raise if the broker cannot be reached; Redis has errors of its own."""
    with app.connection_for_write() as connection:
        own = (*connection.connection_errors, *connection.channel_errors)
    return (OSError, KombuError, RuntimeError, *own)


def _check_login(app: Celery, place: WorkerPlace, errors: Errors) -> None:
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=0, timeout=TIMEOUT_S)
    except errors as error:
        raise StateError(
            f"--on {place.shown}: the broker refuses us: {place.hide(str(error))}"
        ) from None


def _processes(app: Celery, errors: Errors) -> int:
    """Raises OSError."""
    try:
        answers = app.control.inspect(timeout=_INSPECT_S).stats() or {}
    except errors as error:
        raise OSError(str(error)) from None
    return sum(each["pool"]["max-concurrency"] for each in answers.values())


class CeleryExecutor(RemoteExecutor):
    """Sends orders and receives their answers, on one thread; a context manager.

    Celery's receiver belongs to one thread. It waits for all answers at once.
    """

    def __init__(self, app: Celery, run: RunOrder, errors: Errors, hide: Hide) -> None:
        """Workers run ``run`` and nothing else; ``hide`` removes secrets from messages.

        ``errors`` is what is raised if the broker cannot be reached.
        """
        super().__init__()
        self._app = app
        self._run = run
        self._hide = hide
        self._errors = errors
        self._sent: dict[str, AsyncResult] = {}
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="celery", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._jobs.put(None)
        self._thread.join()

    def send(self, run: RunOrder, order: bytes, future: Future[bytes]) -> Callable[[], object]:
        if run is not self._run:
            raise ValueError(f"a worker of Celery runs {self._run.__name__} only, not {run!r}")
        if not self._thread.is_alive():
            raise RuntimeError("the executor of Celery has ended")
        name = str(uuid4())
        self._jobs.put(partial(self._send, name, order.decode(), future))
        return partial(self._jobs.put, partial(self._take_back, name))

    # From here on: what the thread does.

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                job()
        finally:  # also after an error in Celery that no order expects
            self._lose_all(RuntimeError("the thread for Celery has ended"))

    def _next(self) -> Callable[[], None] | None:
        """Wait for something to do; receive answers as long as there are open orders."""
        while self._open:
            try:
                return self._jobs.get_nowait()
            except Empty:
                self._receive()
        return self._jobs.get()

    def _receive(self) -> None:
        try:
            with suppress(TimeoutError):
                self._app.backend.result_consumer.drain_events(timeout=_WAIT_S)
        except self._errors as error:
            self._lose_all(error)

    def _send(self, name: str, order: str, future: Future[bytes]) -> None:
        if future.done():  # cancelled, or the broker was lost
            return
        try:
            sent = self._app.tasks[TASK].apply_async((order,), task_id=name)
            self._sent[name] = sent
            sent.then(partial(self._hand_over, future))
        except self._errors as error:
            self._lose(future, error)

    def _hand_over(self, future: Future[bytes], done: AsyncResult) -> None:
        self._sent.pop(done.id, None)
        settle(future, done.result.encode() if done.successful() else done.result)

    def _take_back(self, name: str) -> None:
        """Without effect on an order that runs; its answer is not waited for any more."""
        sent = self._sent.pop(name, None)
        with suppress(*self._errors):
            if sent is not None:
                self._app.control.revoke(name)
                self._app.backend.remove_pending_result(sent)

    def _lose_all(self, error: Exception) -> None:
        for future in tuple(self._open):
            self._lose(future, error)

    def _lose(self, future: Future[bytes], error: Exception) -> None:
        settle(future, ConnectionError(self._hide(f"the broker was lost: {error}")))
