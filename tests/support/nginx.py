"""nginx in a temporary folder, as a context manager."""

import os
import socket
import subprocess
import time
from collections.abc import Sequence
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
events {{ worker_connections 4096; }}
http {{
    types {{ text/html html; text/css css; text/plain txt; application/javascript js; }}
    default_type application/octet-stream;
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests {requests};
    open_file_cache max={cached} inactive=600s;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp;
    scgi_temp_path {folder}/temp;
    server {{
        {listen}
        {certificate}
        root "{root}";
    }}
}}
"""


class Nginx:
    """Serves the files in ``root`` at all ``addresses``, on one ``port``; needs no root rights.

    With a ``certificate`` (path of key and certificate in PEM) it speaks TLS, and HTTP/2 if the
    client does. A connection ends after ``requests``. At most ``cached`` files stay open: fewer
    than a process may have. Entering raises Missing if nginx is not installed.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        addresses: Sequence[str] = ("127.0.0.1",),
        *,
        certificate: Path | None = None,
        requests: int = 1_000_000,
        cached: int = 20_000,
    ) -> None:
        self._folder, self._root, self._addresses = folder, root.resolve(), addresses
        self._certificate, self._requests, self._cached = certificate, requests, cached

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
        scheme = "http" if self._certificate is None else "https"
        return f"{scheme}://{address or self._addresses[0]}:{self.port}/{path}"

    def _configuration(self) -> str:
        pem, protocols = self._certificate, "" if self._certificate is None else " ssl http2"
        return _CONFIGURATION.format(
            requests=self._requests,
            cached=self._cached,
            certificate=f"ssl_certificate {pem}; ssl_certificate_key {pem};" if pem else "",
            # If root starts it, its worker would run as a user who may not read our folder.
            user="user root;" if os.geteuid() == 0 else "",
            folder=self._folder,
            root=self._root,
            listen=" ".join(
                f"listen {at}:{self.port}{protocols} backlog=4096;" for at in self._addresses
            ),
        )

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
