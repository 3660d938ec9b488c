"""The parts of a run's time: their meaning, in the order in which they are drawn."""

from collections.abc import Mapping

from crawler.model.units import seconds
from crawler.reporting.html.charts import Part

BUDGET = {
    "computing": "the fetch thread ran",
    "waiting": "idle, with requests in flight",
    "politeness": "idle until the next request to a host was allowed",
    "starved": "idle, with no URL to fetch",
    "backpressure": "idle until parsing or writing caught up",
    "descheduled": "ready to run, but no CPU core was free",
}
SLOTS = {
    "used": "a request was in flight",
    "politeness": "free until the next request to a host was allowed",
    "starved": "free, with no URL to fetch",
    "backpressure": "free until parsing or writing caught up",
}


def parts(values: Mapping[str, float], means: Mapping[str, str]) -> list[Part]:
    """``values`` in seconds, by name, in the order of ``means``."""
    return [Part(name, values[name], seconds(values[name]), says) for name, says in means.items()]
