"""Opens workers by the text after ``--on``."""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from types import MappingProxyType

import msgspec

from crawler.distributed.engines.place import WorkerPlace, place_of
from crawler.distributed.workers import SliceWorkers
from crawler.model.errors import UsageError
from crawler.model.plugins import load

ENGINES = MappingProxyType(
    {
        "local": "crawler.distributed.engines.local:open_local",
        "dask": "crawler.distributed.engines.dask:open_dask",
        "ray": "crawler.distributed.engines.ray:open_ray",
        "celery": "crawler.distributed.engines.celery:open_celery",
    }
)
"""Name → ``module:function``, which takes a WorkerPlace; a new engine is a file and a row."""
_PACKAGES = MappingProxyType({"dask": "distributed", "ray": "ray", "celery": "celery"})
"""Engine → the package that only it needs; the extra with its name installs it."""


OpenWorkers = Callable[[WorkerPlace], AbstractContextManager[SliceWorkers]]


def open_workers(
    on: str | Executor, slots: int | None = None
) -> AbstractContextManager[SliceWorkers]:
    """Return a context manager with the workers at ``on``, see ``place.FORMS``, or of an executor.

    ``slots`` is the number of slots if they are started here; of workers that exist it is the
    most to use. At its end everything that it started has ended, and what it did not start stays.

    Raises UsageError for a wrong ``on``, or if a package is missing. The context raises StateError
    if nothing answers at the address, or no worker joins, within ten seconds each. No message has
    the password of the address.
    """
    if isinstance(on, Executor):
        return nullcontext(_given(on, slots))
    place = _with_slots(place_of(on), slots)
    return _opener(place.engine)(place)


def _given(executor: Executor, slots: int | None) -> SliceWorkers:
    if slots is None:
        raise UsageError("on: with an executor object, slots must say how many slices it can run")
    return SliceWorkers(executor, lambda: slots, f"{type(executor).__name__}, {slots} slots")


def _with_slots(place: WorkerPlace, slots: int | None) -> WorkerPlace:
    if slots is None:
        return place
    if place.slots is not None:
        raise UsageError(f"--on {place.shown}: the number of slots is given twice")
    return msgspec.structs.replace(place, slots=slots)


def _opener(engine: str) -> OpenWorkers:
    package = _PACKAGES.get(engine)
    if package and find_spec(package) is None:
        raise UsageError(f"--on {engine} needs another package: pip install 'simulcrawl[{engine}]'")
    opener: OpenWorkers = load(ENGINES[engine])
    return opener
