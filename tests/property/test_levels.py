"""A crawl level by level ends, in the order of the levels, however little fits into memory."""

from collections import defaultdict, deque

from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.depth_order import DepthOrder
from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.memory_window import MemoryWindow, WindowSizes
from crawler.frontier.ticket import EntryTicket

SIZES = WindowSizes(head=4, low=2, part=2, least=1, roomy=4, total=6)
DEEPEST = 2


class Crawl:
    """A frontier with a disk; each page of a host links to so many new pages of that host."""

    def __init__(self, links: dict[str, int], pages: dict[str, int], *, resumed: bool) -> None:
        self.links = links
        self.disk: defaultdict[str, deque[Entry]] = defaultdict(deque)
        self.entries = 0
        self.finished: list[int] = []
        new = [self._entry(host, 0) for host, count in pages.items() for _ in range(count)]
        for entry in new if resumed else ():
            self.disk[entry.host].append(entry)
        tails = {host: len(entries) for host, entries in self.disk.items() if entries}
        pending = {0: len(new)} if resumed and new else {}
        self.frontier = Frontier(
            lambda _: HostPolicy(0, 0.0),
            robots=False,
            window=MemoryWindow(tails, SIZES),
            depth_order=DepthOrder(pending),
            pending=sum(pending.values()),
        )
        if not resumed:
            self.enter(new)

    def _entry(self, host: str, depth: int) -> Entry:
        self.entries += 1
        url = f"http://{host}/{self.entries}"
        return Entry(self.entries, url, host, depth, url)

    def enter(self, new: list[Entry]) -> None:
        window = self.frontier.window
        placed = [entry for entry in new if window.place(entry.host)]
        for entry in new:
            if entry not in placed:
                window.left(entry.host)
                self.disk[entry.host].append(entry)
        self.frontier.entered([entry.depth for entry in new])
        self.frontier.add(placed, 0.0)

    def load(self) -> bool:
        before = self.frontier.window.held
        for most, hosts in self.frontier.window.load(is_stuck=self.frontier.is_stuck).items():
            for host in hosts:
                tail = self.disk[host]
                loaded = [tail.popleft() for _ in range(min(most, len(tail)))]
                self.frontier.add(loaded, 0.0)
        return self.frontier.window.held > before

    def step(self) -> bool:
        """Request one page and take its links; return whether there was one."""
        while self.load():
            pass
        ticket = self.frontier.next(0.0)
        if not isinstance(ticket, EntryTicket):
            return False
        entry = ticket.entry
        self.frontier.release(ticket, 0.0)
        if entry.depth < DEEPEST:
            self.enter(
                [self._entry(entry.host, entry.depth + 1) for _ in range(self.links[entry.host])]
            )
        self.finished.append(entry.depth)
        self.frontier.finish(entry, 0.0)
        return True


HOSTS = [f"{name}.example" for name in "abcdefghijklmnop"]


@given(
    links=st.lists(st.integers(0, 3), min_size=len(HOSTS), max_size=len(HOSTS)),
    pages=st.lists(st.integers(0, 6), min_size=len(HOSTS), max_size=len(HOSTS)),
    resumed=st.booleans(),
)
def test_every_page_is_requested_level_by_level(
    links: list[int], pages: list[int], resumed: bool
) -> None:
    crawl = Crawl(
        dict(zip(HOSTS, links, strict=True)), dict(zip(HOSTS, pages, strict=True)), resumed=resumed
    )
    while crawl.step():
        pass
    assert crawl.frontier.pending == 0
    assert len(crawl.finished) == crawl.entries
    assert crawl.finished == sorted(crawl.finished)
