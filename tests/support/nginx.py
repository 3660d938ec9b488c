"""nginx in a temporary folder, as a context manager."""

import os
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from support import needs
from support.needs import Missing

_START_TIMEOUT = 10.0
_CONFIGURATION = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections {connections}; }}
http {{
    types {{ text/html html; text/css css; text/plain txt; application/javascript js; }}
    default_type application/octet-stream;
    log_format connections "$server_addr $connection";
    access_log {log};
    sendfile on;
    tcp_nopush on;
    keepalive_requests {requests};
    ssl_protocols TLSv1.2 TLSv1.3;
    open_file_cache max={cached} inactive=600s;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp;
    scgi_temp_path {folder}/temp;
    root "{root}";
    {servers}
}}
"""
_CONNECTIONS = 8_192


class Nginx:
    """Serves the files in ``root`` at all ``addresses``, on one ``port``; needs no root rights.

    With a ``certificate`` (path of key and certificate in PEM) it speaks TLS, and HTTP/2 if the
    client does; or with ``certificates`` by address, then these are its addresses. A connection
    ends after ``requests``. At most ``cached`` files stay open: fewer than a process may have. If
    ``counts``, it counts connections. Entering raises Missing if nginx is not installed.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        addresses: Sequence[str] = ("127.0.0.1",),
        *,
        certificate: Path | None = None,
        certificates: Mapping[str, Path] | None = None,
        requests: int = 1_000_000,
        cached: int = 20_000,
        counts: bool = False,
    ) -> None:
        self._folder, self._root = folder, root.resolve()
        self._addresses = addresses if certificates is None else tuple(certificates)
        self._certificates = certificates or {}
        self._certificate, self._requests, self._cached = certificate, requests, cached
        self._log = folder / "access.log" if counts else None

    def __enter__(self) -> Self:
        program = needs.nginx()
        if program is None:
            raise Missing(needs.missing("nginx") or "")
        self._folder.mkdir()
        self.port = _free_port(self._addresses)
        path = self._folder / "nginx.conf"
        path.write_text(self._configuration())
        self._process = subprocess.Popen(
            [program, "-e", f"{self._folder}/error.log", "-c", str(path)],
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def url(self, path: str, address: str | None = None) -> str:
        scheme = "https" if self._certificate or self._certificates else "http"
        return f"{scheme}://{address or self._addresses[0]}:{self.port}/{path}"

    def take_connections(self) -> Counter[str]:
        """The connections by address on which something was requested since the last call."""
        assert self._log is not None
        seen = set(self._log.read_text().split("\n")) - {""}
        os.truncate(self._log, 0)
        return Counter(line.partition(" ")[0] for line in seen)

    def _configuration(self) -> str:
        return _CONFIGURATION.format(
            requests=self._requests,
            cached=self._cached,
            connections=_CONNECTIONS + len(self._addresses),
            log=f"{self._log} connections" if self._log else "off",
            # If root starts it, its worker would run as a user who may not read our folder.
            user="user root;" if os.geteuid() == 0 else "",
            folder=self._folder,
            root=self._root,
            servers="\n".join(self._servers()),
        )

    def _servers(self) -> Iterator[str]:
        if not self._certificates:
            yield self._server(self._addresses, self._certificate, " backlog=4096")
            return
        # One socket for all: nginx would not open thousands of them quickly.
        yield f"server {{ listen 0.0.0.0:{self.port} backlog=4096; }}"
        for pem in dict.fromkeys(self._certificates.values()):
            yield self._server([at for at, its in self._certificates.items() if its == pem], pem)

    def _server(self, addresses: Sequence[str], pem: Path | None, more: str = "") -> str:
        protocols = "" if pem is None else " ssl http2"
        listen = " ".join(f"listen {at}:{self.port}{protocols}{more};" for at in addresses)
        identity = "" if pem is None else f"ssl_certificate {pem}; ssl_certificate_key {pem};"
        return f"server {{ {listen} {identity} }}"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as sock:
                if sock.connect_ex((self._addresses[-1], self.port)) == 0:
                    return
            time.sleep(0.01)
        self._process.kill()
        log = self._folder / "error.log"
        raise Missing(f"nginx does not start: {log.read_text() if log.exists() else 'no log'}")


def _free_port(addresses: Sequence[str]) -> int:
    with socket.socket() as sock:
        sock.bind((addresses[0], 0))
        port: int = sock.getsockname()[1]
        return port
