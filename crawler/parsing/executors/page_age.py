"""How long a worker has been at its page. Time in which it could not run does not count."""

from pathlib import Path

from crawler.parsing.executors.mailbox import NO_PAGE

_NS = 1e-9


class PageAge:
    """``seconds`` for which ``page`` has been parsed, as far as was looked.

    Of the time between two looks, at most ``most`` seconds count: if there were more, the process
    that looks stood still, and so perhaps did the whole machine.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self.begin(NO_PAGE)

    def begin(self, page: int) -> None:
        """The worker is at another page."""
        self.page = page
        self.seconds = 0.0
        self._delay: float | None = None

    def add(self, passed: float, delay: float) -> None:
        """The worker is still at its page, ``passed`` seconds after the last look.

        ``delay`` is the total time, in seconds, for which the worker has waited for a core. The
        kernel adds to it only when a wait ends, so a look may subtract what earlier ones added.
        """
        waited = 0.0 if self._delay is None else delay - self._delay
        self.seconds = max(0.0, self.seconds + min(passed - waited, self._most))
        self._delay = delay


def core_delay(pid: int) -> float:
    """Seconds for which the process has waited for a core, by the kernel's scheduler.

    The second number of ``/proc/PID/schedstat``, in nanoseconds; 0 on systems without it.
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) * _NS
    except (OSError, IndexError):
        return 0.0


def is_stopped(pid: int) -> bool:
    """Whether the process was suspended (state T in proc(5)); False on systems without /proc."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return status.rpartition(b")")[2].split()[0] in (b"T", b"t")
