"""The parse executors by name, as a table that imports none of them.

A new executor is one file beside this one and one row here.
"""

from types import MappingProxyType

EXECUTORS = MappingProxyType(
    {
        "process": "crawler.parsing.executors.isolated:IsolatedExecutor",
        "thread": "crawler.parsing.executors.thread:ThreadExecutor",
        "inline": "crawler.parsing.executors.inline:InlineExecutor",
        "none": "crawler.parsing.executors.inline:InlineExecutor",
    }
)
"""Name → ``module:class``, which is made from ExecutorOptions; the first one is the default.

With ``none`` no page is looked into, which takes so little time that it is done inline.
"""
