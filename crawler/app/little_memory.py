"""Settings of the whole process with which a crawl needs less memory."""

import resource
import threading

from crawler.parsing.facts import large_apart, one_heap

_STACK = 512 << 10
"""Bytes of the stack of a thread; 8 MB are usual, of which nearly nothing is used."""
_LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_DATA)


def need_less_memory(*, parses: bool) -> None:
    """Give the memory of large bodies back at once, unless this process also ``parses`` HTML, whose
    trees are faster without that. If the memory of this process is limited (RLIMIT_AS,
    RLIMIT_DATA), also give threads small stacks and a common heap.

    The settings apply to the whole process, so this is for a program of our own. Call it before
    the first thread starts.
    """
    if not parses:
        large_apart()
    if any(resource.getrlimit(each)[0] != resource.RLIM_INFINITY for each in _LIMITS):
        threading.stack_size(_STACK)
        one_heap()
