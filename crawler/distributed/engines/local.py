"""Workers on this machine, without any engine: a thread for each slice, which has its process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from crawler.distributed.engines.place import WorkerPlace
from crawler.distributed.workers import SliceWorkers
from crawler.settings.cores import usable_cores


@contextmanager
def open_local(place: WorkerPlace) -> Iterator[SliceWorkers]:
    """As many slots as there are cores, unless ``place`` says how many.

    At the end, orders that have not begun are cancelled, and slices that run are waited for.
    """
    slots = place.slots or usable_cores()
    executor = ThreadPoolExecutor(slots, thread_name_prefix="slice")
    try:
        yield SliceWorkers(executor, lambda: slots, f"this machine, {slots} slots")
    finally:
        executor.shutdown(cancel_futures=True)
