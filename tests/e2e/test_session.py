"""Sessions of a site: logins, cookies, proxies and trust, each kept to whom it belongs."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from e2e.conftest import Crawl, Run, Serve, html
from support.engines import ENGINES

from crawler.localweb.forward_proxy import ForwardProxy
from crawler.localweb.server import Answer, Seen, Server

SECRET = "s3cr3t"
LOCAL = ("--allow-private", "127.0.0.0/8")
SHOP = "shop.example"
BASIC = "Basic bWU6czNjcjN0"  # me:s3cr3t

every_engine = pytest.mark.parametrize("engine", ENGINES)


def to(url: str) -> Answer:
    return Answer(302, headers=(("Location", url),))


def received(server: Server, name: str = "authorization") -> dict[str, str]:
    """What the server received in that header, by path."""
    return {seen.target: seen.header(name) for seen in server.seen}


def keeps_quiet(run: Run) -> bool:
    """Whether the secret is in nothing that the run said or wrote."""
    files = [path.read_bytes() for path in run.directory.rglob("*") if path.is_file()]
    return SECRET not in run.out + run.err and not any(SECRET.encode() in each for each in files)


@pytest.fixture
def ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Whom the crawler trusts, and nobody else."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return ca


def context_of(*names: str, ca: trustme.CA, not_after: dt.datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, not_after=not_after).configure_cert(context)
    return context


def self_signed(folder: Path, name: str) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "self-signed.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


# cookies


def test_cookies_survive_a_login_redirect(crawl: Crawl, serve: Serve) -> None:
    def home(seen: Seen) -> Answer:
        return html("in") if seen.header("cookie") == f"id={SECRET}" else Answer(403)

    login = Answer(
        302, headers=(("Location", "/home"), ("Set-Cookie", f"id={SECRET}; Path=/; HttpOnly"))
    )
    site = serve({"/login": login, "/home": home})
    run = crawl("--cookies", site.url("/login"))
    assert run.pages[site.url("/login")]["final_url"] == site.url("/home")
    without = crawl(site.url("/login"), name="without")
    assert without.failures[site.url("/login")]["status"] == 403
    assert [seen.header("cookie") for seen in site.seen[-2:]] == ["", ""]
    assert keeps_quiet(without)
    assert SECRET not in run.out + run.err + (run.directory / "pages.jsonl").read_text()


@pytest.mark.promise("P41")
def test_thousands_of_huge_cookies_log_one_line(crawl: Crawl, serve: Serve) -> None:
    def much(seen: Seen) -> Answer:
        lines = [("Set-Cookie", f"{seen.target[1:]}-{n}={'x' * 4000}") for n in range(40)]
        return Answer(headers=(("Content-Type", "text/html"), *lines), body=b"x")

    site = serve({f"/{n}": much for n in range(50)})
    run = crawl("--cookies", lines="\n".join(site.url(f"/{n}") for n in range(50)))
    assert len(run.pages) == 50
    assert run.err.count("dropping cookies") == 1
    assert "xxxx" not in run.err
    assert max(len(seen.header("cookie")) for seen in site.seen) <= 8190


# credentials


@pytest.mark.promise("P01")
@every_engine
@pytest.mark.parametrize("header", ["Authorization", "Cookie", "Proxy-Authorization"])
def test_a_credential_header_stays_with_its_origin(
    crawl: Crawl, serve: Serve, engine: str, header: str, ca: trustme.CA
) -> None:
    pages = {"/x": html("x"), "/robots.txt": Answer(404)}
    host = serve(pages, addresses=("127.0.0.5",))
    port = serve(pages)
    scheme = serve(pages, tls=context_of("127.0.0.1", ca=ca))
    away = {f"/{n}": to(other.url("/x")) for n, other in enumerate((host, port, scheme))}
    site = serve({**away, "/in": to("/x"), **pages})
    asked = [site.url(f"/{name}") for name in (0, 1, 2, "in")]
    given = ("--header", f"{header}: {SECRET}", "--header", "X-Own: me")
    run = crawl("--engine", engine, *LOCAL, *given, lines="\n".join(asked))
    assert len(run.pages) == 4, run.err
    assert set(received(site, header).values()) == {SECRET}
    assert set(received(site)) == {"/0", "/1", "/2", "/in", "/x", "/robots.txt"}
    for other in (host, port, scheme):
        assert received(other, header) == {"/x": "", "/robots.txt": ""}
        assert set(received(other, "x-own").values()) == {"me"}
    assert keeps_quiet(run)


@pytest.mark.promise("P02")
@every_engine
def test_a_login_goes_to_its_host_only(crawl: Crawl, serve: Serve, engine: str) -> None:
    pages = {"/": html("x"), "/robots.txt": Answer(404)}
    other = serve({**pages, "/back": html("x")}, addresses=("127.0.0.5",))
    site = serve({**pages, "/go": to(other.url("/back"))})
    login = f"127.0.0.1:{site.port}=me:{SECRET}"
    lines = "\n".join((site.url("/"), site.url("/go"), other.url("/")))
    run = crawl("--engine", engine, "--auth", login, lines=lines)
    assert len(run.pages) == 3
    assert received(site) == {"/": BASIC, "/go": BASIC, "/robots.txt": BASIC}
    assert received(other) == {"/": "", "/back": "", "/robots.txt": ""}
    assert keeps_quiet(run)
    assert "<secret>" in (run.directory / "settings.toml").read_text()


@pytest.mark.promise("P01", "P05")
def test_userinfo_stays_with_its_origin(crawl: Crawl, serve: Serve) -> None:
    other = serve({"/x": html("x")}, addresses=("127.0.0.5",))
    site = serve({"/": html("x"), "/go": to(other.url("/x"))})
    go = site.url("/go").replace("//", f"//me:{SECRET}@")
    run = crawl(*LOCAL, lines=f"{go}\n{site.url('/')}")
    assert set(run.pages) == {site.url("/go"), site.url("/")}
    assert received(site)["/go"] == BASIC
    assert set(received(other).values()) == {""}
    assert SECRET not in run.out + run.err + (run.directory / "pages.jsonl").read_text()


@pytest.mark.promise("P05")
@pytest.mark.parametrize(
    "given",
    [
        ("--header", f"Host: {SECRET}"),
        ("--header", SECRET),
        ("--auth", f"127.0.0.1={SECRET}"),
        ("--proxy", f"me:{SECRET}@127.0.0.1"),
        ("--engine", "threads", "--proxy", f"socks5://me:{SECRET}@127.0.0.1"),
        ("--baseline", "2", "--proxy", f"https://me:{SECRET}@127.0.0.1"),
    ],
)
def test_usage_errors_do_not_show_secrets(crawl: Crawl, given: tuple[str, ...]) -> None:
    run = crawl(*given, "http://127.0.0.1:1/")
    assert run.code == 2
    assert SECRET not in run.out + run.err
    assert not run.directory.exists()


# trust


@pytest.mark.promise("P09")
@every_engine
def test_insecure_is_for_the_named_host_only(crawl: Crawl, serve: Serve, engine: str) -> None:
    strangers = trustme.CA()
    sites = {
        host: serve({"/": html("x")}, addresses=(host,), tls=context_of(host, ca=strangers))
        for host in ("127.0.0.1", "127.0.0.5")
    }
    lines = "\n".join(site.url("/") for site in sites.values())
    given = ("--engine", engine, "--no-robots", "--insecure", "127.0.0.1")
    run = crawl(*given, lines=lines)
    assert list(run.pages) == [sites["127.0.0.1"].url("/")]
    assert run.failures[sites["127.0.0.5"].url("/")]["error"] == "tls"
    assert not sites["127.0.0.5"].seen


@pytest.mark.promise("P10")
@every_engine
def test_a_bad_certificate_fails_and_sends_nothing(
    crawl: Crawl, serve: Serve, engine: str, ca: trustme.CA, tmp_path: Path
) -> None:
    host = "127.0.0.1"
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    contexts = {
        "good": context_of(host, ca=ca),
        "expired": context_of(host, ca=ca, not_after=past),
        "wrong host": context_of("other.example", ca=ca),
        "self-signed": self_signed(tmp_path, host),
        "unknown root": context_of(host, ca=trustme.CA()),
    }
    sites = {name: serve({"/": html("x")}, tls=context) for name, context in contexts.items()}
    urls = {name: site.url("/") for name, site in sites.items()}
    lines = "\n".join(urls.values())
    run = crawl("--engine", engine, "--no-robots", "--auth", f"{host}=me:{SECRET}", lines=lines)
    assert list(run.pages) == [urls.pop("good")]
    assert {name: run.failures[url]["error"] for name, url in urls.items()} == dict.fromkeys(
        urls, "tls"
    )
    assert not [name for name in urls if sites[name].seen]


# proxies


@pytest.mark.promise("P04")
@every_engine
def test_only_the_proxy_receives_its_login(
    crawl: Crawl, serve: Serve, engine: str, ca: trustme.CA
) -> None:
    other = serve({"/x": html("x")}, tls=context_of("other.example", ca=ca))
    away = to(other.url("/x", host="other.example"))
    site = serve({"/": html("x"), "/go": away, "/in": to("/")})
    with ForwardProxy(login=f"me:{SECRET}") as proxy:
        lines = "\n".join(site.url(path, host=SHOP) for path in ("/", "/go", "/in"))
        given = ("--engine", engine, "--delay", "0", "--proxy")
        run = crawl(*given, proxy.url(userinfo=f"me:{SECRET}"), lines=lines)
    assert len(run.pages) == 3, run.err
    assert {seen.how for seen in proxy.seen} == {"GET", "CONNECT"}
    assert {seen.login for seen in proxy.seen} == {f"me:{SECRET}"}
    for seen in site.seen + other.seen:
        assert not [name for name, _ in seen.headers if name.lower().startswith("proxy")]
        assert not seen.header("authorization")
    assert keeps_quiet(run)


def test_a_socks_proxy_receives_the_host_name(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/": html("x")})
    with ForwardProxy() as proxy:
        run = crawl("--proxy", proxy.url("socks5"), site.url("/", host=SHOP))
    assert list(run.pages) == [site.url("/", host=SHOP)]
    assert {(seen.how, seen.target) for seen in proxy.seen} == {("SOCKS5", f"{SHOP}:{site.port}")}


@pytest.mark.promise("P07")
@every_engine
def test_no_literal_private_address_reaches_a_proxy(
    crawl: Crawl, serve: Serve, engine: str
) -> None:
    inside = serve({"/": html("inside")})
    site = serve({"/go": to(inside.url("/"))})
    with ForwardProxy() as proxy:
        asked = site.url("/go", host=SHOP)
        run = crawl("--engine", engine, "--proxy", proxy.url(), asked)
    assert run.skips[asked]["reason"] == "blocked"
    assert not inside.seen
    assert all(SHOP in seen.target for seen in proxy.seen)


@pytest.mark.promise("P04")
@every_engine
def test_a_refused_proxy_login_is_not_shown(
    crawl: Crawl, serve: Serve, engine: str, ca: trustme.CA
) -> None:
    site = serve({"/": html("x")})
    secure = serve({"/": html("x")}, tls=context_of(SHOP, ca=ca))
    urls = [each.url("/", host=SHOP) for each in (site, secure)]
    with ForwardProxy(login="me:another") as proxy:
        given = ("--engine", engine, "--no-robots", "--proxy", proxy.url(userinfo=f"me:{SECRET}"))
        run = crawl(*given, lines="\n".join(urls))
        place = proxy.named().place
    for url in urls:
        assert run.failures[url]["error"] == "status"
        assert place in run.failures[url]["message"]
        assert "407" in run.failures[url]["message"]
    assert not site.seen
    assert not secure.seen
    assert keeps_quiet(run)
