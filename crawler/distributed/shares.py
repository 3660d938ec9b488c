"""What a slice may have of the machine on which it runs."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from crawler.distributed.engines.place import place_of
from crawler.parsing.executors.names import WITHOUT_WORKERS
from crawler.settings import Settings, changeable
from crawler.settings.cores import usable_cores

_OF_DRIVER = frozenset(["on", "slots", "slice", "max_pages"])
"""Options that are not for a slice; it has its own share of the pages."""


def changes(settings: Settings, slots: int) -> dict[str, object]:
    """The options, by name, that can be others in this session than when the run began.

    ``slots`` slices run at once.
    """
    options = changeable(settings).items()
    session = {name: value for name, value in options if name not in _OF_DRIVER}
    return {**session, **_workers(settings, slots)}


def _workers(settings: Settings, slots: int) -> dict[str, object]:
    """Unless ``--workers`` says it: on this machine the slices share the cores; elsewhere each
    slice has one parse worker, as Dask, Ray and Celery have one slot for each core.
    """
    if settings.workers is not None or settings.parse in {*WITHOUT_WORKERS, "none"}:
        return {}
    return {"workers": max(1, usable_cores() // slots) if _is_here(settings) else 1}


def _is_here(settings: Settings) -> bool:
    """Whether the slices run on this machine."""
    if isinstance(settings.on, str):
        return place_of(settings.on).address is None
    return isinstance(settings.on, ThreadPoolExecutor | ProcessPoolExecutor)
