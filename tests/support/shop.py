"""A small made-up web in which a crawl meets everything that a run keeps on disk."""

from collections.abc import Iterable, Iterator
from itertools import chain

from crawler.testing import Answer, Fault, Handler, MockWeb, Seen

SHELVES = range(1, 11)
ORDERS = range(1, 5)
TEAS = range(1, 17)
SHOP, TEA = "http://shop.example", "http://tea.example"
_HTML = ("Content-Type", "text/html; charset=utf-8")


def table() -> str:
    """The input: pages with a name beside each, and lines of which none becomes a page."""
    rows = ["url,name", f"{SHOP}/,the shop"]
    for number in TEAS:
        rows.append(f"{TEA}/{number},tea {number}")
        if number % 4 == 0:
            rows += [f"ftp://files.example/{number},other", f"no URL {number},other"]
    rows += ["http://10.0.0.1/,private", "http://nowhere.example/,unknown", f"{TEA}/1,again"]
    return "\n".join([*rows, ""])


def serve(web: MockWeb, latency: float = 0.0) -> None:
    """Give ``web`` all hosts and pages; each page takes ``latency`` seconds."""
    pages = {**dict(_shop()), **{f"{TEA}/{number}": _page(f"Tea {number}") for number in TEAS}}
    for url, text in pages.items():
        web.page(url, text, latency=latency)
    web.answer(f"{SHOP}/robots.txt", _robots("User-agent: *\nDisallow: /private/\n"))
    web.answer(f"{TEA}/robots.txt", Answer(404))
    signed_in = (_HTML, ("Set-Cookie", "session=abc; Path=/"))
    links = _links(f"/orders/{number}" for number in ORDERS)
    web.page(f"{SHOP}/login", _page("Login", links), headers=signed_in, latency=latency)
    for number in ORDERS:
        web.answer(f"{SHOP}/orders/{number}", _order(number, latency))
    for shelf in SHELVES:
        web.fault(f"{SHOP}/cut/{shelf}", Fault.TRUNCATED)


def _shop() -> Iterator[tuple[str, str]]:
    yield f"{SHOP}/", _page("Shop", _links(["/login", *chain(*map(_on_shelf, SHELVES))]))
    for shelf in SHELVES:
        yield f"{SHOP}/shelf/{shelf}", _page(f"Shelf {shelf}", _links([f"/cup/{shelf}", "/"]))
        yield f"{SHOP}/cup/{shelf}", _page(f"Cup {shelf}")


def _on_shelf(shelf: int) -> Iterator[str]:
    """A page, failures, a skip and a link out of scope, so that each output grows all the time."""
    yield from (f"/private/{shelf}", f"/missing/{shelf}", f"/cut/{shelf}", f"/shelf/{shelf}")
    yield f"http://out.example/{shelf}"


def _order(number: int, latency: float) -> Handler:
    def answer(seen: Seen) -> Answer:
        if seen.header("cookie") != "session=abc":
            return Answer(403)
        return Answer(200, (_HTML,), _page(f"Order {number}").encode(), latency)

    return answer


def _page(title: str, body: str = "") -> str:
    return f"<title>{title}</title><h1 class='name'>{title}</h1>{body}"


def _links(paths: Iterable[str]) -> str:
    return "".join(f"<a href='{path}'>{path}</a>" for path in paths)


def _robots(text: str) -> Answer:
    return Answer(200, (("Content-Type", "text/plain"),), text.encode())
