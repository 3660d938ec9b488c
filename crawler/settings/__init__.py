"""What was asked for: one frozen record, the only place where an option is described.

The flags of ``crawler crawl``, the variables ``CRAWLER_<NAME>``, the keys of a TOML file and
``config/default.toml`` all follow from the fields of ``Settings``. Where several of them name an
option, the stronger wins: defaults < file < environment < flags; a list is replaced, not extended.
"""

from crawler.settings.cores import usable_cores
from crawler.settings.load import (
    Settings,
    absolute,
    changeable,
    load,
    options,
    resumed,
    source_names,
    written,
)
from crawler.settings.option import taken_variables

__all__ = [
    "Settings",
    "absolute",
    "changeable",
    "load",
    "options",
    "resumed",
    "source_names",
    "taken_variables",
    "usable_cores",
    "written",
]
