"""What is ``<secret>`` in settings.toml is in no other file and no message either."""

import base64
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import crawler
from crawler.localweb.forward_proxy import ForwardProxy
from crawler.parsing.document import Document
from crawler.testing import Answer, MockWeb, Seen

KEY = 'tok/en+9"Zz=k3y'
PASSWORD = "pa55wörd/+"
LOGIN = f"me:{PASSWORD}"
OPTIONS = {
    "header": (f"X-Key: {KEY}", f"Cookie: sid={KEY}", "User-Agent: Robot"),
    "auth": (f"a.example={LOGIN}",),
    "cookies": True,
    "parse": "inline",
    "retries": 0,
    "concurrency": 1,
    "log": "debug",
    "log_json": True,
}


def spellings() -> Iterator[str]:
    for text in (KEY, PASSWORD, LOGIN):
        yield text
        yield quote(text, safe="")
        yield base64.b64encode(text.encode()).decode().rstrip("=")
    yield base64.b64encode(KEY.encode())[4:-4].decode()


def found_in(text: str) -> set[str]:
    return {each for each in spellings() if each in text}


def check_files(folder: Path, *but: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in but and not path.name.startswith("state.db"):
            assert not found_in(path.read_text(errors="replace")), path.name


def quoting(seen: Seen) -> Answer:
    """A malformed answer that quotes the request."""
    line = f"HTTP/1.1 200 {seen.header('x-key')}\r\nbad {seen.header('x-key')}\r\n\r\n"
    return Answer(script=(line.encode("latin-1"),))


def hop(seen: Seen) -> Answer:
    place = f"http://b.example/{quote(seen.header('x-key'), safe='')}"
    return Answer(302, headers=(("Location", place),))


def shown(seen: Seen) -> Answer:
    text = f"{seen.header('x-key')} {seen.header('authorization')}"
    return Answer(headers=(("Content-Type", "text/html"),), body=text.encode())


def fails_with_the_text(document: Document) -> None:
    raise ValueError(document.text)


@pytest.mark.promise("P56")
def test_a_request_leaves_no_secret_in_a_file(
    mock_web: MockWeb, tmp_path: Path, engine: str, capfd: pytest.CaptureFixture[str]
) -> None:
    answered = Answer(
        headers=(("Content-Type", "text/html"), ("Set-Cookie", f"session={KEY}")), body=b"x"
    )
    mock_web.answer("http://a.example/", answered)
    mock_web.answer("http://a.example/2", answered)
    urls = [
        "http://a.example/",
        "http://a.example/2",
        f"http://{quote('me')}:{quote(PASSWORD, safe='')}@b.example/",
    ]
    crawler.crawl(
        urls,
        engine=engine,
        run=tmp_path / "run",
        record=tmp_path / "web.warc",
        log_file=tmp_path / "log",
        **OPTIONS,  # type: ignore[arg-type]
    )
    sent = [seen for seen in mock_web.seen if seen.target == "/2"]
    assert (sent[0].header("x-key"), sent[0].header("user-agent")) == (KEY, "Robot")
    assert f"session={KEY}" in sent[0].header("cookie")
    check_files(tmp_path)
    archive = (tmp_path / "web.warc").read_text(errors="replace")
    for line in ("X-Key: redacted", "User-Agent: redacted", "Cookie: redacted"):
        assert line in archive
    assert not found_in("".join(capfd.readouterr()))


@pytest.mark.promise("P56")
def test_a_secret_that_a_server_quotes_is_in_no_message(
    mock_web: MockWeb, tmp_path: Path, engine: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    metrics = ""

    def measured(seen: Seen) -> Answer:
        nonlocal metrics
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            metrics = answer.read().decode()
        return shown(seen)

    mock_web.answer("http://a.example/malformed", quoting)
    mock_web.answer("http://a.example/hop", hop)
    mock_web.answer("http://a.example/fails", measured)
    crawler.crawl(
        [f"http://a.example/{path}" for path in ("malformed", "hop", "fails")],
        engine=engine,
        run=tmp_path / "run",
        log_file=tmp_path / "log",
        parser=fails_with_the_text,
        metrics_port=port,
        robots=False,
        **OPTIONS,  # type: ignore[arg-type]
    )
    failures = (tmp_path / "run" / "failures.jsonl").read_text()
    assert failures.count("\n") == 3
    assert "ValueError: <secret> " in failures
    assert "http://b.example/<secret>" in (tmp_path / "run" / "timeline.jsonl").read_text()
    check_files(tmp_path)
    assert "crawler_" in metrics
    assert not found_in(metrics + "".join(capfd.readouterr()))


@pytest.mark.promise("P56")
def test_the_login_of_a_proxy_is_in_no_file(
    tmp_path: Path, engine: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with ForwardProxy(login="other:one") as proxy:
        userinfo = f"me:{quote(PASSWORD, safe='')}"
        crawler.crawl(
            ["http://a.example/", "https://a.example/"],
            engine=engine,
            run=tmp_path / "run",
            record=tmp_path / "web.warc",
            log_file=tmp_path / "log",
            proxy=f"http://{userinfo}@127.0.0.1:{proxy.port}",
            **OPTIONS,  # type: ignore[arg-type]
        )
    assert {seen.login for seen in proxy.seen} == {LOGIN}
    check_files(tmp_path)
    assert not found_in("".join(capfd.readouterr()))
