"""What a Celery worker loads. ``CRAWLER_ON`` is for it what ``--on`` is for the crawl.

``celery -A crawler.distributed.engines.celery_worker worker``
"""

import os
from collections.abc import Mapping

from crawler.distributed.engines.celery_app import make_app
from crawler.distributed.engines.place import EXAMPLE, WorkerPlace, place_of
from crawler.distributed.slice import run_slice
from crawler.model.errors import UsageError


def broker(environ: Mapping[str, str]) -> WorkerPlace:
    """The broker that ``CRAWLER_ON`` names. Raises UsageError."""
    place = place_of(environ.get("CRAWLER_ON") or "celery")
    if place.engine != "celery":
        raise UsageError(f"--on {place.shown} is not a broker, such as {EXAMPLE}")
    return place


try:
    app = make_app(broker(os.environ), run_slice)
except UsageError as wrong:
    raise SystemExit(f"CRAWLER_ON: {wrong}") from None
