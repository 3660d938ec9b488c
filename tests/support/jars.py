"""Cookie jars, and what they send."""

from crawler.fetch.cookies import Jar

NOW = 1_700_000_000.0
SHOP = "https://www.shop.example/a/b"


def jar_of(*lines: str, url: str = SHOP, now: float = NOW) -> Jar:
    jar = Jar()
    jar.take(url, tuple(("set-cookie", line) for line in lines), now)
    return jar


def saved(jar: Jar) -> bytes:
    """All cookies of a jar that was never saved, as a resume loads them."""
    return f"[{','.join([cookie for _, cookie in jar.changes() if cookie is not None])}]".encode()


def header_for(jar: Jar, url: str, now: float = NOW) -> str:
    return jar.header(url, now)
