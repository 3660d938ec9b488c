"""Cookies are kept over a resume, and only what changed is saved."""

import pytest
from support.jars import NOW, SHOP, header_for, jar_of, saved

from crawler.fetch.cookies import PER_DOMAIN, Jar
from crawler.model.errors import StateError


@pytest.mark.promise("P41")
def test_host_only_and_expiry_survive_a_resume() -> None:
    jar = jar_of("a=1", "b=1; Domain=shop.example; Max-Age=10", "c=1; Path=/x; Secure")
    again = Jar()
    again.load(saved(jar))
    assert list(again._all.items()) == list(jar._all.items())
    assert again.changes() == jar.changes() == []
    for url in (SHOP, "https://other.shop.example/a/", "https://www.shop.example/x"):
        assert header_for(again, url) == header_for(jar, url)
        assert header_for(again, url, NOW + 11) == header_for(jar, url, NOW + 11)
    assert header_for(again, "https://other.shop.example/a/") == ""
    assert header_for(again, "https://below.www.shop.example/a/") == ""


@pytest.mark.promise("P64")
def test_changes_are_what_changed() -> None:
    jar = jar_of("a=1", "b=1", "c=1; Max-Age=10")
    key = {name: f'["www.shop.example","/a","{name}"]' for name in "abcd"}
    assert [each for each, _ in jar.changes()] == [key["a"], key["b"], key["c"]]
    jar.take(SHOP, (("set-cookie", "a=1"), ("set-cookie", "b=2"), ("set-cookie", "d=1")), NOW)
    changes = jar.changes()
    assert [each for each, _ in changes] == [key["b"], key["d"]]
    assert '"value":"2"' in (changes[0][1] or "")
    assert header_for(jar, SHOP, NOW + 11) == "a=1; b=2; d=1"
    assert jar.changes() == [(key["c"], None)]
    for line in ("a=1; Max-Age=0", "a=3"):
        jar.take(SHOP, (("set-cookie", line),), NOW)
    assert [(each, cookie is None) for each, cookie in jar.changes()] == [
        (key["a"], True),
        (key["a"], False),
    ]
    assert jar.changes() == []


@pytest.mark.promise("P64")
def test_a_full_jar_forgets_what_it_drops() -> None:
    jar = Jar()
    for number in range(PER_DOMAIN + 1):
        jar.take(SHOP, (("set-cookie", f"n{number}=v"),), NOW)
    changes = jar.changes()
    assert sum(cookie is not None for _, cookie in changes) == PER_DOMAIN
    assert [each for each, cookie in changes if cookie is None] == [
        '["www.shop.example","/a","n0"]'
    ]


@pytest.mark.promise("P39")
@pytest.mark.parametrize("data", [b"", b"\xff", b"{}", b"[1]", b'[{"name": "k"}]', b"\x80\x04."])
def test_a_damaged_cookie_jar_is_refused(data: bytes) -> None:
    with pytest.raises(StateError):
        Jar().load(data)
