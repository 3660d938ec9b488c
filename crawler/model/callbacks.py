"""The two functions that parts of a crawl are given, to call back whoever started them."""

from collections.abc import Callable

Wake = Callable[[], None]
"""Look again: something has changed that may let more requests start."""
Fail = Callable[[Exception], None]
"""The crawl cannot go on; the error says why."""
