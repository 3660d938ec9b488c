"""The ``sequential`` engine: ``threads`` with one worker, the baseline for the others."""

import msgspec

from crawler.engines.base import EngineOptions
from crawler.engines.threads import ThreadsEngine
from crawler.model.errors import UsageError


class SequentialEngine(ThreadsEngine):
    """One fetch after the other. Raises UsageError where ``options.concurrency`` is not 1."""

    capabilities = msgspec.structs.replace(
        ThreadsEngine.capabilities,
        name="sequential",
        summary="urllib, one fetch after the other: the baseline",
        max_concurrency=1,
    )

    def __init__(self, options: EngineOptions) -> None:
        if options.concurrency != 1:
            raise UsageError(
                f"the sequential engine fetches one page at a time: concurrency must be 1, "
                f"not {options.concurrency}"
            )
        super().__init__(options)
