"""What a slice may have of the machine on which it runs."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from crawler.distributed.engines.place import place_of
from crawler.parsing.executors.names import WITHOUT_WORKERS
from crawler.settings import Settings
from crawler.settings.cores import usable_cores


def changes(settings: Settings, slots: int) -> dict[str, object]:
    """The options, by name, that are others for one of ``slots`` slices than for the whole crawl.

    Unless ``--workers`` says it: on this machine the slices share the cores; elsewhere each slice
    has one parse worker, as Dask, Ray and Celery have one slot for each core.
    """
    if settings.workers is not None or settings.parse in {*WITHOUT_WORKERS, "none"}:
        return {}
    return {"workers": max(1, usable_cores() // slots) if _is_here(settings) else 1}


def _is_here(settings: Settings) -> bool:
    """Whether the slices run on this machine."""
    if isinstance(settings.on, str):
        return place_of(settings.on).address is None
    return isinstance(settings.on, ThreadPoolExecutor | ProcessPoolExecutor)
