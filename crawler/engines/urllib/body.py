"""Reads a response after its head, with the limits of its request."""

from collections.abc import Iterator

from crawler.engines.shared.messages import too_large
from crawler.engines.shared.pieces import Pieces
from crawler.engines.urllib.response import UrllibResponse
from crawler.engines.urllib.stream import READ_BYTES, HttpStream
from crawler.model.body_budget import FREE_BYTES
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Response


def read_response(answer: UrllibResponse, stream: HttpStream) -> Response:
    """Read the body of ``answer``. Raises FetchError, and the errors of http.client and sockets."""
    body = _read_body(answer, stream)
    return Response(
        status=answer.status,
        headers=answer.fields,
        body=body,
        timing=stream.timing(len(body)),
        http_version="1.0" if answer.version == 10 else "1.1",
    )


def _read_body(answer: UrllibResponse, stream: HttpStream) -> bytes:
    """Read the body as sent. Raises FetchError if it exceeds ``max_bytes`` or is truncated."""
    limit, cut = stream.request.max_bytes, stream.request.cut
    body = Pieces()
    if (answer.length or 0) > limit and not cut:
        raise FetchError(FailureKind.TOO_LARGE, too_large(stream.request))
    for piece in _pieces(answer):
        stream.reset_allowance()
        body.add(piece)
        if body.size > limit:
            if cut:
                return body.take()[:limit]
            raise FetchError(FailureKind.TOO_LARGE, too_large(stream.request))
        if body.size > FREE_BYTES:
            stream.hold.grew(body.size)
    if answer.length:
        raise FetchError(FailureKind.TRUNCATED, f"{answer.length} bytes of the body are missing")
    if answer.chunked and stream.eof:
        raise FetchError(FailureKind.TRUNCATED, "the connection closed inside the trailers")
    return body.take()


def _pieces(answer: UrllibResponse) -> Iterator[bytes]:
    """``read1`` returns what has arrived; ``read`` would wait for missing bytes."""
    while piece := answer.read1(READ_BYTES):
        yield piece
