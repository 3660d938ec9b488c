"""robots.txt as site owners mean it: who a group is for, delays, long files and many patterns."""

import time

import pytest
from support.robots_txt import AGENT, allows, rules, star

from crawler.frontier.robots import MAX_BYTES, MAX_DELAY, from_answer
from crawler.frontier.robots_matcher import MAX_WILDCARDS


@pytest.mark.parametrize(
    ("agent", "name", "is_ours"),
    [
        # RFC 9309 §2.2.1: letter case does not count; robots.cc, ExtractUserAgent: the name ends
        # at the first other character.
        ("Bot/1", "BOT", True),
        ("bot", "Bot/2.0", True),
        ("bot", "bot (any version)", True),
        ("bot", "bot, other", True),
        ("bot", "bo", False),
        ("bot", "bots", False),
        ("bot", "other bot", False),
        ("my_bot-x/1", "My_Bot-X", True),
        ("MJ12bot/v1.4", "MJ12bot", True),
        ("MJ/1", "MJ12bot", False),
        # RFC 9110 §10.1.5: products and comments.
        ("Mozilla/5.0 (compatible; Bot/1.0; +http://a.example/)", "bot", True),
        ("Mozilla/5.0 (compatible; Bot; +http://a.example/)", "bot", True),
        ("Mozilla/5.0 (compatible; Bot +http://a.example/)", "bot", True),
        (
            "Mozilla/5.0 Gecko/1 (KHTML, like Gecko; compatible; Bot; +http://a.example/)",
            "bot",
            True,
        ),
        ("Mozilla/5.0 (compatible; Bot/1.0)", "mozilla", True),
        ("Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/130.0", "firefox", True),
        ("Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/130.0", "linux", False),
        ("a/1, b/2", "b", True),
        ("", "bot", False),
    ],
)
def test_a_group_is_for_the_products_that_are_sent(agent: str, name: str, is_ours: bool) -> None:
    found = rules(f"User-agent: {name}\nDisallow: /\n\nUser-agent: *\nDisallow: /all", agent)
    assert allows(found, "/x") is not is_ours
    assert not allows(found, "/all")


@pytest.mark.parametrize(
    ("line", "is_everyone"),
    [
        # robots.cc, HandleUserAgent
        ("User-agent: *", True),
        ("User-agent:*", True),
        ("User-agent: * # all", True),
        ("User-agent: * (all)", True),
        ("User-agent: *bot", False),
        ("User-agent: **", False),
        ("User-agent *", True),
        ("User agent: *", True),
        ("useragent: *", True),
        ("User-agents: *", True),
        ("User agent *", False),
        ("useragent *", True),
        ("User_agent: *", False),
        ("Agent: *", False),
        ("\ufeffUser-agent: *", True),
    ],
)
def test_who_is_everyone(line: str, is_everyone: bool) -> None:
    assert allows(rules(f"{line}\nDisallow: /"), "/x") is not is_everyone


@pytest.mark.promise("P91")
@pytest.mark.parametrize(
    ("text", "allowed", "delay"),
    [
        # Our group has nothing but a Crawl-delay: the rules of * hold. Each letter is a line.
        ("u* x | ub d1", "y", 1.0),
        ("ub d1 | u* x", "y", 1.0),
        ("ub d1 u* x", "y", 1.0),
        ("ub d1 | uo y | u* x", "y", 1.0),
        ("ub d1 | uo y", "xy", 1.0),
        ("ub d1", "xy", 1.0),
        ("u* x d2 | ub d1", "y", 1.0),
        ("u* x d2 | ub d0", "y", 0.0),
        ("u* x d2 | ub d?", "y", 2.0),
        ("u* x | ub d?", "y", None),
        ("u* x | ub d", "y", None),
        ("u* x | u* y | ub d1", "", 1.0),
        ("u* x | ub s d1", "y", 1.0),
        ("u* x | ub d1 s", "y", 1.0),
        ("ub u* d1 | u* x", "y", 1.0),
        # Any rule is ours, also one without a path.
        ("u* x | ub d1 e", "xy", 1.0),
        ("u* x | ub e", "xy", None),
        ("u* x | ub d1 y", "x", 1.0),
        ("u* x | ub d1 a", "xy", 1.0),
        # Several groups with our name are one.
        ("ub d1 | u* x | ub y", "x", 1.0),
        ("ub y | u* x | ub d1", "x", 1.0),
        ("ub d1 | u* x | ub d2", "y", 2.0),
        # The delay of * is for the others, if we have rules.
        ("u* x d2 | ub y", "x", None),
        # RFC 9309 §2.2.1: a group without any line allows everything.
        ("u* x | ub", "xy", None),
        ("ub | u* x", "y", None),
        ("ub s | u* x", "y", None),
        # Nothing about us: * holds.
        ("u* x d2 | uo y", "y", 2.0),
        ("u* d2", "xy", 2.0),
    ],
)
def test_a_group_with_only_a_delay(text: str, allowed: str, delay: float | None) -> None:
    lines = {"x": "Disallow: /x", "y": "Disallow: /y", "e": "Disallow:", "a": "Allow: /", "|": ""}
    lines |= {"s": "Sitemap: http://a.example/s", "u*": "User-agent: *", "d": "Crawl-delay:"}
    lines |= {"ub": "User-agent: crawler", "uo": "User-agent: other"}
    lines |= {f"d{value}": f"Crawl-delay: {value}" for value in "012?"}
    found = rules("\n".join(lines[word] for word in text.split()))
    assert "".join(path for path in "xy" if allows(found, f"/{path}")) == allowed
    assert found.delay == delay


@pytest.mark.promise("P97")
@pytest.mark.parametrize(
    ("lines", "delay"),
    [
        (["Crawl-delay: 7"], 7.0),
        (["crawl-delay:0.5"], 0.5),
        (["Crawl-delay: 2 # seconds"], 2.0),
        (["Crawl-delay: 1", "Crawl-delay: 3", "Crawl-delay: 2"], 3.0),
        (["Crawl-delay: 86400"], MAX_DELAY),
        (["Crawl-delay: " + "9" * 100_000], MAX_DELAY),
        # A decimal comma; a comma never separates thousands.
        (["Crawl-delay: 0,5"], 0.5),
        (["Crawl-delay: ,5"], 0.5),
        (["Crawl-delay: 1,000"], 1.0),
        (["Crawl-delay: 5,"], 5.0),
        (["Crawl-delay: .5"], 0.5),
        (["Crawl-delay: 5."], 5.0),
        (["Crawl-delay: 00.50"], 0.5),
        (["Crawl-delay: 0"], 0.0),
        (["Crawl-delay 3"], 3.0),
        # Units and what follows the number.
        (["Crawl-delay: 1.5s"], 1.5),
        (["Crawl-delay: 1,5 sec"], 1.5),
        (["Crawl-delay: 10 Seconds"], 10.0),
        (["Crawl-delay: 10 # comment"], 10.0),
        (["Crawl-delay: 10;"], 10.0),
        (["Crawl-delay: 10<BR>"], 10.0),
        (["Crawl-delay: 10 20"], 10.0),
        # No number of seconds.
        (["Crawl-delay: 1e3"], None),
        (["Crawl-delay: 0x10"], None),
        (["Crawl-delay: 1_000"], None),
        (["Crawl-delay: 1.000,5"], None),
        (["Crawl-delay: 1.2.3"], None),
        (["Crawl-delay: 500ms"], None),
        (["Crawl-delay: 5m"], None),
        (["Crawl-delay: 1/10"], None),
        (["Crawl-delay: -1"], None),
        (["Crawl-delay: +1"], None),
        (["Crawl-delay: soon"], None),
        (["Crawl-delay: nan"], None),
        (["Crawl-delay: inf"], None),
        (["Crawl-delay: \uff15"], None),
        (["Crawl-delay: ."], None),
        (["Crawl-delay: ,"], None),
        (["Crawl-delay:"], None),
        (["Crawl-delay: 1e3", "Crawl-delay: 2"], 2.0),
        (["Request-rate: 1/100"], None),
        ([], None),
    ],
)
def test_crawl_delay_is_read(lines: list[str], delay: float | None) -> None:
    assert star(*lines).delay == delay


@pytest.mark.promise("P97")
@pytest.mark.parametrize("last", [b"Disallow: /private/x", b"Allow: /", b"User-agent: *"])
@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
def test_a_line_that_the_limit_cuts_is_dropped(newline: bytes, last: bytes) -> None:
    head = b"User-agent: *" + newline + b"Disallow: /private" + newline
    for kept in range(len(last) + 2):
        body = head + b"#" * (MAX_BYTES - len(head) - len(newline) - kept) + newline + last
        found = from_answer(200, body + b"y" + newline, AGENT)
        assert allows(found, "/q"), kept
        assert not allows(found, "/private/y"), kept


@pytest.mark.promise("P97")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_line_that_ends_at_the_limit_counts(encoding: str) -> None:
    mark, rule = "\ufeff".encode(encoding), "\nDisallow: /".encode(encoding)
    head = mark + "User-agent: *\n#".encode(encoding)
    filler = "#".encode(encoding)
    head += filler * ((MAX_BYTES - len(head) - len(rule)) // len(filler))
    more = len(head) + len(rule) < MAX_BYTES  # only a character less
    assert not more or len(filler) == 2
    for behind, allowed in (("", False), ("\nx", False), ("x\n", True), ("x", True)):
        found = from_answer(200, head + rule + behind.encode(encoding), AGENT)
        assert allows(found, "/q") is allowed, behind


@pytest.mark.promise("P97")
def test_bytes_of_a_path_stay_what_they_are() -> None:
    for body, path in (
        ("Disallow: /café".encode("latin-1"), "/caf%E9"),
        ("Disallow: /café".encode(), "/caf%C3%A9"),
        (b"Disallow: /caf%e9", "/caf%E9"),
    ):
        found = from_answer(200, b"User-agent: *\n" + body, AGENT)
        assert not allows(found, path)
        assert allows(found, {"/caf%E9": "/caf%C3%A9", "/caf%C3%A9": "/caf%E9"}[path])


PARTS = {
    "one letter": "*a" * 240,
    "two letters": "*a*b" * 120,
    "long parts": "*ab" * 160,
    "at the end": "*a" * 239 + "*z",
}


@pytest.mark.promise("P97")
@pytest.mark.parametrize("size", [200, 2000, 8000])
@pytest.mark.parametrize("name", PARTS)
def test_thousand_patterns_are_matched_in_50_ms(name: str, size: int) -> None:
    lines = [f"Disallow: /{PARTS[name]}*{number:03}" for number in range(MAX_WILDCARDS - 1)]
    found = star(*lines, "Disallow: /ab*9")
    spent = []
    for _ in range(5):
        before = time.thread_time()
        assert allows(found, "/" + "ab" * (size // 2))
        spent.append(time.thread_time() - before)
    assert min(spent) < 0.05
    assert not allows(found, "/" + "ab" * (size // 2) + "9")
    assert not allows(found, "/" + "abz" * 240 + "007")
    # All parts are found but the one before the last.
    found = star(*(f"Disallow: /{'*a' * 237}*a{number:03}*b" for number in range(MAX_WILDCARDS)))
    before = time.thread_time()
    assert allows(found, "/" + "ab" * (size // 2))
    assert time.thread_time() - before < 0.1
