"""Makes the record of where a request spent its time, the same for all engines."""

from crawler.engines.shared.kernel import RECEIVE_WINDOW, TcpInfo
from crawler.model.exchange import Request, Timing


def make_timing(
    request: Request,
    *,
    connect: float,
    tls: float,
    kernel: TcpInfo | None,
    library_answer: float,
    buffered: float,
    first_byte: float,
    total: float,
    reused: bool,
    resumed: bool,
    body_size: int,
    held: float = 0.0,
    off: float = 0.0,
) -> Timing:
    """All durations are in seconds.

    ``kernel`` is what the kernel measured of the answer; without it ``library_answer`` counts, by
    the clock of the library, and it may be wrong by ``off``. A body larger than the receive window
    makes the figure uncertain. For ``held`` of it we did not read, so that the server could not
    send: that is not its wait.
    """
    answer = kernel.answer if kernel else library_answer
    return Timing(
        connect=connect,
        tls=tls,
        answer=max(0.0, answer - held) if held else answer,
        first_byte=first_byte,
        buffered=buffered,
        total=total,
        dns=request.endpoint.lookup_s,
        reused=reused,
        method="kernel" if kernel else "library",
        sure=body_size <= RECEIVE_WINDOW,
        off=off,
        resumed=resumed,
    )
