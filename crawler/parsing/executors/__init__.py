"""Where pages are parsed: the executors by name.

A new executor is one file beside this one and one row here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from crawler.parsing.executors.spawn import Spawned, spawned

if TYPE_CHECKING:
    from crawler.parsing.executors.base import ExecutorOptions, ParseExecutor

EXECUTORS = MappingProxyType(
    {
        "process": "crawler.parsing.executors.isolated:IsolatedExecutor",
        "thread": "crawler.parsing.executors.thread:ThreadExecutor",
        "inline": "crawler.parsing.executors.inline:InlineExecutor",
        "none": "crawler.parsing.executors.inline:InlineExecutor",
    }
)
"""Name → ``module:class``, which is made from ExecutorOptions; the first one is the default.

With ``none`` pages are not looked into, which takes so little that it is done inline.
"""


def make_executor(name: str, options: "ExecutorOptions") -> "ParseExecutor":
    module, _, class_name = EXECUTORS[name].partition(":")
    executor: ParseExecutor = getattr(import_module(module), class_name)(options)
    return executor


@contextmanager
def prestarted(name: str, workers: int) -> Iterator[Sequence[Spawned]]:
    """Start worker processes before there is an executor, while the program still imports.

    It yields none for an executor without processes. Those left over end with the context.
    """
    with spawned(workers if name == "process" else 0) as processes:
        yield processes
