"""Credentials, proxies and headers: what goes where, decided without a network."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.resolvers import Anywhere

from crawler.engines.shared.proxying import basic
from crawler.fetch.cookies import Jar
from crawler.fetch.fetcher import Fetcher
from crawler.fetch.headers import (
    RequestHeaders,
    is_insecure,
    parse_header,
    parse_login,
    parse_place,
)
from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.exchange import Headers, Proxy, Request, Response, Timing
from crawler.settings import Settings, load, options
from crawler.settings.option import SECRET

USUAL: Headers = (("User-Agent", "crawler/1"), ("Accept", "text/html"))
A = "https://a.example/"


def sent(headers: RequestHeaders, url: str) -> dict[str, str]:
    pairs = headers.of(url)
    assert len({name.lower() for name, _ in pairs}) == len(pairs), "a header twice"
    return {name.lower(): value for name, value in pairs}


def authorization(headers: RequestHeaders, url: str) -> str | None:
    value = sent(headers, url).get("authorization")
    return None if value is None else base64.b64decode(value.removeprefix("Basic ")).decode()


# --header


def test_a_header_replaces_ours_of_the_same_name() -> None:
    headers = RequestHeaders(USUAL, ["accept: text/plain", "X-Own:  me "])
    assert headers.of(A) == (("User-Agent", "crawler/1"), ("accept", "text/plain"), ("X-Own", "me"))


@pytest.mark.promise("P01", "P02")
@pytest.mark.parametrize("name", ["Authorization", "cookie", "Proxy-Authorization"])
@pytest.mark.parametrize(
    "other",
    [
        "https://b.example/",
        "https://www.a.example/",
        "https://a.example:444/",
        "http://a.example/",
        "http://a.example:443/",
        "https://a.example.b.example/",
    ],
)
def test_a_credential_goes_to_input_origins_only(name: str, other: str) -> None:
    headers = RequestHeaders(USUAL, [f"{name}: secret", "X-Own: me"])
    assert sent(headers, A) == {"user-agent": "crawler/1", "accept": "text/html", "x-own": "me"}
    headers.name("https://a.example/deep/page?q")
    assert sent(headers, A + "robots.txt")[name.lower()] == "secret"
    assert sent(headers, other) == {"user-agent": "crawler/1", "accept": "text/html", "x-own": "me"}


# --auth and userinfo


def test_a_login_always_goes_to_its_tls_host() -> None:
    headers = RequestHeaders(USUAL, logins=["a.example=me:pass:=wörd"])
    assert authorization(headers, A) == "me:pass:=wörd"
    headers.name(A)
    assert authorization(headers, A + "x") == "me:pass:=wörd"


@pytest.mark.promise("P01")
def test_plain_http_gets_logins_only_by_input() -> None:
    headers = RequestHeaders(USUAL, logins=["a.example=me:x"])
    headers.name(A)
    assert authorization(headers, "http://a.example/") is None
    headers.name("http://a.example/")
    assert authorization(headers, "http://a.example/") == "me:x"


@pytest.mark.promise("P02")
@pytest.mark.parametrize(
    ("host", "yes", "no"),
    [
        ("a.example", {"https://a.example/"}, {"https://a.example:8443/", "https://b.example/"}),
        ("a.example:8443", {"https://a.example:8443/"}, {"https://a.example/"}),
        ("A.Example:443", {"https://a.example/"}, {"https://a.example:8443/"}),
        ("a.example", set(), {"https://www.a.example/", "https://example/"}),
        ("[::1]:8443", {"https://[::1]:8443/"}, {"https://[::1]/"}),
        ("bücher.example", {"https://xn--bcher-kva.example/"}, {"https://bucher.example/"}),
    ],
)
def test_a_login_is_for_one_host_and_port(host: str, yes: set[str], no: set[str]) -> None:
    headers = RequestHeaders(USUAL, logins=[f"{host}=me:x"])
    for url in yes | no:
        headers.name(url)
    assert [authorization(headers, url) for url in yes] == ["me:x"] * len(yes)
    assert [authorization(headers, url) for url in no] == [None] * len(no)


@pytest.mark.promise("P01")
def test_userinfo_wins_and_stays_with_its_origin() -> None:
    headers = RequestHeaders(USUAL, ["Authorization: Bearer x"], ["a.example=me:x"])
    headers.name(A)
    headers.log_in(A, "you:y")
    assert authorization(headers, A) == "you:y"
    headers.name("http://a.example/")
    assert authorization(headers, "http://a.example/") == "me:x"
    headers.log_in(A, "they:z")
    assert authorization(headers, A) == "they:z"


def test_equal_headers_are_the_same_object() -> None:
    """An engine tells a handle its headers only where they are others."""
    headers = RequestHeaders(USUAL, ["Cookie: a=b"])
    assert headers.of(A) is headers.of("https://b.example/")
    assert headers.name(A)
    first = headers.of(A)
    assert not headers.name(A + "again")
    headers.name("https://b.example/")
    assert headers.of(A) is first is headers.of("https://b.example/x")


def test_origins_without_credentials_are_not_kept() -> None:
    headers = RequestHeaders(USUAL, ["X-Own: me"], ["a.example=me:x"])
    for number in range(100):
        headers.name(f"https://h{number}.example/")
    assert len(headers._own) == 1
    assert not headers._named


@given(st.text(), st.text())
def test_a_basic_login_can_be_read_back(user: str, password: str) -> None:
    if all(c.isprintable() for c in user + password) and ":" not in user:
        value = basic(f"{user}:{password}")
        assert value.isascii()
        assert base64.b64decode(value.split()[1]).decode() == f"{user}:{password}"


# places


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("A.example", ("a.example", None)),
        ("a.example:80", ("a.example", 80)),
        ("a.example:443", ("a.example", 443)),
        ("[::1]", ("::1", None)),
        ("[::1]:8443", ("::1", 8443)),
        ("127.1", ("127.0.0.1", None)),
    ],
)
def test_places_are_parsed(text: str, place: tuple[str, int | None]) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize(
    "text", ["", "a b", "a/b", "u@a", "a:99999", "http://a", "a?b", "a#b", "["]
)
def test_a_wrong_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_place(text)
    with pytest.raises(UsageError) as caught:
        parse_login(f"{text}=me:secret")
    assert "secret" not in str(caught.value)


@pytest.mark.promise("P09")
def test_insecure_is_for_one_host_only() -> None:
    places = frozenset({("a.example", None), ("b.example", 8443)})
    assert is_insecure(places, "a.example", 1234)
    assert is_insecure(places, "b.example", 8443)
    for host, port in (("b.example", 443), ("www.a.example", 443), ("example", 443)):
        assert not is_insecure(places, host, port)


# settings


@pytest.mark.promise("P05")
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"header": ["no colon secret"]}, "'K: V'"),
        ({"header": ["X: a\r\nY: secret"]}, "'K: V'"),
        ({"header": ["X Y: secret"]}, "'K: V'"),
        ({"header": ["X: sécret"]}, "'K: V'"),
        ({"header": ["Host: secret"]}, "control the connection"),
        ({"header": ["connection: secret"]}, "control the connection"),
        ({"header": ["Content-Length: secret"]}, "control the connection"),
        ({"header": ["Transfer-Encoding: secret"]}, "control the connection"),
        ({"header": ["X: secret", 1]}, "must be"),
        ({"header": ["Proxy-Authorization: secret"], "proxy": "http://p:1"}, "proxy"),
        ({"auth": ["a.example"]}, "HOST=USER:PASS"),
        ({"auth": ["a.example=secret"]}, "HOST=USER:PASS"),
        ({"auth": ["=me:secret"]}, "HOST=USER:PASS"),
        ({"auth": ["http://a.example=me:secret"]}, "HOST=USER:PASS"),
        ({"auth": ["a.example=me:secret\r\n"]}, "HOST=USER:PASS"),
        ({"proxy": "a.example:secret"}, "SCHEME"),
        ({"proxy": "ftp://me:secret@a.example"}, "SCHEME"),
        ({"proxy": "http://me:secret@a.example/path"}, "SCHEME"),
        ({"proxy": "http://me:secret@"}, "SCHEME"),
        ({"proxy": ["http://me:secret@a.example"]}, "must be"),
        ({"insecure": ["https://a.example"]}, "HOST or HOST:PORT"),
        ({"insecure": ["a.example/"]}, "HOST or HOST:PORT"),
    ],
)
def test_refused_values_are_not_quoted(asked: dict[str, object], says: str) -> None:
    for ask in (lambda: Settings(**asked), lambda: load(asked, {})):  # type: ignore[arg-type]
        with pytest.raises(UsageError) as caught:
            ask()
        assert says in str(caught.value)
        assert "secret" not in str(caught.value)
        assert next(iter(asked)) in str(caught.value)


@pytest.mark.promise("P05")
def test_secrets_are_not_shown() -> None:
    asked = Settings(
        header=["X-Key: hunter2"],
        auth=["a.example=me:hunter2", "b.example=me:hunter2"],
        proxy="http://me:hunter2@p.example",
    )
    shown = {each.name: each.shown(getattr(asked, each.name)) for each in options()}
    assert "hunter2" not in str(shown)
    assert shown["auth"] == (SECRET, SECRET)
    assert shown["proxy"] == SECRET
    assert shown["engine"] == "curl"
    nothing = Settings()
    assert all(each.shown(each.default) == getattr(nothing, each.name) for each in options())


# the fetcher


class Recorder:
    """An engine that answers from a list and remembers what it was asked."""

    def __init__(self, *answers: Response) -> None:
        self.asked: list[Request] = []
        self._answers = list(answers)

    async def fetch(self, request: Request) -> Response:
        self.asked.append(request)
        return self._answers.pop(0) if self._answers else answer()


def answer(status: int = 200, *cookies: str) -> Response:
    return Response(status, tuple(("set-cookie", each) for each in cookies), b"", Timing())


def fetcher(engine: Recorder, headers: RequestHeaders | None = None, **more: object) -> Fetcher:
    given = headers or RequestHeaders(USUAL)
    return Fetcher(engine, Anywhere(), given, 1.0, 100, **more)  # type: ignore[arg-type]


def cookie_lines(request: Request) -> list[str]:
    return [value for name, value in request.headers if name.lower() == "cookie"]


async def test_a_cookie_of_a_redirect_is_sent_next() -> None:
    engine = Recorder(answer(302, "id=7; Path=/"), answer())
    asking = fetcher(engine, cookies=Jar())
    await asking.fetch(A + "login")
    await asking.fetch(A + "home")
    await asking.fetch("https://b.example/")
    assert [cookie_lines(request) for request in engine.asked] == [[], ["id=7"], []]


async def test_cookies_are_one_header_the_users_first() -> None:
    engine = Recorder(answer(200, "id=7"))
    headers = RequestHeaders(USUAL, ["cookie: own=1"])
    headers.name(A)
    asking = fetcher(engine, headers, cookies=Jar())
    await asking.fetch(A)
    await asking.fetch(A)
    assert [cookie_lines(request) for request in engine.asked] == [["own=1"], ["own=1; id=7"]]


async def test_without_a_jar_no_cookie_is_kept() -> None:
    engine = Recorder(answer(200, "id=7"))
    asking = fetcher(engine)
    for _ in range(2):
        await asking.fetch(A)
    assert engine.asked[1].headers is engine.asked[0].headers


@pytest.mark.promise("P09")
async def test_only_the_named_host_is_not_verified() -> None:
    engine = Recorder()
    asking = fetcher(engine, insecure=frozenset({("a.example", None)}))
    for url in (A, "https://b.example/", "https://www.a.example/", A):
        await asking.fetch(url)
    assert [request.verify for request in engine.asked] == [False, True, True, False]


@pytest.mark.promise("P04")
async def test_a_407_of_the_proxy_hides_its_login() -> None:
    asking = fetcher(Recorder(answer(407)), proxy=Proxy("http", "p.example", 3128, "me:hunter2"))
    with pytest.raises(FetchError) as caught:
        await asking.fetch("http://a.example/")
    assert caught.value.kind is FailureKind.STATUS
    assert "p.example:3128" in caught.value.message
    assert "hunter2" not in caught.value.message


async def test_a_407_of_a_site_is_a_response() -> None:
    asking = fetcher(Recorder(answer(407)), proxy=Proxy("http", "p.example", 3128))
    assert (await asking.fetch(A)).status == 407
    assert (await fetcher(Recorder(answer(407))).fetch("http://a.example/")).status == 407


def test_a_header_is_a_name_and_a_value() -> None:
    assert parse_header("X-A:\t b: c ") == ("X-A", "b: c")
