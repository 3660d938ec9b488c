import pickle
import time

import pytest

from crawler.model.errors import UsageError
from crawler.model.scope import make_scope, make_strip
from crawler.model.urls import (
    MAX_URL_CHARACTERS,
    InputUrl,
    Joiner,
    UrlError,
    authority,
    canonical,
    host_name,
    host_port,
    key,
    of_header,
    origin,
    parse_input,
    registrable_domain,
    without_controls,
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://example.com", "http://example.com/"),
        (" \thttps://EXAMPLE.com:443/a/../b#c\n", "https://example.com/b"),
        ("http://user:secret@example.com/", "http://example.com/"),
        ("http://user@example.com/@x", "http://example.com/@x"),
        ("http://bücher.example/ä?ö", "http://xn--bcher-kva.example/%C3%A4?%C3%B6"),
        ("http:\\\\example.com\\a", "http://example.com/a"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://example.com/a b", "http://example.com/a%20b"),
    ],
)
def test_canonical_urls(text: str, url: str) -> None:
    assert canonical(text) == url


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \t\n", "empty"),
        ("example.com/path", "put http://"),
        ("//example.com", "put http://"),
        ("localhost:8080/x", "put http://"),
        ("mailto:me@example.com", "'mailto': only http and https"),
        ("FTP://example.com/", "'FTP': only http and https"),
        ("file:///etc/passwd", "'file'"),
        ("http://", "host"),
        ("http://[::1", "host"),
        ("http://a:99999/", "port"),
        ("http://a\0b/", "host"),
        ("http://a/\ud800", "valid"),
        ("http://a/" + "x" * MAX_URL_CHARACTERS, "8,192"),
        ("http://a/" + "ä" * (MAX_URL_CHARACTERS // 2), "8,192"),
    ],
)
def test_a_malformed_url_has_a_message(text: str, says: str) -> None:
    with pytest.raises(UrlError) as caught:
        canonical(text)
    assert says in caught.value.message
    assert str(caught.value) == caught.value.message


@pytest.mark.promise("P05")
def test_no_message_quotes_a_password() -> None:
    for text in ("user:secret@example.com", "ftp://u:secret@h/", "http://u:secret@[::1"):
        with pytest.raises(UrlError) as caught:
            canonical(text)
        assert "secret" not in caught.value.message


@pytest.mark.promise("P26")
def test_hosts_too_long_for_idna_are_refused() -> None:
    label = "".join(chr(0x4E00 + i) for i in range(8000))
    joiner = Joiner("http://h/")
    for text in (f"http://{label}/", f"ht\ntp://{label}/"):
        with pytest.raises(UrlError, match="host is too long"):
            canonical(text)
        assert joiner.join(text) is None
    assert joiner.join(f"//{label}") is None
    assert canonical("http://h/" + label[:500]).startswith("http://h/%E4")


@pytest.mark.promise("P26")
@pytest.mark.parametrize(
    "text",
    ["http://" + "@" * 100_000, "%" * 100_000, "http://h/" + "%" * 8_000, "http://" + "[" * 8_000],
)
def test_long_garbage_is_refused_quickly(text: str) -> None:
    before = time.process_time()
    for _ in range(20):
        try:
            key(canonical(text))
        except UrlError:
            continue
    assert time.process_time() - before < 2  # some milliseconds; quadratic would be minutes


@pytest.mark.promise("P05")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://h/a#b", InputUrl("http://h/a")),
        ("http://u:p%40ss@h/", InputUrl("http://h/", "u:p@ss")),
        ("http://u@h/", InputUrl("http://h/", "u:")),
    ],
)
def test_userinfo_of_the_input_is_separated(text: str, expected: InputUrl) -> None:
    assert parse_input(text) == expected


@pytest.mark.promise("P27")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://h/~a", "http://h/%7ea"),
        ("http://h/%7Ea", "http://h/%7ea"),
        ("http://h/%c3%a4", "http://h/%C3%A4"),
        ("http://h/a?", "http://h/a"),
        ("http://h", "http://H:80/"),
        ("http://h/a/./b/%2e%2E/c", "http://h/a/c"),
        ("http://u:p@h/#x", "http://h/"),
        ("http://h/a%2Db", "http://h/a-b"),
    ],
)
def test_spellings_of_one_url_have_one_key(one: str, other: str) -> None:
    assert key(canonical(one)) == key(canonical(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://h/", "https://h/"),
        ("http://h/", "http://h:8080/"),
        ("http://h/a", "http://h/a/"),
        ("http://h/a", "http://h/A"),
        ("http://h/a%2Fb", "http://h/a/b"),
        ("http://h/%2541", "http://h/%41"),
        ("http://h/?a=%26", "http://h/?a=&"),
        ("http://h/?a&b", "http://h/?b&a"),
    ],
)
def test_different_urls_have_different_keys(one: str, other: str) -> None:
    assert key(canonical(one)) != key(canonical(other))


def test_a_key_fits_a_signed_column() -> None:
    keys = [key(f"http://h/{i}") for i in range(1000)]
    assert min(keys) < 0 < max(keys)
    assert all(-(2**63) <= k < 2**63 for k in keys)
    assert len(set(keys)) == 1000


@pytest.mark.parametrize(
    ("url", "site", "place", "endpoint"),
    [
        ("http://h/a:b@c", "http://h", "h", ("h", 80)),
        ("https://h/", "https://h", "h", ("h", 443)),
        ("https://h:8443/?x=/", "https://h:8443", "h:8443", ("h", 8443)),
        ("http://[::1]/", "http://[::1]", "[::1]", ("::1", 80)),
        ("http://[2001:db8::2]:81/", "http://[2001:db8::2]:81", "[2001:db8::2]:81",
         ("2001:db8::2", 81)),
    ],
)  # fmt: skip
def test_a_url_is_split_into_parts(
    url: str, site: str, place: str, endpoint: tuple[str, int]
) -> None:
    assert origin(url) == site
    assert authority(url) == authority(site) == place
    assert host_port(url) == endpoint


@pytest.mark.promise("P76")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("port", ["", ":8080"])
@pytest.mark.parametrize(
    ("written", "name"),
    [("a.example", "a.example"), ("a.example.", "a.example"), ("10.0.0.1", "10.0.0.1"),
     ("[::1]", "[::1]"), ("[2001:db8::2]", "[2001:db8::2]")],
)  # fmt: skip
def test_a_host_has_one_name(scheme: str, port: str, written: str, name: str) -> None:
    site = f"{scheme}://{written}{port}"
    assert host_name(f"{site}/a:b") == host_name(site) == name


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("www.example.com.", "example.com"),
    ],
)
def test_registrable_domain(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("", "http://h/a/b?q"),
        ("#top", "http://h/a/b?q"),
        ("c", "http://h/a/c"),
        ("../c#d", "http://h/c"),
        ("?x", "http://h/a/b?x"),
        ("//other", "http://other/"),
        (" \nhttps://u:p@other/@x\t", "https://other/@x"),
        ("/@medium", "http://h/@medium"),
        ("http:c", "http://h/a/c"),
        ("mailto:a@b", None),
        ("javascript:void(0)", None),
        ("data:text/html,<a href=x>", None),
        ("http://[::1", None),
        ("http://\ud800/", None),
        ("x" * MAX_URL_CHARACTERS, None),
        ("ä" * 2000, None),
    ],
)
def test_joined_urls(href: str, url: str | None) -> None:
    assert Joiner("http://user:secret@h/a/b?q#f").join(href) == url


def test_joiner_needs_an_absolute_base() -> None:
    with pytest.raises(UrlError):
        Joiner("/a")


SEED = "http://www.example.com/docs/~me/index.html?a=/b/c"


@pytest.mark.parametrize(
    ("kind", "url", "allowed"),
    [
        ("host", "http://www.example.com/", True),
        ("host", "https://www.example.com/x", True),
        ("host", "http://www.example.com:8080/", False),
        ("host", "http://www.example.com.evil.net/", False),
        ("host", "http://example.com/", False),
        ("domain", "https://shop.example.com:8080/", True),
        ("domain", "https://example.com/", True),
        ("domain", "https://example.org/", False),
        ("prefix", "https://www.example.com/docs/~me/", True),
        ("prefix", "http://www.example.com/docs/%7Eme/a/b", True),
        ("prefix", "http://www.example.com/docs/~me", False),
        ("prefix", "http://www.example.com/docs/~men/", False),
        ("any", "http://elsewhere.net/", True),
    ],
)
def test_scope_allows_by_kind(kind: str, url: str, allowed: bool) -> None:
    assert make_scope(kind).allows(SEED, url) is allowed


def test_include_and_exclude_search_the_url() -> None:
    scope = pickle.loads(pickle.dumps(make_scope("host", [r"/docs/", r"\.html$"], ["print"])))
    base = "http://www.example.com"
    assert scope.allows(SEED, f"{base}/docs/x")
    assert scope.allows(SEED, f"{base}/x.html")
    assert not scope.allows(SEED, f"{base}/x")
    assert not scope.allows(SEED, f"{base}/docs/x?print")
    assert not scope.allows(SEED, "http://other/docs/x")


def test_a_wrong_scope_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="planet"):
        make_scope("planet")
    for patterns in ({"include": ["a("]}, {"exclude": ["a("]}):
        with pytest.raises(UsageError, match=r"'a\('"):
            make_scope("host", **patterns)


def cpu(text: str) -> float:
    """Seconds it takes to make something of ``text`` as input and as a link; the best of five."""
    joiner, best = Joiner("http://h/"), float("inf")
    for _ in range(5):
        before = time.thread_time()
        for _ in range(10):
            joiner.join(text)
            try:
                key(canonical(text))
            except UrlError:
                continue
        best = min(best, time.thread_time() - before)
    return best


@pytest.mark.promise("P26")
@pytest.mark.parametrize(
    ("head", "unit"),
    [
        ("http://", "@"),
        ("http://h/", "%"),
        ("http://h/", "%7e"),
        ("http://h/", "../"),
        ("http://h/?", "ä"),
        ("http://[", ":"),
        ("http://", "a."),
    ],
)
def test_parsing_a_url_takes_linear_time(head: str, unit: str) -> None:
    short, long = (head + unit * (size // len(unit)) for size in (800, 8000))
    assert cpu(long) < 40 * (cpu(short) + 1e-5)


@pytest.mark.promise("P26")
@pytest.mark.parametrize(
    "text",
    ["http://" + "@" * 10**5, "http://h/" + "%" * 10**5, "http://" + "ä" * 10**5, "http://[::1"],
)
def test_an_enormous_link_is_refused_quickly(text: str) -> None:
    assert Joiner("http://h/").join(text) is None
    assert cpu(text) < 10 * cpu("http://h/some/ordinary/link?a=b")


@pytest.mark.promise("P27")
def test_many_spellings_of_a_page_share_a_key() -> None:
    names = ("http://h.example", "HTTP://H.Example", "http://h.example:80", "http://u:p@h.example")
    paths = ("/~a/b", "/%7ea/b", "/%7Ea/./b", "/x/../~a/b", "/~%61/%62", "/~a/x/%2e%2E/b")
    ends = ("", "#", "#part", "?", "?#")
    urls = {name + path + end for name in names for path in paths for end in ends}
    assert len(urls) == 120
    assert len({key(canonical(url)) for url in urls}) == 1


@pytest.mark.promise("P28")
@pytest.mark.parametrize(
    ("url", "stripped"),
    [
        ("http://h/?sid=1", "http://h/"),
        ("http://h/?sid", "http://h/"),
        ("http://h/?a=1&sid=1&b=2", "http://h/?a=1&b=2"),
        ("http://h/?utm_source=x&utm_medium=y&a", "http://h/?a"),
        ("http://h/?utm%5Fsource=x", "http://h/"),
        ("http://h/?a=1&a=2&sid=3&a=1", "http://h/?a=1&a=2&a=1"),
        ("http://h/?sid=1?x&b", "http://h/?b"),
        ("http://h/?SID=1&side=2&xutm_=3&a=sid", "http://h/?SID=1&side=2&xutm_=3&a=sid"),
        ("http://h/sid=1&utm_x=2", "http://h/sid=1&utm_x=2"),
        ("http://h/?", "http://h/?"),
        ("http://h/?&&a", "http://h/?&&a"),
    ],
)
def test_named_parameters_are_stripped(url: str, stripped: str) -> None:
    strip = pickle.loads(pickle.dumps(make_strip(["sid", "utm_*"])))
    assert strip.apply(url) == stripped
    assert make_strip([]).apply(url) == url


@pytest.mark.parametrize("name", ["", "*", "a*b", "*a", "a**"])
def test_a_wrong_parameter_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="parameter"):
        make_strip([name])


@pytest.mark.promise("P81")
@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("/a?b=%E9'", "/a?b=%E9'"),
        ("/caf\xe9", "/caf%E9"),
        ("/\x80\x85\xa0\xff", "/%80%85%A0%FF"),
        ("/\udce9", "/%E9"),  # an engine that reads heads as UTF-8 with surrogates
        ("/\u2603", "/%E2%98%83"),  # an engine that has decoded them
        ("/\U0001f4a9", "/%F0%9F%92%A9"),
    ],
)
def test_bytes_of_a_header_are_escaped(value: str, url: str) -> None:
    assert of_header(value) == url


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("/plain", "/plain"),
        ("/a b\tc", "/a b\tc"),  # as they were received
        ("/o\x01k", "/o%01k"),
        ("/o\x7fk?q=\x1fe#\x02-", "/o%7Fk?q=%1Fe#%02-"),
        ("\x01 /a\x00 ", "/a"),  # C0 controls and spaces at both ends are removed
        ("/a\r\nb", "/ab"),
        ("/a\x7f", "/a%7F"),  # DELETE is not a C0 control
        ("http://b.exa\x01mple/", "http://b.exa%01mple/"),  # no host, with either
        ("ht\x01tp://b.example/", "ht%01tp://b.example/"),  # no scheme, with either
        ("/\xe9\x01k", "/\xe9%01k"),
    ],
)
def test_a_header_without_controls_leads_to_the_same_url(value: str, written: str) -> None:
    assert without_controls(value) == written
    page = Joiner("http://a.example/x/")
    assert page.join(of_header(written)) == page.join(of_header(value))
