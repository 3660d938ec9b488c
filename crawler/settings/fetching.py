"""Options under the heading "fetching": how requests are sent, and which are sent again."""

from typing import Annotated

from crawler.engines.base import is_engine
from crawler.engines.names import AUTO, ENGINES, PLUGINS
from crawler.settings.defaults import CONCURRENCY, PATIENCE
from crawler.settings.objects import ENGINE
from crawler.settings.option import option
from crawler.settings.sources import SourcesFields
from crawler.settings.types import EngineChoice, Pause, Seconds, Size, SlotCount, Tries


class FetchingFields(SourcesFields, frozen=True, kw_only=True):
    engine: Annotated[
        EngineChoice,
        option(
            "fetching",
            "library that sends the requests; `crawler engines` describes each of them",
            "NAME",
            choices=(*ENGINES, AUTO),
            plugins=PLUGINS,
            objects=ENGINE,
        ),
    ] = ENGINES[0]

    concurrency: Annotated[
        SlotCount | None,
        option(
            "fetching",
            f"maximum number of requests in flight (default: {CONCURRENCY}, or 1 with --engine "
            "sequential)",
            "N",
            example=CONCURRENCY,
        ),
    ] = None

    timeout: Annotated[
        Seconds,
        option(
            "fetching",
            "maximum seconds for one request, from the name lookup to the end of the response",
            "S",
        ),
    ] = 30.0

    retries: Annotated[
        Tries,
        option("fetching", "maximum number of retries after a failure that may be temporary", "N"),
    ] = 2

    patience: Annotated[
        Pause | None,
        option(
            "fetching",
            "seconds to wait for a host from which nothing comes, a tenth of it for one that has "
            "never answered; its URLs then fail; 0, or --retries 0: do not wait (default: "
            f"{PATIENCE}, or 0 with --replay)",
            "S",
            example=PATIENCE,
        ),
    ] = None

    max_bytes: Annotated[
        Size,
        option(
            "fetching",
            "maximum size of a response body, before and after decompression",
            "SIZE",
            size=True,
        ),
    ] = 10_000_000

    memory: Annotated[
        Size,
        option("fetching", "maximum size of all bodies in memory together", "SIZE", size=True),
    ] = 256_000_000

    http2: Annotated[
        bool,
        option(
            "fetching",
            "use HTTP/2 with servers that support it; only with --engine curl",
        ),
    ] = False

    retry: Annotated[
        tuple[str, ...],
        option(
            "fetching",
            "number of retries for one kind of failure, and seconds before the first of them; "
            "replaces --retries for this kind; repeatable",
            "KIND=TRIES[,SECONDS]",
            example=["timeout=5,2", "status:503=0"],
        ),
    ] = ()

    strip_param: Annotated[
        tuple[str, ...],
        option(
            "fetching",
            "remove this query parameter from every URL; with a * at the end, all parameters whose "
            "names start like this; repeatable",
            "NAME[*]",
            example=["sessionid", "utm_*"],
        ),
    ] = ()

    @property
    def fetch_slots(self) -> int:
        """Maximum number of requests in flight: ``concurrency``, or its default."""
        return self.concurrency or min(CONCURRENCY, self._engine_limit or CONCURRENCY)

    @property
    def _engine_limit(self) -> int | None:
        """The maximum number of requests in flight that the engine supports, if it is known."""
        if is_engine(self.engine):
            return self.engine.capabilities.max_concurrency
        return 1 if self.engine == "sequential" else None
