"""robots.txt as RFC 9309 has it, and as it is found: nothing in it takes long or raises."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from protego import Protego
from support.robots_txt import AGENT, allows, rules, star

from crawler.frontier.robots import (
    MAX_BYTES,
    from_answer,
    unreachable,
)
from crawler.frontier.robots_matcher import MAX_WILDCARDS
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason


@pytest.mark.promise("P24")
@pytest.mark.parametrize(
    ("status", "allowed"),
    [(200, True), (204, True), (400, True), (401, True), (403, True), (404, True), (410, True),
     (429, True), (500, False), (502, False), (503, False), (599, False)],
)  # fmt: skip
def test_a_status_allows_or_disallows(status: int, allowed: bool) -> None:
    refusal = from_answer(status, b"", AGENT).refusal("http://a.example/x")
    assert (refusal is None) is allowed
    if refusal is not None:
        assert isinstance(refusal, SkipError)
        assert refusal.reason is SkipReason.ROBOTS
        assert str(status) in refusal.message


@pytest.mark.promise("P24")
@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.TIMEOUT,
        FailureKind.TLS,
        FailureKind.DNS,
        FailureKind.CONNECT,
        FailureKind.DECODE,
    ],
)
def test_an_unreachable_robots_txt_allows_nothing(kind: FailureKind) -> None:
    refusal = unreachable(FetchError(kind, "why")).refusal("http://a.example/x")
    assert isinstance(refusal, FetchError)
    assert refusal.kind is kind
    assert refusal.message == "robots.txt: why"


@pytest.mark.promise("P24")
def test_a_blocked_robots_txt_allows_nothing() -> None:
    refusal = unreachable(SkipError(SkipReason.BLOCKED, "private")).refusal("http://a.example/x")
    assert isinstance(refusal, SkipError)
    assert refusal.reason is SkipReason.BLOCKED


@pytest.mark.promise("P24")
def test_endless_robots_redirects_allow_everything() -> None:
    assert allows(unreachable(FetchError(FailureKind.REDIRECT, "more than 5 redirects")), "/x")


@pytest.mark.parametrize(
    ("lines", "path", "allowed"),
    [
        (["Disallow: /p"], "/p/x", False),
        (["Disallow: /p"], "/P/x", True),
        (["Disallow: /p"], "/x/p", True),
        (["Disallow:"], "/x", True),
        (["Disallow: /", "Allow: /p"], "/p", True),
        (["Allow: /p", "Disallow: /"], "/q", False),
        (["Disallow: /p", "Allow: /p"], "/p", True),
        (["Allow: /p", "Disallow: /p/q"], "/p/q/r", False),
        (["Disallow: /", "Allow: /$"], "/", True),
        (["Disallow: /", "Allow: /$"], "/x", False),
        (["Disallow: /*.gif$"], "/a/b.gif", False),
        (["Disallow: /*.gif$"], "/a/b.gif?x", True),
        (["Disallow: /*.gif"], "/a/b.gif?x", False),
        (["Disallow: /a*b*c"], "/a-c-b-c", False),
        (["Disallow: /a*b*c"], "/a-c-b", True),
        (["Disallow: /a*b$"], "/ab-b", False),
        (["Disallow: /a*ab$"], "/ab", True),
        (["Disallow: *x"], "/a/x", False),
        (["Disallow: /a**b"], "/a-b", False),
        (["Disallow: /*?s="], "/x?s=1", False),
        (["Disallow: /", "Allow: /*x"], "/abcx", True),
        (["Disallow: /abc", "Allow: /*x"], "/abcx", False),
        (["Allow: /ab", "Disallow: /a*"], "/ab", True),
        (["Allow: /*b", "Disallow: /a*"], "/ab", True),
        (["Disallow: /a$b"], "/a$b", False),
        (["Disallow: /*a$b"], "/xa$b", False),
        (["Disallow: /a%24"], "/a$", False),
        (["Disallow: /a%24"], "/a", True),
        (["Disallow: /*a%24"], "/xa$", False),
        (["Disallow: /*a%24"], "/xa", True),
        (["Disallow: /a%2Ab"], "/a*b", False),
        (["Disallow: /a%2ab"], "/axb", True),
        (["Disallow: /a%3Cd.html"], "/a%3cd.html", False),
        (["Disallow: /%7Ejoe/"], "/~joe/x", False),
        (["Disallow: /~joe/"], "/%7ejoe/x", False),
        (["Disallow: /a%2Fb"], "/a/b", True),
        (["Disallow: /a%2fb"], "/a%2Fb", False),
        (["Disallow: /foo/bar?baz=https://foo.bar"], "/foo/bar?baz=https%3A%2F%2Ffoo.bar", False),
        (["Disallow: /foo/bar/ツ"], "/foo/bar/%E3%83%84", False),
        (["Disallow: /foo/bar/%e3%83%84"], "/foo/bar/%E3%83%84", False),
        (["Disallow: /foo/bar/%62%61%7A"], "/foo/bar/baz", False),
        (["Disallow: /a b"], "/a%20b", False),
        (["Disallow: /"], "/robots.txt", True),
        (["Disallow: / # all of it"], "/x", False),
        (["Sitemap: http://a.example/s", "Disallow: /p"], "/p", False),
        (["disALLOW :\t/p \t"], "/p", False),
        (["Disallow /p"], "/p", False),
        (["Dissalow: /p"], "/p", False),
        (["Disallowed: /p"], "/p", False),
        (["Noindex: /p"], "/p", True),
        # Lines as the reference parser reads them (robots.cc, GetKeyAndValueFrom and Key…).
        (["Disalow: /p"], "/p", False),
        (["Dissallow: /p"], "/p", False),
        (["Diasllow: /p"], "/p", False),
        (["Disallaw: /p"], "/p", False),
        (["Disalllow: /p"], "/p", True),
        (["Dsallow: /p"], "/p", True),
        (["Disallow\t/p"], "/p", False),
        (["Disallow /p # comment"], "/p", False),
        (["Disallow /p q"], "/p", True),
        (["Disallow /p:q"], "/p:q", True),
        (["Disallow everything: /p"], "/p", False),
        (["Disallow"], "/p", True),
        (["Disallow", "Disallow: /p"], "/p", False),
        (["\v\fDisallow: /p\f"], "/p", False),
        (["Disallow:/p"], "/p", False),
        (["Disallow:: /p"], "/p", True),
        (["Disallow: p"], "/p", True),
        (["Disallow: /", "Allowed: /p"], "/p", True),
        (["Disallow: /", "Alow: /p"], "/p", False),
        # "index.htm" is its folder in Allow lines only (robots.cc, HandleAllow).
        (["Disallow: /", "Allow: /d/index.html"], "/d/", True),
        (["Disallow: /", "Allow: /d/index.htm"], "/d/", True),
        (["Disallow: /", "Allow: /d/index.html$"], "/d/", True),
        (["Disallow: /", "Allow: /d/index.html"], "/d/index.html", True),
        (["Disallow: /", "Allow: /d/index.html"], "/d/index.htm", False),
        (["Disallow: /", "Allow: /d/index.html"], "/d", False),
        (["Disallow: /", "Allow: /d/index.html"], "/d/x", False),
        (["Disallow: /", "Allow: /d/index.html"], "/d/?q", False),
        (["Disallow: /", "Allow: /index.html"], "/", True),
        (["Disallow: /", "Allow: /*/index.html"], "/d/e/", True),
        (["Disallow: /", "Allow: /INDEX.HTML"], "/", False),
        (["Disallow: /", "Allow: /d/index.php"], "/d/", False),
        (["Disallow: /", "Allow: /index.html/x"], "/", False),
        (["Disallow: /d/index.html"], "/d/", True),
        (["Disallow: /d/", "Allow: /d/index.html"], "/d/", True),
        (["Disallow: /d/$", "Allow: /d/index.html"], "/d/", True),
        (["Disallow: /*d/$", "Allow: /d/index.html"], "/d/", False),
    ],
)
def test_rules_follow_rfc_9309(lines: list[str], path: str, allowed: bool) -> None:
    assert allows(star(*lines), path) is allowed


GROUPS = """
User-agent: other
Disallow: /other

User-agent: Crawler
User-agent: friend/2.0
Sitemap: http://a.example/s
Disallow: /both

User-agent: *
Disallow: /all

User-agent: CRAWLER
Disallow: /again
"""


@pytest.mark.parametrize(
    ("agent", "disallowed"),
    [
        ("crawler/1.0", {"/both", "/again"}),
        ("CRAWLER", {"/both", "/again"}),
        ("Mozilla/5.0 (compatible; Crawler/2; +http://other/)", {"/both", "/again"}),
        ("friend/9", {"/both"}),
        ("crawl/1.0", {"/all"}),
        ("crawlers/1.0", {"/all"}),
        ("some-other/1.0", {"/all"}),
        ("other/1.0", {"/other"}),
    ],
)
def test_groups_match_the_whole_product_name(agent: str, disallowed: set[str]) -> None:
    found = rules(GROUPS, agent)
    paths = {"/other", "/both", "/all", "/again"}
    assert {path for path in paths if not allows(found, path)} == disallowed


@pytest.mark.parametrize(
    "text",
    [
        "User-agent: crawler\nDisallow:\nUser-agent: *\nDisallow: /",
        "User-agent: crawler\n\nUser-agent: *\n\nAllow: /p",
        "Disallow: /p\nUser-agent: *\nAllow: /",
        "User-agent:\nDisallow: /p",
        "",
    ],
)
def test_groups_without_rules_forbid_nothing(text: str) -> None:
    assert allows(rules(text), "/p")


@pytest.mark.parametrize("bot", ["us", "us-bot", "True"])
def test_a_group_for_another_bot_forbids_nothing(bot: str) -> None:
    assert allows(rules(f"User-agent: {bot}\nDisallow: /"), "/p")


FORBIDS = "User-agent: *\nDisallow: /p\n"


@pytest.mark.promise("P25")
@pytest.mark.parametrize(
    "body",
    [
        FORBIDS.encode(),
        FORBIDS.replace("\n", "\r\n").encode(),
        FORBIDS.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + FORBIDS.encode(),
        # The reference parser skips the beginning of a byte order mark, too.
        b"\xef\xbb" + FORBIDS.encode(),
        b"\xef" + FORBIDS.encode(),
        FORBIDS.encode("utf-16"),
        b"\xfe\xff" + FORBIDS.encode("utf-16-be"),
        FORBIDS.encode("utf-16-le"),
        FORBIDS.encode("utf-16-be"),
        b"\0\0\n" + FORBIDS.encode() + b"\0",
        b"\xff\xfe\xfd"[2:] + b"\n" + FORBIDS.encode(),
        FORBIDS.encode() + b"# " + b"x" * 1_400_000,
        b"<!DOCTYPE html><html>\n" + FORBIDS.encode(),
    ],
)
def test_robots_txt_as_found_in_the_wild(body: bytes) -> None:
    found = from_answer(200, body, AGENT)
    assert not allows(found, "/p/x")
    assert allows(found, "/q")


@pytest.mark.promise("P25")
def test_an_html_page_forbids_nothing() -> None:
    page = b"<!DOCTYPE html>\n<html><title>Not found</title>\n<p>User-agent: * Disallow: /</html>"
    assert allows(from_answer(200, page, AGENT), "/")


@pytest.mark.promise("P25")
def test_only_the_first_500_kib_count() -> None:
    head = b"User-agent: *\n"
    rule = b"\nDisallow: /"
    fits = head + b"#" * (MAX_BYTES - len(head) - len(rule)) + rule
    assert not allows(from_answer(200, fits, AGENT), "/")
    assert allows(from_answer(200, head + b"#" + fits[len(head) :], AGENT), "/")


@pytest.mark.promise("P25")
@given(st.binary(max_size=300), st.text("/a*$%41?=é", max_size=20))
def test_any_robots_txt_raises_nothing(body: bytes, pattern: str) -> None:
    for text in (
        body,
        FORBIDS.encode() + b"Disallow: " + body,
        f"{FORBIDS}Allow:{pattern}".encode(),
    ):
        found = from_answer(200, text, AGENT)
        found.refusal("http://a.example/a?b=%2F%zz*$")


HOSTILE = {
    "rules": "".join(f"Disallow: /{n}\n" for n in range(60_000)),
    "wildcards": "".join(f"Disallow: /*{n}x\n" for n in range(60_000)),
    "stars in a rule": "Disallow: /" + "*a" * 250_000,
    "rules with dozens of stars": f"Disallow: /{'*a' * 40}b\n" * 1000 + "Disallow: /" + "a*" * 9999,
    "almost found": f"Disallow: /*{'a' * 49}b{'a' * 49}\n" * 5000,
    "names": "".join(f"User-agent: a{n}\n" for n in range(15_000)) + "Disallow: /x\n" * 20_000,
    "our name": "User-agent: crawler\n" * 12_000 + "Disallow: /x\n" * 20_000,
    "escapes": "".join(f"Disallow: /%7e%7E{n}\n" for n in range(30_000)),
    "not ASCII": "".join(f"Disallow: /ä{n}\n" for n in range(60_000)),
    "spaces": " " * MAX_BYTES,
    "spaces behind a name": "Disallow" + " " * MAX_BYTES,
    "newlines": "\n" * MAX_BYTES,
    "almost names": "user-agent" * 60_000,
    "lengths": "".join(f"Disallow: /{'a' * n}b\n" for n in range(1000)),
}


@pytest.mark.promise("P25")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_rules_are_read_quickly(name: str) -> None:
    """Some 50 ms of CPU at most where nothing else runs, held to ten times that."""
    body = b"User-agent: *\n" + HOSTILE[name].encode()
    before = time.thread_time()
    found = from_answer(200, body, AGENT)
    read = time.thread_time()
    found.refusal("http://a.example/" + "a" * 2000)
    assert read - before < 0.5
    assert time.thread_time() - read < 0.1


@pytest.mark.promise("P25")
def test_too_many_wildcards_forbid_more() -> None:
    many = [f"Disallow: /{n}*x" for n in range(MAX_WILDCARDS)]
    found = star(*many, "Disallow: /p/*x", "Disallow: /q*", "Allow: /p/*y")
    assert allows(found, "/1-")
    assert not allows(found, "/1-x")
    assert not allows(found, "/p/y")
    assert allows(found, "/p")


patterns = st.text("/ab.*", max_size=6).map("/".__add__)
ends = st.sampled_from(["", "$"])


@given(
    st.lists(st.tuples(st.sampled_from(["Allow", "Disallow"]), patterns, ends), max_size=6),
    st.text("/ab.", max_size=6),
)
@example([("Disallow", "/a", ""), ("Allow", "/a", "$")], "a")
def test_ordinary_files_mean_the_same_to_protego(
    lines: list[tuple[str, str, str]], path: str
) -> None:
    text = "\n".join(["User-agent: *", *(f"{name}: {rule}{end}" for name, rule, end in lines)])
    url = f"http://a.example/{path.lstrip('/')}"
    assert (rules(text).refusal(url) is None) is Protego.parse(text).can_fetch(url, AGENT), text
