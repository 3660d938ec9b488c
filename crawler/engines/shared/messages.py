"""What a request may take, in the words of the failure that going past it is."""

from crawler.model.exchange import Request


def deadline(request: Request) -> str:
    """The seconds that there were; what a look-up left of them is told to a hundredth."""
    return f"{max(round(request.timeout, 2), 0.01):g} s"


def timed_out(request: Request) -> str:
    return f"no whole answer within {deadline(request)}"


def too_large(request: Request) -> str:
    return f"the body is larger than {request.max_bytes:,} bytes"
