"""The two callbacks that each part of a crawl receives from the part that starts it."""

from collections.abc import Callable

Wake = Callable[[], None]
"""Something changed: check again whether more requests may start."""
Fail = Callable[[Exception], None]
"""The crawl must stop; the error is the reason."""
