"""Where log records go: never a raw byte, never in the way of who logs, never silently lost."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.model.errors import StateError
from crawler.reporting.live.logs import (
    MOST,
    Console,
    JsonFormatter,
    LogFile,
    TextFormatter,
    printable,
    written_to,
)

log = logging.getLogger("crawler.test")
HOSTILE = "a\x1b[2J\r\n2026 error crawler: forged\x00\x7f\x9b\u202e\ud800\U000e0001"


@pytest.fixture(autouse=True)
def logger() -> Iterator[logging.Logger]:
    found = logging.getLogger("crawler")
    before = found.handlers[:], found.level
    yield found
    assert (found.handlers, found.level) == before, "left as it was found"


def record(message: str, **more: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "crawler.test", "levelname": "INFO", "msg": "%s"})
    made.args = (message,)
    made.__dict__.update(more)
    return made


def failed(message: str) -> logging.LogRecord:
    try:
        raise ValueError(message)
    except ValueError as error:
        return record("it broke", exc_info=(type(error), error, error.__traceback__))


@pytest.mark.promise("P17")
@given(st.text())
def test_unprintable_characters_are_escaped(text: str) -> None:
    assert printable(text).isprintable()
    assert not text.isprintable() or printable(text) == text


@pytest.mark.promise("P17")
def test_a_text_line_stays_one_line() -> None:
    line = TextFormatter().format(record(HOSTILE))
    assert line.isprintable()
    assert "\\x1b[2J\\r\\n2026 error crawler: forged\\x00" in line


@pytest.mark.promise("P17")
def test_an_error_cannot_forge_a_line() -> None:
    first, *rest = TextFormatter().format(failed(HOSTILE)).split("\n")
    assert first.endswith("info    crawler.test: it broke")
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert any("forged" in line for line in rest)


@pytest.mark.promise("P17")
@given(st.text())
@example(HOSTILE)
def test_a_json_line_is_ascii_without_loss(text: str) -> None:
    line = JsonFormatter().format(record(text, facts={"url": text, "wait": 1.5, "many": (text,)}))
    assert line.isascii()
    assert line.isprintable()
    found = json.loads(line)
    assert (found["message"], found["url"], found["many"]) == (text, text, [text])
    assert (found["level"], found["logger"], found["wait"]) == ("info", "crawler.test", 1.5)


def test_a_time_is_utc_to_the_millisecond() -> None:
    made = record("x", created=86400.25)
    assert json.loads(JsonFormatter().format(made))["time"] == "1970-01-02T00:00:00.250Z"
    assert TextFormatter().format(made).startswith("1970-01-02T00:00:00.250Z info ")


def test_json_has_the_traceback_on_its_line() -> None:
    line = JsonFormatter().format(failed("why"))
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: why")


def test_the_log_is_complete_when_the_context_ends() -> None:
    stream = io.StringIO()
    with written_to(Console(stream), "info"):
        log.debug("too little")
        for number in range(500):
            log.info("line %d", number)
    lines = stream.getvalue().splitlines()
    assert [line.split(": ")[1] for line in lines] == [f"line {n}" for n in range(500)]
    log.error("after the end")
    assert len(stream.getvalue().splitlines()) == 500


class Stuck(logging.Handler):
    """A disk that does not answer until it is ``freed``."""

    def __init__(self) -> None:
        super().__init__()
        self.freed = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        assert self.freed.wait(30)
        self.lines.append(record.getMessage())


def test_logging_never_waits_and_reports_lost_lines() -> None:
    stuck = Stuck()
    with written_to(stuck, "info"):
        for _ in range(2 * MOST):
            log.info("x")
        stuck.freed.set()
    *written, last = stuck.lines
    lost = int(last.split()[0])
    assert "log records were lost" in last
    assert MOST <= len(written) < 2 * MOST
    assert len(written) + lost == 2 * MOST


def test_the_progress_line_is_cleared_before_logging() -> None:
    stream = io.StringIO()

    def clear() -> None:
        assert console.alone.locked(), "somebody could draw now"
        stream.write("<clear>")

    console = Console(stream, clear)
    with written_to(console, "warning"):
        log.warning("one")
        log.warning("two")
    assert [line[:7] for line in stream.getvalue().splitlines()] == ["<clear>"] * 2


def test_a_closed_terminal_is_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    stream.close()
    with written_to(Console(stream), "info"):
        log.info("x")
    assert capsys.readouterr() == ("", "")


def test_a_log_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for text in ("one", "\x1b \xe9"):
        with written_to(LogFile(path, pytest.fail), "info"):
            log.info(text)
    first, second = path.read_text("utf-8").splitlines()
    assert first.endswith(": one")
    assert second.endswith(": \\x1b \xe9")


@pytest.mark.promise("P37")
def test_a_log_that_cannot_open_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"no/log: No such file"):
        LogFile(tmp_path / "no" / "log", pytest.fail)


@pytest.mark.promise("P37")
def test_a_full_disk_is_reported_once_by_path(capsys: pytest.CaptureFixture[str]) -> None:
    errors: list[Exception] = []
    with written_to(LogFile(Path("/dev/full"), errors.append), "info"):
        log.info("one")
        log.info("two")
    assert [(type(error), str(error)) for error in errors] == [
        (StateError, "/dev/full: No space left on device")
    ]
    assert capsys.readouterr() == ("", "")
