"""The ``sequential`` engine: ``threads`` with one thread, the baseline for other engines."""

import msgspec

from crawler.engines.base import EngineOptions
from crawler.engines.threads import ThreadsEngine
from crawler.model.errors import UsageError


class SequentialEngine(ThreadsEngine):
    """Fetches one URL at a time. Raises UsageError if ``options.concurrency`` is not 1."""

    capabilities = msgspec.structs.replace(
        ThreadsEngine.capabilities,
        name="sequential",
        summary="urllib, one fetch at a time; the baseline",
        max_concurrency=1,
    )

    def __init__(self, options: EngineOptions) -> None:
        if options.concurrency != 1:
            raise UsageError(
                f"the sequential engine fetches one page at a time: concurrency must be 1, "
                f"not {options.concurrency}"
            )
        super().__init__(options)
