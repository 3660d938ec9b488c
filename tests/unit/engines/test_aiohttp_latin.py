"""A head becomes one byte for each character; a body that is written with it stays as it is."""

import pytest

from crawler.engines.aiohttp_latin import LatinTransport

HEAD = "POST / HTTP/1.1\r\nX: é\r\n\r\n"
BODY = b"\xc3\xa9\xff\r\n\r\n\xc3\xa9"


class Written:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


@pytest.mark.parametrize("body", [b"", BODY])
@pytest.mark.parametrize("joined", [True, False])
def test_only_the_head_is_changed(joined: bool, body: bytes) -> None:
    written = Written()
    transport = LatinTransport(written)  # type: ignore[arg-type]
    if joined:
        transport.write(HEAD.encode() + body)
    else:
        transport.writelines((HEAD.encode(), body))
    assert written.data == HEAD.encode("latin-1") + body
