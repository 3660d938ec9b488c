"""Crawls whose I/O wait is known: what the crawler reports, beside what the servers' kernel saw.

The fetch thread is kept busy by parsing, so that its delay is many times the wait.
"""

from pathlib import Path
from typing import Any, NamedTuple

import trustme
from support.kernel_truth import KernelTruth, Ports, Waited, WebSettings

import crawler
from crawler.fetch.network import SystemNetwork, mocking
from crawler.metrics.report import IoWait

PARTS = ("kept", "fresh", "tls", "proxy", "names", "http2")
"""Connections that are kept; fresh ones, plain or TLS; tunnels of a proxy; a look-up for each page;
many streams on a connection. Every answer, handshake, CONNECT and look-up takes 50 ms."""
ENGINES_WITH = {"http2": ("curl",)}
"""The engines that can do a part; not listed: all can."""
_TLS = ("tls", "proxy", "http2")
_KEPT = ("kept", "http2")


class WaitFigures(NamedTuple):
    reported: IoWait
    waited: Waited

    @property
    def true(self) -> float:
        """Seconds. At the proxy the waits for the web are seen too."""
        return (self.waited.proxy or self.waited.web) + self.waited.names

    @property
    def ratio(self) -> float:
        return self.reported.total_s / self.true


class _Network(SystemNetwork):
    def __init__(self, ca_file: Path, ports: Ports) -> None:
        super().__init__((f"127.0.0.1:{ports.names}",))
        self._ca_file = str(ca_file)

    @property
    def ca_file(self) -> str:
        return self._ca_file


def measure(
    folder: Path,
    part: str,
    engine: str,
    concurrency: int,
    pages: int,
    *,
    truncated: bool = False,
    parser: Any = "support.parsers:burn_2ms",
) -> WaitFigures:
    """Crawl ``pages`` pages, with files in ``folder``. ``truncated``: names are answered by TCP."""
    certificate, ca_file = _certificates(folder)
    settings = WebSettings(
        certificate=str(certificate) if part in _TLS else "",
        close=part not in _KEPT,
        http2=part == "http2",
        size=1000 if part == "http2" else 4000,
        truncated=truncated,
    )
    with KernelTruth(settings) as servers:
        options: dict[str, Any] = {"http2": True} if part == "http2" else {}
        if part == "proxy":
            options["proxy"] = f"http://127.0.0.1:{servers.ports.proxy}"
        with mocking(_Network(ca_file, servers.ports)):
            report = crawler.crawl(
                _urls(part, servers.ports.web, pages),
                engine=engine,
                concurrency=concurrency,
                per_host=concurrency,
                per_address=concurrency,
                delay=0.0,
                retries=0,
                robots=False,
                allow_private=("127.0.0.0/8",),
                parse="inline",
                parser=parser,
                run=str(folder / "run"),
                **options,
            )
        waited = servers.waited()
    assert report.urls.done == pages, report.errors
    return WaitFigures(report.io_wait, waited)


def _urls(part: str, port: int, pages: int) -> list[str]:
    scheme = "https" if part in _TLS else "http"
    hosts = "h{}.test" if part == "names" else "127.0.0.1"
    return [f"{scheme}://{hosts.format(number)}:{port}/{number}" for number in range(pages)]


def _certificates(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 with its key, and the root that it was issued by."""
    certificate, ca_file = folder / "server.pem", folder / "ca.pem"
    authority = trustme.CA()
    pem = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(ca_file))
    return certificate, ca_file
