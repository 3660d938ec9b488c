"""Crawls of a made-up web with and without shards, and what they have found."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

from crawler.localweb.server import Answer, Seen, Server

HOSTS = {"a": "127.0.0.1", "b": "127.0.0.2", "c": "127.0.0.4", "d": "127.0.0.5"}
"""Hosts of which each belongs to another one of four shards."""
SHARDED = ("--on", "local:2", "--shards", 4, "--slice", 1)
USUAL = ("--parse", "inline", "--quiet", "--retries", 0)
_OF_A_RUN = ("fetched_at", "elapsed_ms")

Record = dict[str, Any]


class Web:
    """Hosts on loopback with one port. Texts can name a host as ``{a}``: its URL is put in."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def fill(self, text: str) -> str:
        """Put the URLs of hosts into ``text``, and ``{port}``."""
        text = text.replace("{port}", str(self._server.port))
        for name, host in HOSTS.items():
            text = text.replace(f"{{{name}}}", f"http://{host}:{self._server.port}")
        return text

    @property
    def seen(self) -> list[Seen]:
        """All requests, in their order."""
        return self._server.seen

    def asked(self, name: str) -> list[Seen]:
        """The requests for pages of the host ``name``, in their order."""
        place = f"{HOSTS[name]}:{self._server.port}"
        return [seen for seen in self.seen if seen.host == place]

    def gaps(self, name: str) -> list[float]:
        """Seconds between two requests to the host ``name``."""
        times = [seen.at for seen in self.asked(name)]
        return [after - before for before, after in pairwise(times)]


def page(*links: str, **changes: Any) -> Callable[[Web], Answer]:
    """A page with links to these places, such as ``{a}/page``."""
    text = "".join(f'<a href="{link}">x</a>' for link in links)
    headers = (("Content-Type", "text/html"),)
    return lambda web: Answer(headers=headers, body=web.fill(text).encode(), **changes)


def status(number: int, **changes: Any) -> Callable[[Web], Answer]:
    return lambda _: Answer(number, **changes)


def moved(place: str, *headers: tuple[str, str]) -> Callable[[Web], Answer]:
    """A redirect to this place."""
    return lambda web: Answer(302, headers=(("Location", web.fill(place)), *headers))


def text(body: str, kind: str = "text/plain") -> Callable[[Web], Answer]:
    return lambda web: Answer(headers=(("Content-Type", kind),), body=web.fill(body).encode())


def in_turns(*made: Callable[[Web], Answer]) -> Callable[[Web], Answer]:
    """The first request gets the first answer, the next one the second, and so on."""
    turns = cycle(made)
    return lambda web: next(turns)(web)


@contextmanager
def web(answers: Mapping[str, Callable[[Web], Answer]]) -> Iterator[Web]:
    """Serve ``answers`` by place, such as ``a/page``; others are a 404."""
    names = {host: name for name, host in HOSTS.items()}

    def handler(seen: Seen) -> Answer:
        host = seen.host.partition(":")[0]
        found = answers.get(f"{names[host]}{seen.target}")
        return Answer(404) if found is None else found(served)

    with Server(handler, addresses=tuple(HOSTS.values())) as server:
        served = Web(server)
        yield served


def records(directory: Path, name: str) -> Iterator[Record]:
    """The records of all shards of a run, or of one without shards."""
    folders = sorted((directory / "shards").iterdir()) if _is_sharded(directory) else [directory]
    for folder in folders:
        for line in (folder / f"{name}.jsonl").read_text().splitlines():
            yield {key: each for key, each in json.loads(line).items() if key not in _OF_A_RUN}


def _is_sharded(directory: Path) -> bool:
    return (directory / "shards").is_dir()


def found(directory: Path) -> dict[str, list[Record]]:
    """All records of a run, in an order that does not depend on who was first."""
    every = {name: list(records(directory, name)) for name in ("pages", "failures", "skipped")}
    for name, of_name in every.items():
        urls = Counter(each["url"] for each in of_name)
        assert max(urls.values(), default=1) == 1, f"{name} has a URL twice: {urls}"
        of_name.sort(key=lambda each: str(each["url"]))
    return every
