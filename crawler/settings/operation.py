"""Options under the heading ``operation``."""

from typing import Annotated, Literal

from crawler.settings.defaults import LOG
from crawler.settings.option import option
from crawler.settings.output import OutputFields
from crawler.settings.types import Path, Port


class OperationFields(OutputFields, frozen=True, kw_only=True):
    log: Annotated[
        Literal["error", "warning", "info", "debug"] | None,
        option(
            "operation",
            f"the least that is worth a log line (default: {LOG})",
            "LEVEL",
            example="info",
        ),
    ] = None

    log_file: Annotated[
        Path | None,
        option(
            "operation",
            "append the log to this file (default: standard error)",
            "FILE",
            example="crawl.log",
        ),
    ] = None

    log_json: Annotated[bool, option("operation", "write each log line as a JSON object")] = False

    metrics_port: Annotated[
        Port | None,
        option(
            "operation",
            "serve figures for Prometheus at http://127.0.0.1:N/metrics while the crawl runs; 0 "
            "picks a port",
            "N",
            example=9090,
        ),
    ] = None

    @property
    def log_level(self) -> Literal["error", "warning", "info", "debug"]:
        """``log``, or its default."""
        return self.log or LOG
