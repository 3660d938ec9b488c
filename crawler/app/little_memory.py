"""Lets a crawl run where the memory of a process is limited (RLIMIT_AS, RLIMIT_DATA)."""

import resource
import threading

from crawler.parsing.facts import one_heap

_STACK = 512 << 10
"""Bytes of the stack of a thread; 8 MB are usual, of which nearly nothing is used."""
_LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_DATA)


def need_less_memory() -> None:
    """Give threads small stacks and a common heap, if the memory of this process is limited.

    Both settings apply to the whole process, so this is for a program of our own. Call it before
    the first thread starts.
    """
    if any(resource.getrlimit(each)[0] != resource.RLIM_INFINITY for each in _LIMITS):
        threading.stack_size(_STACK)
        one_heap()
