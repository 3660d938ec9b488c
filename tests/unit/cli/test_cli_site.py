"""``crawler site`` and the demonstration, as programs."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from crawler.cli import main


def test_site_serves_until_interrupted() -> None:
    command = [sys.executable, "-m", "crawler", "site", "--pages", "12", "--hosts", "3"]
    with subprocess.Popen([*command, "--latency", "0"], stdout=subprocess.PIPE, text=True) as site:
        assert site.stdout is not None
        try:
            site.stdout.readline()
            listed = site.stdout.readline().split()[-1]
            with urllib.request.urlopen(listed, timeout=30) as answer:
                urls = answer.read().decode().split()
        finally:
            site.send_signal(signal.SIGINT)
        assert site.wait(30) == 0
    assert len(urls) == 12
    assert len({url.split("/")[2] for url in urls}) == 3


def test_a_port_in_use_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.10.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["site", "--pages", "1", "--hosts", "1", "--port", str(port)]) == 2
    assert f"cannot serve on port {port}: " in capsys.readouterr().err


def test_the_demonstration_crawls_every_page_and_reports(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crawler.cli.demo"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (report,) = tmp_path.glob("runs/*/report.json")
    urls = json.loads(report.read_text())["urls"]
    assert urls["done"] + urls["skipped"] == urls["input"] >= 1000
    assert urls["failed"] == urls["pending"] == 0
