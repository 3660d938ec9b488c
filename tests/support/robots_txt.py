"""Rules of a robots.txt, for tests of what they allow."""

from crawler.frontier.robots import Rules, from_answer

AGENT = "crawler/1.0"


def rules(text: str, agent: str = AGENT) -> Rules:
    return from_answer(200, text.encode(), agent)


def allows(found: Rules, path: str) -> bool:
    return found.refusal(f"http://a.example{path}") is None


def star(*lines: str) -> Rules:
    return rules("\n".join(("User-agent: *", *lines)))
