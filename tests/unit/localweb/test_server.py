"""The test server says what it is told, and tells what it was asked."""

import http.client
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.sockets import connect, exchange, get, hello, read_all

from crawler.testing import CLOSE, CUT, RESET, SILENCE, Answer, Seen, Server

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
CLOSING = "connection: Close\r\n"


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest) -> Contexts | None:
    """Contexts of server and client, or None without TLS."""
    if request.param == "plain":
        return None
    return request.getfixturevalue("server_tls"), request.getfixturevalue("client_tls")


def test_a_request_is_logged_as_it_came() -> None:
    with Server(hello) as server:
        before = time.monotonic()
        exchange(server, b"GET /a?b HTTP/1.0\r\nHOST:  x:1 \r\nX-Same: 1\r\nx-same: 2\r\n\r\n")
        [seen] = server.seen
    assert (seen.method, seen.target, seen.version) == ("GET", "/a?b", "HTTP/1.0")
    assert seen.headers == (("HOST", "x:1"), ("X-Same", "1"), ("x-same", "2"))
    assert seen.header("x-SAME") == "1"
    assert seen.header("absent") == ""
    assert (seen.host, seen.connection) == ("x:1", 1)
    assert seen.local == ("127.0.0.1", server.port)
    assert before <= seen.at <= time.monotonic()


def test_a_body_is_read_before_the_next_request() -> None:
    body = b"a\r\n\r\nGET / HTTP/1.1\r\n\r\n"
    post = b"POST /1 HTTP/1.1\r\nHost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    with Server(hello) as server, connect(server) as sock:
        for byte in post + body + get("/2", extra=CLOSING):
            sock.sendall(bytes((byte,)))
        read_all(sock)
    sent = [(seen.method, seen.target, seen.body) for seen in server.seen]
    assert sent == [("POST", "/1", body), ("GET", "/2", b"")]


def test_the_answer_to_a_head_has_no_body() -> None:
    with Server(hello) as server:
        answer = exchange(server, b"HEAD / HTTP/1.0\r\n\r\n")
    assert b"Content-Length: 7\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_server_may_answer_before_the_body() -> None:
    with Server(hello, before_body=lambda _: Answer(413)) as server:
        answer = exchange(server, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert [(seen.method, seen.body) for seen in server.seen] == [("POST", b"")]


def test_connections_are_kept_and_counted(tls: Contexts | None) -> None:
    server_side, client_side = tls or (None, None)
    with Server(hello, tls=server_side) as server:
        for _ in range(2):
            with connect(server, client_side) as sock:
                for target in ("/1", "/2"):
                    sock.sendall(get(target))
                    response = http.client.HTTPResponse(sock)
                    response.begin()
                    assert response.read() == f"hello {target}".encode()
        assert server.connections == 2
        assert [(s.connection, s.target) for s in server.seen] == [
            (1, "/1"),
            (1, "/2"),
            (2, "/1"),
            (2, "/2"),
        ]


def test_pipelined_requests_are_answered_in_order() -> None:
    latencies = {"/slow": 0.05}
    with Server(
        lambda seen: Answer(body=seen.target.encode(), latency=latencies.get(seen.target, 0))
    ) as server:
        targets = ["/slow", *(f"/{n}" for n in range(2_000)), "/slow"]
        answer = exchange(server, get(*targets) + get("/end", extra="Connection: close\r\n"))
    bodies = [part.split(b"HTTP/1.1")[0].decode() for part in answer.split(b"\r\n\r\n")[1:]]
    assert bodies == [*targets, "/end"]
    assert [seen.target for seen in server.seen] == bodies


@pytest.mark.parametrize("request_", [get("/", extra=CLOSING), b"GET / HTTP/1.0\r\n\r\n"])
def test_the_client_may_ask_to_close(request_: bytes) -> None:
    with Server(hello) as server:
        answer = exchange(server, request_ + get("/too-late"))
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b"hello /")
    assert len(server.seen) == 1


def test_an_answer_may_close_the_connection() -> None:
    with Server(lambda _: Answer(headers=(("Connection", "close"),), body=b"x")) as server:
        answer = exchange(server, get("/"))
    assert answer == b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"


@pytest.mark.parametrize(
    ("answer", "head"),
    [
        (Answer(404, (("A", "é"),), b"no"), "404 Not Found\r\nA: é\r\nContent-Length: 2"),
        (
            Answer(headers=(("content-length", "9"),), body=b"lie"),
            "200 OK\r\ncontent-length: 9",
        ),
        (
            Answer(headers=(("Transfer-Encoding", "chunked"),), body=b"0\r\n\r\n"),
            "200 OK\r\nTransfer-Encoding: chunked",
        ),
        (Answer(799), "799 \r\nContent-Length: 0"),
        (Answer(204, body=b"never"), "204 No Content"),
    ],
)
def test_a_missing_length_is_added(answer: Answer, head: str) -> None:
    with Server(lambda _: answer) as server, connect(server) as sock:
        sock.sendall(get("/"))
        sock.shutdown(socket.SHUT_WR)
        got = read_all(sock)
    body = b"" if answer.status == 204 else answer.body
    assert got == f"HTTP/1.1 {head}\r\n\r\n".encode("latin-1") + body


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x00", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nx\r\n\r\n"]
)
def test_anything_but_http_is_refused(junk: bytes) -> None:
    with Server(hello) as server:
        answer = exchange(server, junk)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert server.seen == []


def test_latency_comes_before_the_first_byte() -> None:
    with (
        Server(lambda _: Answer(body=b"late", latency=0.1)) as server,
        connect(server) as sock,
    ):
        before = time.monotonic()
        sock.sendall(get("/"))
        sock.recv(1)
        assert time.monotonic() - before >= 0.1
    [(asked, answered)] = server.answered
    assert asked == server.seen[0].at
    assert answered - asked >= 0.1


def test_an_answer_ends_with_its_last_byte() -> None:
    big = Answer(body=bytes(30_000_000))  # more than the buffers of both ends hold
    small = Answer(latency=0.2)
    with (
        Server(lambda seen: big if seen.target == "/big" else small) as server,
        connect(server) as reader,
        connect(server) as other,
    ):
        reader.sendall(get("/big", extra="Connection: close\r\n"))
        reader.recv(1)
        other.sendall(get("/small"))
        other.recv(1)
        assert len(read_all(reader)) > len(big.body)
    (_, small_end), (big_start, big_end) = server.answered
    assert big_end >= small_end
    assert big_end - big_start >= 0.2


def test_a_script_is_written_with_its_waits() -> None:
    script = (b"one ", 0.05, b"two ", ("repeat", b"ab", 3, 0.02), CLOSE)
    with Server(lambda _: Answer(latency=0.05, script=script)) as server:
        before = time.monotonic()
        assert exchange(server, get("/")) == b"one two ababab"
        assert time.monotonic() - before >= 0.05 + 0.05 + 3 * 0.02
    assert len(server.answered) == 1


def test_a_script_without_end_keeps_the_connection() -> None:
    script = (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"x")
    with Server(lambda _: Answer(script=script)) as server:
        answer = exchange(server, get("/1") + get("/2", extra="Connection: close\r\n"))
    assert answer == b"".join(script) * 2


def test_reset_resets_the_connection() -> None:
    with Server(lambda _: Answer(script=(HEAD, RESET))) as server, connect(server) as sock:
        sock.sendall(get("/"))
        assert sock.recv(100) == HEAD
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_close_ends_the_connection_properly(tls: Contexts | None) -> None:
    server_side, client_side = tls or (None, None)
    with (
        Server(lambda _: Answer(script=(HEAD, b"abc", CLOSE)), tls=server_side) as server,
        connect(server, client_side) as sock,
    ):
        sock.sendall(get("/"))
        assert read_all(sock) == HEAD + b"abc"


def test_cut_ends_without_close_notify(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with (
        Server(lambda _: Answer(script=(HEAD, CUT)), tls=server_tls) as server,
        connect(server, client_tls) as sock,
    ):
        sock.sendall(get("/"))
        assert sock.recv(100) == HEAD
        with pytest.raises(ssl.SSLEOFError):
            sock.recv(1)


def test_silence_keeps_the_connection_open() -> None:
    script = {"/silent": (b"HTTP", SILENCE, b"never")}
    with (
        Server(lambda seen: Answer(script=script.get(seen.target, ()))) as server,
        connect(server) as silent,
        connect(server) as other,
    ):
        silent.sendall(get("/silent", "/unheard", extra="Connection: close\r\n"))
        assert silent.recv(4) == b"HTTP"
        other.sendall(get("/heard"))
        other.recv(1)  # the server has gone on, so it would have said more by now
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(1)
    assert [seen.target for seen in server.seen] == ["/silent", "/heard"]


def test_an_endless_answer_waits_for_its_reader() -> None:
    piece = bytes(1_000_000)
    waiting: list[int] = []

    def handler(seen: Seen) -> Answer:
        if seen.target == "/endless":
            return Answer(script=(HEAD, ("repeat", piece, None, 0.0)))
        connections = server._service.live
        waiting.append(max(c._transport.get_write_buffer_size() for c in connections))
        return Answer()

    with (
        Server(handler) as server,
        connect(server) as endless,
        connect(server) as other,
    ):
        endless.sendall(get("/endless"))
        endless.recv(1)
        for _ in range(100):
            other.sendall(get("/measure"))
            other.recv(1000)
        assert 0 < waiting[-1] <= len(piece)
        received = sum(len(endless.recv(1_000_000)) for _ in range(200))
        assert received > len(piece)


def test_handshakes_are_delayed_independently(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    delay, clients = 0.25, 20

    def handshake(_: int) -> float:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            before = time.monotonic()
            with client_tls.wrap_socket(sock, server_hostname="127.0.0.1"):
                return time.monotonic() - before

    with (
        Server(hello, tls=server_tls, handshake_delay=delay) as server,
        ThreadPoolExecutor(clients) as pool,
    ):
        before = time.monotonic()
        assert min(pool.map(handshake, range(clients))) >= delay
        assert time.monotonic() - before < delay * clients  # what one after the other would take


def test_a_distrusting_client_does_no_harm(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with Server(hello, tls=server_tls) as server:
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            connect(server, ssl.create_default_context()),
        ):
            pass
        with connect(server, client_tls) as sock:
            sock.sendall(get("/", extra="Connection: close\r\n"))
            assert read_all(sock).endswith(b"hello /")


def test_a_failed_handshake_is_explained(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    server_tls.minimum_version = ssl.TLSVersion.TLSv1_3
    client_tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        Server(hello, tls=server_tls) as server,
        pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"),
        connect(server, client_tls),
    ):
        pass


def test_a_wrong_script_is_raised_on_leaving() -> None:
    script = ("text",)
    with pytest.raises(TypeError), Server(lambda _: Answer(script=script)) as server:  # type: ignore[arg-type]
        assert exchange(server, get("/")) == b""
