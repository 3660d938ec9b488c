"""What surrounds a crawl: variables, names in other encodings, folders that are missing."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from e2e.conftest import Serve, command, environment, html

import crawler
from crawler.engines.names import ENGINES
from crawler.localweb.server import Server
from crawler.model.errors import UsageError
from crawler.settings import load

KUBERNETES = {
    "CRAWLER_SERVICE_HOST": "10.0.0.1",
    "CRAWLER_SERVICE_PORT": "80",
    "CRAWLER_SERVICE_PORT_HTTP": "80",
    "CRAWLER_SERVICE_PORT_METRICS_V2": "9090",
    "CRAWLER_PORT": "tcp://10.0.0.1:80",
    "CRAWLER_PORT_80_TCP": "tcp://10.0.0.1:80",
    "CRAWLER_PORT_80_TCP_PROTO": "tcp",
    "CRAWLER_PORT_80_TCP_PORT": "80",
    "CRAWLER_PORT_80_TCP_ADDR": "10.0.0.1",
    "CRAWLER_PORT_53_UDP": "udp://10.0.0.1:53",
    "CRAWLER_PORT_53_UDP_ADDR": "10.0.0.1",
    "CRAWLER_PORT_9899_SCTP": "sctp://10.0.0.1:9899",
}
"""Of a service ``crawler``: kubernetes.io, Services, environment variables."""
OF_OTHER_SERVICES = {
    # crawler-metrics: one of its variables has the name of an option
    "CRAWLER_METRICS_SERVICE_HOST": "10.0.0.2",
    "CRAWLER_METRICS_SERVICE_PORT": "9090",
    "CRAWLER_METRICS_PORT": "tcp://10.0.0.2:9090",
    "CRAWLER_METRICS_PORT_9090_TCP_ADDR": "10.0.0.2",
    # crawler-db-1
    "CRAWLER_DB_1_SERVICE_PORT_SQL": "5432",
    "CRAWLER_DB_1_PORT": "tcp://10.0.0.3:5432",
    "CRAWLER_DB_1_PORT_5432_TCP": "tcp://10.0.0.3:5432",
}
"""Of services of the same namespace whose names begin alike."""
DOCKER = {
    "CRAWLER_NAME": "/web/crawler",
    "CRAWLER_ENV_PYTHON_VERSION": "3.11.9",
    "CRAWLER_ENV_concurrency": "many",
    "CRAWLER_PORT_8000_TCP_PORT_START": "8000",
    "CRAWLER_PORT_8000_TCP_PORT_END": "8009",
    "CRAWLER_1_NAME": "/web/crawler_1",
    "CRAWLER_1_ENV_PATH": "/usr/bin",
}
"""Of linked containers: docs.docker.com, Legacy container links."""
FOREIGN = {**KUBERNETES, **OF_OTHER_SERVICES, **DOCKER}
WRONG = (
    ("CRAWLER_CONCURENCY", "8", "is not an option; did you mean CRAWLER_CONCURRENCY?"),
    ("CRAWLER_METRICS_PROT", "80", "is not an option; did you mean CRAWLER_METRICS_PORT?"),
    ("CRAWLER_METRICS_PORT", "http", "must be a whole number"),
    ("CRAWLER_PORT", "8080", "is not an option"),
    ("CRAWLER_HOST", "10.0.0.1", "is not an option"),
    ("CRAWLER_SERVICE", "yes", "is not an option"),
    ("CRAWLER_SERVICE_HOSTS", "10.0.0.1", "is not an option"),
    ("CRAWLER_RUN_NAME", "first", "is not an option"),
    ("CRAWLER_PORT_TCP", "80", "is not an option"),
    ("CRAWLER_ENV", "dev", "is not an option"),
)
"""Typing errors: the variable, its value, what is said of it."""


@pytest.mark.promise("P93")
@pytest.mark.parametrize(("variable", "value"), FOREIGN.items())
def test_a_variable_of_a_platform_is_ignored(variable: str, value: str) -> None:
    assert load({}, {variable: value}) == load({}, {})


@pytest.mark.promise("P93")
@pytest.mark.parametrize(("variable", "value", "says"), WRONG)
def test_a_typing_error_beside_variables_of_a_platform_is_named(
    variable: str, value: str, says: str
) -> None:
    with pytest.raises(UsageError, match=f"^{variable} {says.replace('?', '[?]')}"):
        load({}, {**FOREIGN, variable: value})


@pytest.mark.promise("P93")
def test_a_crawl_runs_in_a_container_beside_services_of_its_name(
    serve: Serve, tmp_path: Path
) -> None:
    site = serve({"/": html("<title>x</title>")})
    crawl = command("crawl", "--quiet", "--no-robots", "--parse", "inline", site.url("/"))
    codes = []
    for more in ({"CRAWLER_RETRIES": "0"}, {"CRAWLER_CONCURENCY": "8"}):
        env = {**environment(), **FOREIGN, **more}
        done = subprocess.run(
            crawl, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        codes.append((done.returncode, done.stderr))
    hint = "CRAWLER_CONCURENCY is not an option; did you mean CRAWLER_CONCURRENCY?"
    assert codes == [(0, ""), (2, f"crawler: {hint}\n")]
    assert len(site.seen) == 1


# Certificates

KEY = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"
CUT = b"-----BEGIN CERTIFICATE-----\nMIIB\n"
NO_ROOTS: tuple[tuple[str, bytes | None, str], ...] = (
    ("missing", None, "cannot read {}: No such file or directory"),
    ("folder/", None, "cannot read {}: Is a directory"),
    ("empty.pem", b"", "{} does not contain certificates in PEM form"),
    ("text.pem", b"certificates\n", "{} does not contain certificates in PEM form"),
    ("root.der", b"\x30\x82\x01\x00", "{} does not contain certificates in PEM form"),
    ("key.pem", KEY, "{} does not contain certificates in PEM form"),
    ("cut.pem", CUT, "{} does not contain certificates in PEM form"),
)
"""Name and content of what SSL_CERT_FILE names, and what is said of it."""


@pytest.mark.promise("P94")
@pytest.mark.parametrize(("name", "content", "says"), NO_ROOTS, ids=[case[0] for case in NO_ROOTS])
@pytest.mark.parametrize("engine", ENGINES)
def test_roots_that_are_missing_are_named_alike_by_every_engine(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    engine: str,
    name: str,
    content: bytes | None,
    says: str,
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    elif name.endswith("/"):
        path.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(UsageError) as caught:
        crawler.crawl(["http://127.0.0.1:9/"], engine=engine, parse="inline", run=tmp_path / "run")
    assert str(caught.value) == f"SSL_CERT_FILE: {says.format(path)}"
    assert not (tmp_path / "run").exists()


@pytest.mark.promise("P94")
@pytest.mark.parametrize("engine", ENGINES)
def test_no_engine_reads_a_folder_of_roots(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, tmp_path: Path, engine: str
) -> None:
    """SSL_CERT_DIR is OpenSSL's, and not every library reads it, so none does."""
    site = serve({"/": html("<title>x</title>")})
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    monkeypatch.setenv("SSL_CERT_FILE", "")
    report = crawler.crawl([site.url("/")], engine=engine, parse="inline", run=tmp_path / "run")
    assert report.urls.done == 1


# Names that are not UTF-8

Ended = Callable[..., "subprocess.CompletedProcess[bytes]"]
USUAL = ("crawl", "--no-robots", "--parse", "inline", "--quiet")
LATIN = os.fsdecode(b"caf\xe9")
SHOWN = "caf\\udce9"
UNDECODED: tuple[tuple[tuple[str, ...], int, str], ...] = (
    ((*USUAL, LATIN), 2, f"'FOLDER/{SHOWN}' is not UTF-8 text"),
    ((*USUAL, "--out", f"{LATIN}.jsonl", "URL"), 2, f"'FOLDER/{SHOWN}.jsonl' is not UTF-8 text"),
    ((*USUAL, "--header", f"A: {LATIN}", "URL"), 2, "--header must have the form 'K: V'"),
    ((*USUAL, "--include", LATIN, "--follow", "URL"), 2, f"'{SHOWN}' is not UTF-8 text"),
    ((*USUAL, "--replay", f"{LATIN}.warc", "URL"), 2, f"'{SHOWN}.warc' is not UTF-8 text"),
    ((*USUAL, "--engine", LATIN, "URL"), 2, f"--engine must be one of {', '.join(ENGINES)}, auto"),
    ((*USUAL, f"--{LATIN}", "URL"), 2, f"--{SHOWN} is not an option"),
    ((LATIN,), 2, f"{SHOWN} is not a command"),
    ((*USUAL, "--run", LATIN, "URL"), 0, ""),
    ((*USUAL, "--config", f"{LATIN}.toml", "URL"), 0, ""),
    (("status", f"{LATIN}.run", "--json"), 2, f"'{SHOWN}.run' is not UTF-8 text"),
    (("status", f"{LATIN}.run"), 0, ""),
    (("report", f"{LATIN}.run"), 0, ""),
)
"""Arguments, exit code, and what the one sentence begins with."""


@pytest.fixture
def site(serve: Serve) -> Server:
    return serve({path: html("<title>x</title>") for path in ("/", "/caf%E9?a=%FF")})


@pytest.fixture
def ended(site: Server, tmp_path: Path) -> Ended:
    """Run the program; URL stands for the site. Changes of the environment; None: not set."""

    def run(
        arguments: Sequence[str], **changes: str | None
    ) -> "subprocess.CompletedProcess[bytes]":
        given = [each.replace("URL", site.url("/")) for each in arguments]
        env = {**environment(), **changes}
        return subprocess.run(
            command(*given),
            cwd=tmp_path,
            env={name: value for name, value in env.items() if value is not None},
            capture_output=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.promise("P94")
@pytest.mark.parametrize(("arguments", "code", "says"), UNDECODED)
def test_a_name_that_is_not_utf_8_is_used_or_named(
    ended: Ended, tmp_path: Path, site: Server, arguments: tuple[str, ...], code: int, says: str
) -> None:
    (tmp_path / LATIN).write_text(site.url("/")) if "--run" not in arguments else None
    (tmp_path / f"{LATIN}.toml").write_text("retries = 0\n")
    if arguments[0] in ("status", "report"):
        crawler.crawl([site.url("/")], parse="inline", run=tmp_path / f"{LATIN}.run")
    done = ended(arguments)
    assert done.returncode == code, done.stderr
    expected = f"crawler: {says}".replace("FOLDER", str(tmp_path)) if says else ""
    assert done.stderr.decode().startswith(expected)
    assert done.stderr.count(b"\n") == bool(says)


@pytest.mark.promise("P94")
def test_bytes_of_a_url_that_are_not_utf_8_are_sent_as_they_are(
    ended: Ended, site: Server, tmp_path: Path
) -> None:
    """As curl and wget send them, percent-encoded (URL Standard, percent-encode set)."""
    raw = site.url("/") + os.fsdecode(b"caf\xe9?a=\xff")
    done = ended([*USUAL, "--run", "run", raw])
    assert done.returncode == 0, done.stderr
    (page,) = map(json.loads, (tmp_path / "run/pages.jsonl").read_text().splitlines())
    assert page["url"] == site.url("/caf%E9?a=%FF")


@pytest.mark.promise("P94")
def test_a_comparison_names_missing_roots_in_one_sentence(ended: Ended) -> None:
    done = ended(["compare", "--engines", "curl,threads", "URL"], SSL_CERT_FILE="/nowhere")
    says = b"crawler: SSL_CERT_FILE: cannot read /nowhere: No such file or directory\n"
    assert (done.returncode, done.stderr) == (2, says)


# Folders

SURROUNDINGS = (
    {"HOME": None, "TERM": None, "LANG": None, "PATH": None, "LC_ALL": None},
    {"HOME": "/nowhere", "LC_ALL": "C", "LANG": "C", "TERM": "dumb", "TMPDIR": "/nowhere"},
    pytest.param({"PYTHONIOENCODING": "ascii"}, marks=pytest.mark.long),
    pytest.param({"HOME": "/dev/null", "TMPDIR": "/dev/null"}, marks=pytest.mark.long),
)


@pytest.mark.promise("P94")
@pytest.mark.parametrize("changes", SURROUNDINGS)
def test_a_crawl_runs_with_a_poor_environment(ended: Ended, changes: dict[str, str | None]) -> None:
    done = ended(["crawl", "--no-robots", "--workers", "1", "URL"], **changes)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.promise("P94")
@pytest.mark.parametrize("arguments", [["crawl", "URL"], ["engines"], ["status", "run"]])
def test_a_current_directory_that_was_removed_is_named(
    site: Server, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "gone").mkdir()
    program = command(*(each.replace("URL", site.url("/")) for each in arguments))
    done = subprocess.run(
        ["sh", "-c", 'cd gone && rmdir ../gone && exec "$@"', "sh", *program],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    says = "the current directory: No such file or directory; change to another one"
    assert (done.returncode, done.stderr) == (2, f"crawler: {says}\n")
