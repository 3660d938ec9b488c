"""The method and the body of a request on a handle of libcurl."""

from io import BytesIO

import pycurl

from crawler.engines.libcurl.headers import RequestLines
from crawler.model.exchange import Request

_UNKNOWN = -1
_NOT_OF_LIBCURL = ("Expect:",)
"""For a large body it would ask first, and wait (CURLOPT_EXPECT_100_TIMEOUT_MS(3))."""


class TransferContent:
    """Sets ``curl``, which sends a GET without a body unless it ``is_set`` to something else.

    libcurl reads the body from us, and cannot read it twice. Given the body itself (POSTFIELDS), it
    would add a Content-Type, and the idle handle would keep a copy.
    """

    def __init__(self, curl: pycurl.Curl) -> None:
        self._curl = curl
        self._unread = BytesIO()
        self.is_set = False

    def set(self, request: Request, lines: RequestLines) -> None:
        """``lines`` are the headers of ``request``, which are set already."""
        if self.is_set:
            self._reset()
        self.is_set = request.method != "GET" or request.body is not None
        if request.method == "HEAD":
            self._curl.setopt(pycurl.NOBODY, 1)
        elif self.is_set:
            self._curl.setopt(pycurl.CUSTOMREQUEST, request.method)
            if request.content_length is not None:
                self._send(request.body or b"", lines)

    def _reset(self) -> None:
        self._curl.setopt(pycurl.HTTPGET, 1)  # also ends NOBODY and UPLOAD
        self._curl.setopt(pycurl.INFILESIZE_LARGE, _UNKNOWN)
        self._curl.unsetopt(pycurl.CUSTOMREQUEST)

    def _send(self, body: bytes, lines: RequestLines) -> None:
        self._unread = BytesIO(body)
        self._curl.setopt(pycurl.UPLOAD, 1)
        self._curl.setopt(pycurl.INFILESIZE_LARGE, len(body))
        self._curl.setopt(pycurl.READFUNCTION, self._read)
        self._curl.setopt(pycurl.HTTPHEADER, [*lines, *_NOT_OF_LIBCURL])

    def _read(self, size: int) -> bytes:
        return self._unread.read(size)

    def drop(self) -> None:
        """The fetch has ended. The handle may have another one already, so it is not touched."""
        self._unread = BytesIO()
