"""The parts of a run's time: in which order they are drawn, and what they are."""

from collections.abc import Mapping

from crawler.model.units import seconds
from crawler.reporting.html.charts import Part

BUDGET = {
    "computing": "the fetch thread ran",
    "waiting": "idle, with requests in flight",
    "politeness": "idle until a host might be asked again",
    "starved": "idle, with no URL to fetch",
    "backpressure": "idle until parsing or writing caught up",
    "descheduled": "ready to run, without a core",
}
SLOTS = {
    "used": "a request was in flight",
    "politeness": "free until a host might be asked again",
    "starved": "free, with no URL to fetch",
    "backpressure": "free until parsing or writing caught up",
}


def parts(values: Mapping[str, float], means: Mapping[str, str]) -> list[Part]:
    """``values`` in seconds, by name, in the order of ``means``."""
    return [Part(name, values[name], seconds(values[name]), says) for name, says in means.items()]
