import string
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.scope import make_strip
from crawler.model.urls import (
    Joiner,
    UrlError,
    authority,
    canonical,
    host_port,
    key,
    origin,
    parse_input,
)

hosts = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{2,6}){0,2}", fullmatch=True)
segments = st.lists(st.text(string.ascii_letters + string.digits + "-._~é:@&=", max_size=8))
urlish = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "L", "P"])),
    st.builds("{}{}".format, st.sampled_from(["http://", "https:", "//", "http://a@", "h\tttp:"]),
              st.text("aZ:@/?#[]%2eäß.1\\ \n\0", max_size=40)),
)  # fmt: skip


@pytest.mark.promise("P26")
@given(urlish)
def test_canonical_returns_a_url_or_raises(text: str) -> None:
    try:
        url = canonical(text)
    except UrlError as error:
        assert error.message
        return
    assert canonical(url) == url
    assert url.isascii()
    assert "#" not in url
    assert urlsplit(url).username is None
    assert parse_input(text).url == url
    assert origin(url) == f"{urlsplit(url).scheme}://{authority(url)}"
    assert host_port(url)[1] in range(65536)
    assert -(2**63) <= key(url) < 2**63


@pytest.mark.promise("P26")
@given(urlish)
def test_join_returns_a_canonical_url_or_none(href: str) -> None:
    url = Joiner("http://h/a/b").join(href)
    assert url is None or canonical(url) == url


plainish = st.text("abZ09_~-./?=&%:@\\ é", max_size=24)


@given(st.sampled_from(["http://h/", "http://h:8080/a/b?c/d", "https://h/x/y/"]), plainish)
def test_join_and_resolve_agree(base: str, href: str) -> None:
    joiner = Joiner(base)
    assert joiner.join(href) == joiner.resolve(href)


@pytest.mark.promise("P27")
@given(hosts, segments, st.data())
def test_respellings_have_the_same_key(host: str, parts: list[str], data: st.DataObject) -> None:
    url = f"http://{host}/{'/'.join(parts)}"
    path = "/".join(
        "".join(data.draw(st.sampled_from(_spellings(character))) for character in part)
        for part in parts
    )
    port = data.draw(st.sampled_from(["", ":80", ":"]))
    name = data.draw(st.sampled_from([host, host.upper(), host.title()]))
    scheme = data.draw(st.sampled_from(["http", "HTTP", "hTtP"]))
    dots = data.draw(st.sampled_from(["", "./", "x/../", "%2E/", "x/%2e%2E/"]))
    end = data.draw(st.sampled_from(["", "?", "#", "?#a", "#?"]))
    other = f"{scheme}://{name}{port}/{dots}{path}{end}"
    assert key(canonical(other)) == key(canonical(url))


def _spellings(character: str) -> list[str]:
    escaped = "".join(f"%{byte:02x}" for byte in character.encode())
    bare = character.isalnum() or character in "-._~"
    return [character, escaped, escaped.upper()] if bare else [character]


@given(st.lists(st.sampled_from(["a", "b", "..", ".", ""]), max_size=6).map("/".join))
def test_join_agrees_with_the_standard_library(href: str) -> None:
    base = "http://h/x/y/z"
    if not href.startswith("//") and "//" not in href:
        assert Joiner(base).join(href) == urljoin(base, href)


@given(st.text("ab=&?%5Fé_", max_size=20), st.lists(st.sampled_from(["a", "b", "a*", "_*"])))
def test_stripping_twice_is_stripping_once(query: str, names: list[str]) -> None:
    strip = make_strip(names)
    url = canonical(f"http://h/{query}?{query}")
    once = strip.apply(url)
    assert strip.apply(once) == once
    assert canonical(once) == once
    assert len(once) <= len(url)
    if once != url:
        assert key(once) != key(url)


@given(st.lists(st.sampled_from(["sid=1", "sid=2", "a=1", "b=2", "%73id=3"]), max_size=6))
def test_stripped_parameters_do_not_change_the_key(pairs: list[str]) -> None:
    strip = make_strip(["sid"])
    kept = "&".join(pair for pair in pairs if pair[0] in "ab")
    assert key(strip.apply(f"http://h/?{'&'.join(pairs)}")) == key(f"http://h/?{kept}")
