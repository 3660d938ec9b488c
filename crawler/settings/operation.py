"""Options under the heading "operation": the log, and metrics for Prometheus."""

from typing import Annotated, Literal

from crawler.settings.defaults import LOG
from crawler.settings.option import option
from crawler.settings.output import OutputFields
from crawler.settings.types import Path, Port


class OperationFields(OutputFields, frozen=True, kw_only=True):
    log: Annotated[
        Literal["error", "warning", "info", "debug"] | None,
        option("operation", f"minimum log level, by default {LOG}", "LEVEL", example="info"),
    ] = None

    log_file: Annotated[
        Path | None,
        option(
            "operation",
            "append the log to this file (default: standard error)",
            "FILE",
            example="crawl.log",
            path=True,
        ),
    ] = None

    log_json: Annotated[bool, option("operation", "write each log line as a JSON object")] = False

    metrics_port: Annotated[
        Port | None,
        option(
            "operation",
            "serve metrics for Prometheus at http://127.0.0.1:N/metrics during the crawl; with 0, "
            "at a free port",
            "N",
            example=9090,
        ),
    ] = None

    @property
    def log_level(self) -> Literal["error", "warning", "info", "debug"]:
        """``log``, or its default."""
        return self.log or LOG
