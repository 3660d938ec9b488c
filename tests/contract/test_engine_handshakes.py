"""Finer than the contract: a server may choose any usual key exchange, and libcurl's is cheap."""

import asyncio
import ssl

import pytest
import trustme
from support.engines import LIBRARIES

from crawler.engines.base import Engine
from crawler.localweb.server import Answer, Server
from crawler.model.exchange import Endpoint, Request
from crawler.testing.contract.helpers import ask, page, result
from crawler.testing.contract.sessions import TLS_VERSIONS

NAME = "shop.example"
CURVES = ("X25519", "prime256v1", "secp384r1", "secp521r1")
GROUPS = bytes.fromhex("001d 0017 0018 0019")
"""The same in RFC 8446, 4.2.7."""
CIPHERS = bytes.fromhex("1301 1302 1303")
"""Those of TLS 1.3 with AES-128-GCM first (RFC 8446, B.4)."""
_SUPPORTED_GROUPS, _KEY_SHARE = 10, 51
_X25519_SHARE = bytes.fromhex("0024 001d 0020")


@pytest.mark.parametrize("version", TLS_VERSIONS, ids=("1.2", "1.3"))
@pytest.mark.parametrize("curve", CURVES)
async def test_a_server_may_choose_its_key_exchange(
    engine: Engine, serve, ca: trustme.CA, version: ssl.TLSVersion, curve: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.set_ecdh_curve(curve)
    ca.issue_cert(NAME).configure_cert(context)
    server: Server = serve(lambda _: Answer(body=b"page"), tls=context)
    assert (await page(engine, ask(server, host=NAME))).body == b"page"


async def test_libcurl_makes_one_cheap_key_for_a_handshake(engine: Engine) -> None:
    if LIBRARIES[engine.capabilities.name] != "libcurl":
        return
    hello = await first_message(engine)
    assert ciphers(hello)[: len(CIPHERS)] == CIPHERS
    found = extensions(hello)
    # X25519MLKEM768 (0x11ec) without a key: only for a server that asks for it.
    assert found[_SUPPORTED_GROUPS][2:] in (GROUPS, GROUPS + b"\x11\xec")
    assert found[_KEY_SHARE].startswith(_X25519_SHARE)
    assert len(found[_KEY_SHARE]) == len(_X25519_SHARE) + 32


async def first_message(engine: Engine) -> bytes:
    """What ``engine`` sends first to a TLS server, which then closes the connection."""
    seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(5)
        body = await reader.readexactly(int.from_bytes(head[3:]))
        writer.close()
        if not seen.done():
            seen.set_result(body)

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        endpoint = Endpoint("127.0.0.1", "127.0.0.1", port)
        await result(engine, Request(f"https://{NAME}:{port}/", endpoint, (), 5.0, 1_000))
        return await seen


def ciphers(hello: bytes) -> bytes:
    """Of a ClientHello (RFC 8446, 4.1.2), after its head, version and random."""
    at = 39 + hello[38]
    return hello[at + 2 : at + 2 + int.from_bytes(hello[at : at + 2])]


def extensions(hello: bytes) -> dict[int, bytes]:
    at = 39 + hello[38] + 2 + len(ciphers(hello))
    at += 1 + hello[at] + 2
    found = {}
    while at < len(hello):
        kind, size = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        found[kind] = hello[at + 4 : at + 4 + size]
        at += 4 + size
    return found
