"""The cookie jar: who may set what, who is header_for, and what happens to too much of it."""

import logging
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.jars import NOW, SHOP, header_for, jar_of, saved

from crawler.fetch.cookies import (
    IN_ALL,
    LONGEST_LIFE,
    MAX_BYTES,
    MAX_SENT,
    PER_DOMAIN,
    Cookie,
    Jar,
    parse,
    parse_date,
)
from crawler.model.urls import canonical


@pytest.mark.promise("P41")
def test_a_cookie_returns_to_its_host_only() -> None:
    jar = jar_of("k=v")
    assert header_for(jar, "https://www.shop.example/a/c") == "k=v"
    for other in ("https://shop.example/a/", "https://a.www.shop.example/a/", "https://b.example/"):
        assert header_for(jar, other) == ""


def test_only_set_cookie_sets_cookies() -> None:
    jar = Jar()
    jar.take(SHOP, (("cookie", "a=b"), ("x-set-cookie", "a=b")), NOW)
    assert len(jar) == 0


@pytest.mark.promise("P41")
def test_a_domain_cookie_reaches_all_its_hosts() -> None:
    jar = jar_of("k=v; Domain=.Shop.Example; Path=/")
    for host in ("shop.example", "www.shop.example", "a.b.shop.example"):
        assert header_for(jar, f"https://{host}/") == "k=v"
    for host in ("eshop.example", "shop.example.org", "example"):
        assert header_for(jar, f"https://{host}/") == ""


@pytest.mark.promise("P41")
@pytest.mark.parametrize(
    ("url", "domain"),
    [
        (SHOP, "example"),
        (SHOP, "other.example"),
        (SHOP, "a.www.shop.example"),
        (SHOP, "hop.example"),
        (SHOP, "w.shop.example"),
        ("https://me.github.io/", "github.io"),
        ("https://a.co.uk/", "co.uk"),
        ("http://127.0.0.1/", "0.0.1"),
        ("http://10.0.0.1/", "1"),
        ("http://[::1]/", "1]"),
        ("http://a.localhost/", "localhost"),
    ],
)
def test_a_cookie_for_a_foreign_domain_is_ignored(url: str, domain: str) -> None:
    assert parse(f"k=v; Domain={domain}", url, NOW) is None


@pytest.mark.promise("P41")
@pytest.mark.parametrize(
    "url",
    ["https://github.io/", "https://co.uk/", "http://127.0.0.1/", "http://localhost/"],
)
def test_a_public_suffix_sets_for_itself_only(url: str) -> None:
    host = url.split("/")[2]
    cookie = parse(f"k=v; Domain={host}", url, NOW)
    assert cookie is not None
    assert cookie.host_only
    jar = jar_of(f"k=v; Domain={host}", url=url)
    assert header_for(jar, url) == "k=v"
    assert header_for(jar, url.replace("//", "//below.")) == ""


@pytest.mark.parametrize(
    ("path", "yes", "no"),
    [
        ("", ("/a", "/a/x", "/a/x/y"), ("/", "/ab", "/b")),
        ("; Path=/", ("/", "/x"), ()),
        ("; Path=/x", ("/x", "/x/", "/x/y", "/x?q"), ("/", "/xy", "/X")),
        ("; Path=/x/", ("/x/", "/x/y"), ("/x", "/xy")),
        ("; Path=nonsense", ("/a/x",), ("/",)),
        ("; Path=/one; Path=/two", ("/two",), ("/one",)),
    ],
)
def test_a_cookie_returns_to_its_path_only(
    path: str, yes: tuple[str, ...], no: tuple[str, ...]
) -> None:
    jar = jar_of(f"k=v{path}")
    assert [header_for(jar, f"https://www.shop.example{each}") for each in yes] == ["k=v"] * len(
        yes
    )
    assert [header_for(jar, f"https://www.shop.example{each}") for each in no] == [""] * len(no)


def test_secure_cookies_need_tls() -> None:
    jar = jar_of("k=v; Secure")
    assert header_for(jar, SHOP) == "k=v"
    plain = SHOP.replace("https", "http")
    assert header_for(jar, plain) == ""
    assert len(jar_of("k=v; Secure", url=plain)) == 0


@pytest.mark.parametrize(
    "line",
    ["k=evil", "k=evil; Path=/a", "k=evil; Domain=shop.example; Path=/a/b", "k=; Max-Age=0"],
)
def test_plain_http_does_not_replace_secure_cookies(line: str) -> None:
    jar = jar_of("k=v; Secure")
    plain = SHOP.replace("https", "http")
    jar.take(plain, (("set-cookie", line), ("set-cookie", "other=1")), NOW)
    assert header_for(jar, SHOP) == "k=v; other=1"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("__Secure-k=v; Secure", True),
        ("__Secure-k=v", False),
        ("__SECURE-k=v", False),
        ("__Host-k=v; Secure; Path=/", True),
        ("__host-k=v; Secure; Path=/; Domain=www.shop.example", False),
        ("__Host-k=v; Secure", False),
        ("__Host-k=v; Secure; Path=/a", False),
        ("__Host-k=v; Path=/", False),
    ],
)
def test_cookie_name_prefixes_are_enforced(line: str, kept: bool) -> None:
    assert (parse(line, SHOP, NOW) is not None) == kept


def test_longer_paths_then_older_cookies_come_first() -> None:
    jar = jar_of("c=1; Path=/", "a=1; Path=/a", "b=1; Path=/", "a2=1; Path=/a")
    assert header_for(jar, SHOP) == "a=1; a2=1; c=1; b=1"


def test_a_cookie_set_again_keeps_its_age() -> None:
    jar = jar_of("a=1", "b=1", "a=2")
    assert header_for(jar, SHOP) == "a=2; b=1"
    assert len(jar) == 2


@pytest.mark.parametrize(
    ("attributes", "lives"),
    [
        ("", None),
        ("Max-Age=10", 10),
        ("max-age = 10 ", 10),
        ("Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 10),
        ("Max-Age=ten", None),
        ("Max-Age=+10", None),
        ("Max-Age=99999999999999999", LONGEST_LIFE),
        ("Max-Age=9" + "9" * 400, None),
        ("Expires=" + formatdate(NOW + 60, usegmt=True), 60),
        ("Expires=soon", None),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_LIFE),
    ],
)
def test_a_cookie_lives_as_long_as_allowed(attributes: str, lives: float | None) -> None:
    cookie = parse(f"k=v; {attributes}", SHOP, NOW)
    assert cookie is not None
    assert cookie.expires == (None if lives is None else NOW + lives)


def test_an_expired_cookie_is_removed() -> None:
    jar = jar_of("a=1; Max-Age=10", "b=1")
    assert header_for(jar, SHOP, NOW + 9) == "a=1; b=1"
    assert header_for(jar, SHOP, NOW + 10) == "b=1"
    assert len(jar) == 1


@pytest.mark.parametrize(
    "how", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
)
def test_a_server_can_remove_a_cookie(how: str) -> None:
    jar = jar_of("a=1", "b=1", f"a=; {how}")
    assert header_for(jar, SHOP) == "b=1"


@pytest.mark.parametrize(
    "line",
    ["", "novalue", "=v", " =v", ";", "k\x00=v", "k=v\x07", "k=v\x7f", "k=\u0100", "\tk\t"],
)
def test_a_malformed_cookie_is_ignored(line: str) -> None:
    assert parse(line, SHOP, NOW) is None


def test_cookie_values_are_kept_unchanged() -> None:
    jar = jar_of('k= "a, b=c" ;Secure')
    assert header_for(jar, SHOP) == 'k="a, b=c"'


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "6 november 1994 8:49:37",
        "1994-nov 08:49:37 6",
        "Sun, 06-Nov-1994 08:49:37 UTC junk 99",
    ],
)
def test_dates_are_read_leniently(text: str) -> None:
    assert parse_date(text) == 784_111_777.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "06 Nov 1994",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1600 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
    ],
)
def test_a_malformed_date_is_ignored(text: str) -> None:
    assert parse_date(text) is None


@given(st.integers(0, 4_102_444_800))
def test_every_standard_date_is_read(moment: int) -> None:
    assert parse_date(formatdate(moment, usegmt=True)) == moment


# Bounds


@pytest.mark.promise("P41")
def test_huge_cookies_are_bounded_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    jar = Jar()
    with caplog.at_level(logging.INFO, "crawler"):
        for number in range(400):
            lines = [f"n{number}.{k}={'x' * 4000}; Path=/{k}" for k in range(60)]
            url = f"https://h{number % 100}.shop{number % 97}.example/"
            jar.take(url, tuple(("set-cookie", line) for line in lines), NOW)
            jar.take(url, (("set-cookie", f"big={'x' * MAX_BYTES}"),), NOW)
    assert len(jar) == IN_ALL
    assert len(saved(jar)) < IN_ALL * (MAX_BYTES + 200)
    assert len(caplog.records) == 1
    assert "xxx" not in caplog.text


@pytest.mark.promise("P41")
def test_a_full_domain_keeps_its_newest_cookies() -> None:
    jar = Jar()
    for number in range(PER_DOMAIN + 10):
        jar.take(SHOP, (("set-cookie", f"n{number}=v"),), NOW)
    assert len(jar) == PER_DOMAIN
    names = [pair.partition("=")[0] for pair in header_for(jar, SHOP).split("; ")]
    assert names == [f"n{number}" for number in range(10, PER_DOMAIN + 10)]


@pytest.mark.promise("P41")
def test_one_domain_displaces_no_other() -> None:
    jar = jar_of("k=v")
    for number in range(IN_ALL):
        jar.take("https://b.example/", (("set-cookie", f"n{number}=v"),), NOW)
    assert header_for(jar, SHOP) == "k=v"
    assert len(jar) == PER_DOMAIN + 1


@pytest.mark.promise("P41")
def test_the_cookie_header_is_bounded() -> None:
    jar = jar_of(*(f"n{number}={'x' * 1000}" for number in range(50)))
    sent = header_for(jar, SHOP)
    assert MAX_SENT - 1100 < len(sent) <= MAX_SENT
    assert sent.startswith("n0=x")


def test_a_cookie_of_exactly_the_limit_is_kept() -> None:
    assert len(jar_of(f"k={'x' * (MAX_BYTES - 1)}")) == 1
    assert len(jar_of(f"k={'x' * MAX_BYTES}")) == 0


NAMES = st.text("abcXYZ-_.", min_size=1, max_size=6)
HOSTS = st.sampled_from(
    ["shop.example", "www.shop.example", "b.co.uk", "x.github.io", "127.0.0.1", "localhost"]
)
ATTRIBUTES = st.lists(
    st.one_of(
        st.just("Secure"),
        st.sampled_from(["", ".", "shop.example", "co.uk", "x.github.io", "1"]).map(
            "Domain={}".format
        ),
        st.sampled_from(["", "/", "/a", "/a/b", "a"]).map("Path={}".format),
        st.integers(-1, 100).map("Max-Age={}".format),
        st.text(max_size=20),
    ),
    max_size=4,
)
SETS = st.lists(st.tuples(st.booleans(), HOSTS, NAMES, NAMES, ATTRIBUTES), max_size=20)


@pytest.mark.promise("P41")
@given(SETS, st.sampled_from(["http", "https"]), HOSTS, st.sampled_from(["/", "/a", "/a/b/c"]))
def test_no_host_receives_foreign_cookies(
    sets: list[tuple[bool, str, str, str, list[str]]], scheme: str, host: str, path: str
) -> None:
    jar, by_host = Jar(), {}
    for number, (tls, setter, name, _, attributes) in enumerate(sets):
        url = canonical(f"{'https' if tls else 'http'}://{setter}/a/b")
        line = "; ".join([f"{name}={setter}|{tls}|{number}", *attributes])
        jar.take(url, (("set-cookie", line),), NOW)
        by_host[str(number)] = attributes
    for pair in filter(None, header_for(jar, f"{scheme}://{host}{path}").split("; ")):
        setter, tls, number = pair.partition("=")[2].split("|")
        assert host == setter or {host, setter} == {"shop.example", "www.shop.example"}
        if "Secure" in by_host[number]:
            assert scheme == "https"
            assert tls == "True"


CONTROLS = {*range(32), 127}


@pytest.mark.promise("P17")
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_cookie_line_is_sent_clean_or_ignored(lines: list[str]) -> None:
    sent = header_for(jar_of(*lines), SHOP).encode("latin-1")
    assert not set(sent) & CONTROLS
    again = Jar()
    again.load(saved(jar_of(*lines)))
    assert header_for(again, SHOP).encode("latin-1") == sent


def test_a_host_without_cookies_costs_few_lookups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jar = Jar()
    for number in range(IN_ALL):
        jar.take(f"https://h{number}.example/", (("set-cookie", "k=v"),), NOW)

    class Counting(dict[str, dict[tuple[str, str, str], Cookie]]):
        asked = 0

        def get(self, *key: object) -> object:  # type: ignore[override]
            Counting.asked += 1
            return super().get(*key)  # type: ignore[call-overload]

    monkeypatch.setattr(jar, "_domains", Counting(jar._domains))
    assert header_for(jar, "https://www.shop.example/") == ""
    assert Counting.asked == 3
