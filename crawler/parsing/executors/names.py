"""The parse executors by name. This table does not import them.

A new executor needs one file in this folder and one row here.
"""

from types import MappingProxyType

EXECUTORS = MappingProxyType(
    {
        "process": "crawler.parsing.executors.process:ProcessExecutor",
        "loky": "crawler.parsing.executors.loky:LokyExecutor",
        "thread": "crawler.parsing.executors.thread:ThreadExecutor",
        "inline": "crawler.parsing.executors.inline:InlineExecutor",
        "none": "crawler.parsing.executors.unparsed:UnparsedExecutor",
    }
)
"""Name → ``module:class``, a class that takes ExecutorOptions; the first one is the default.

With ``none`` pages are not parsed: they get digests and records only.
"""

WITHOUT_WORKERS = frozenset({"inline"})
"""Executors that parse on the fetch thread; a number of workers means nothing to them."""

ON_THREADS = frozenset({"thread", "none"})
"""Executors that work on threads of this process, at least for some pages."""

IN_THIS_PROCESS = WITHOUT_WORKERS | ON_THREADS
"""Executors for which nothing is pickled, and whose pages have no deadline."""

PARSING_HERE = IN_THIS_PROCESS - {"none"}
"""Executors that parse HTML in the process of the crawl."""


def starts_processes(choice: object) -> bool:
    """Whether ``choice``, a name or an executor object, makes the crawl start processes."""
    return isinstance(choice, str) and choice not in IN_THIS_PROCESS
