"""Settings: what is refused, in which words, and which of several places wins."""

import pickle
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.errors import UsageError
from crawler.settings import Settings, load, options
from crawler.settings.sizes import format_size, parse_size

FOLLOWING = {"depth", "include", "exclude", "max_url_length", "max_repeats", "max_per_host"}
"""Options that need --follow."""
BAD = [
    ("engine", "curll", ("curl", "sequential", "did you mean curl?")),
    ("engine", 3, ("one of curl",)),
    ("concurrency", 0, ("whole number", "1 to 10000")),
    ("concurrency", 10_001, ("1 to 10000",)),
    ("concurrency", True, ("whole number",)),
    ("concurrency", 1.5, ("whole number",)),
    ("timeout", 0, ("number above 0",)),
    ("timeout", float("nan"), ("number above 0",)),
    ("timeout", float("inf"), ("to 86400",)),
    ("timeout", None, ("number above 0",)),
    ("retries", -1, ("0 to 100",)),
    ("max_bytes", 0, ("a size",)),
    ("max_bytes", "ten", ("a size", "256MB")),
    ("memory", "1XB", ("a size", "1GiB")),
    ("memory", 10**30, ("a size",)),
    ("per_host", 0, ("1 to 10000",)),
    ("per_address", 0, ("1 to 10000",)),
    ("max_url_length", 0, ("at least 1",)),
    ("max_repeats", 0, ("at least 1",)),
    ("max_per_host", 0, ("at least 1",)),
    ("retry", [1], ("list of strings",)),
    ("delay", -0.1, ("0 to 86400",)),
    ("rate", 0, ("above 0",)),
    ("robots", "maybe", ("true or false",)),
    ("user_agent", "", ("TEXT",)),
    ("user_agent", "me\r\nCookie: a=b", ("TEXT",)),
    ("user_agent", "me\n", ("TEXT",)),
    ("allow_private", [1], ("list of strings",)),
    ("depth", -1, ("at least 0",)),
    ("max_pages", 0, ("at least 1",)),
    ("scope", "hots", ("host, domain, prefix, any", "did you mean host?")),
    ("workers", 0, ("1 to 256",)),
    ("parser", "module", ("MODULE:FUNCTION", "shop:prices")),
    ("parser", "os.path:join; rm", ("MODULE:FUNCTION",)),
    ("extract", "", ("FILE",)),
    ("out", {"a": 1}, ("list of strings",)),
    ("run", "", ("DIR",)),
    ("baseline", 1, ("at least 2",)),
]
CONFLICTS = [
    ({"engine": "sequential", "concurrency": 2}, ("concurrency", "engine")),
    ({"engine": "aiohttp", "http2": True}, ("http2", "engine")),
    ({"engine": "tornado", "http2": True}, ("http2", "engine")),
    ({"engine": "threads", "http2": True}, ("http2", "engine")),
    ({"engine": "sequential", "http2": True}, ("http2", "engine")),
    ({"depth": 0}, ("depth", "follow")),
    ({"scope": "any"}, ("scope", "follow")),
    ({"include": ["a"]}, ("include", "follow")),
    ({"exclude": ["a"]}, ("exclude", "follow")),
    ({"max_url_length": 100}, ("max_url_length", "follow")),
    ({"max_repeats": 2}, ("max_repeats", "follow")),
    ({"max_per_host": 9}, ("max_per_host", "follow")),
    ({"retry": ["timeout=5", "url=1"]}, ("retry",)),
    ({"retry": ["timeout"]}, ("retry",)),
    ({"strip_param": ["a*b"]}, ("strip_param",)),
    ({"parse": "none", "follow": True}, ("follow", "parse")),
    ({"parse": "none", "parser": "a:b"}, ("parser", "parse")),
    ({"parse": "none", "extract": "a"}, ("extract", "parse")),
    ({"parse": "none", "html": True}, ("html", "parse")),
    ({"parse": "none", "cache": "a"}, ("cache", "parse")),
    ({"parser": "a:b", "cache": "a"}, ("cache", "parser")),
    ({"cache_size": 100}, ("cache_size", "cache")),
    ({"parse": "inline", "workers": 2}, ("workers", "parse")),
    ({"json": True, "out": ["-"]}, ("json", "out")),
    ({"out": ["a", "a"]}, ("out",)),
    ({"sources": ["-", "-"]}, ("sources",)),
    ({"http2": True, "replay": "a"}, ("http2", "replay")),
    ({"latency_scale": 0.5}, ("latency_scale", "replay")),
    ({"history": "a", "order": "random"}, ("history", "order")),
    ({"resume": True}, ("resume", "run")),
]


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ a = 1 }"
    return str(value) if isinstance(value, float) else msgspec.json.encode(value).decode()


def write(folder: Path, text: str) -> Path:
    path = folder / "my {odd} name.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(("name", "value", "words"), BAD)
def test_settings_refuse_a_bad_value(name: str, value: object, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        Settings(**{name: value})
    for word in (f"{name} must be", repr(value), *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(("name", "value", "words"), [bad for bad in BAD if bad[1] is not None])
def test_a_bad_value_in_a_file_is_located(
    tmp_path: Path, name: str, value: object, words: tuple[str, ...]
) -> None:
    path = write(tmp_path, f"{name} = {toml(value)}\n")
    with pytest.raises(UsageError) as caught:
        load({}, {}, path)
    for word in (f"{name} in {path} must be", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("concurrency", "many"),
        ("concurrency", "0"),
        ("concurrency", "1e3x"),
        ("concurrency", "null"),
        ("timeout", "30s"),
        ("timeout", "nan"),
        ("follow", "maybe"),
        ("memory", "-1MB"),
        ("memory", "MB"),
        ("memory", "1..5MB"),
        ("memory", "９MB"),
        ("scope", "planet"),
    ],
)
def test_a_bad_flag_or_variable_is_named(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"^--{name} must be .*, not '{text}'"):
        load({name: text}, {})
    with pytest.raises(UsageError, match=f"^CRAWLER_{name.upper()} must be .*, not '{text}'"):
        load({}, {f"CRAWLER_{name.upper()}": text})


@pytest.mark.parametrize(("asked", "names"), CONFLICTS)
def test_conflicting_options_are_refused(
    tmp_path: Path, asked: dict[str, object], names: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as plain:
        Settings(**asked)
    with pytest.raises(UsageError) as flagged:
        load(asked, {})
    lines = [f"{name} = {toml(value)}\n" for name, value in asked.items()]
    with pytest.raises(UsageError) as filed:
        load({}, {}, write(tmp_path, "".join(lines)))
    assert str(plain.value).startswith(f"{names[0]} ")
    flag = {option.name: option.flag for option in options()}
    for name in names:
        assert name in str(plain.value)
        assert flag[name] in str(flagged.value)
        assert (f"{name} in " if name in asked else flag[name]) in str(filed.value)


def test_a_conflict_names_both_places(tmp_path: Path) -> None:
    path = write(tmp_path, 'engine = "sequential"\n')
    with pytest.raises(UsageError) as caught:
        load({}, {"CRAWLER_CONCURRENCY": "8"}, path)
    assert "CRAWLER_CONCURRENCY" in str(caught.value)
    assert f"engine in {path}" in str(caught.value)


def test_similar_options_may_be_combined() -> None:
    Settings(engine="sequential", concurrency=1)
    Settings(engine="curl", http2=True)
    Settings(retry=["timeout=5,2", "status:503=0"], strip_param="utm_*")
    Settings(scope="host", parse="inline")
    Settings(parse="thread", workers=2)
    Settings(json=True, out="pages.jsonl")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"CRAWLER_CONCURENCY": "3"}, "CRAWLER_CONCURENCY is not.*did you mean CRAWLER_CONC"),
        ({"CRAWLER_QWXZ": "3"}, "CRAWLER_QWXZ is not an option$"),
    ],
)
def test_an_unknown_variable_is_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        load({}, given)


@pytest.mark.parametrize("key", ["per-host", "perhost", "per_hosts"])
def test_an_unknown_key_is_refused_with_a_suggestion(tmp_path: Path, key: str) -> None:
    path = write(tmp_path, f"{key} = 3\n")
    with pytest.raises(UsageError) as caught:
        load({}, {}, path)
    assert str(caught.value) == f"{key} in {path} is not an option; did you mean per_host?"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"engine = curl\n", "is not a TOML file: .*line 1"),
        (b"\xff\xfe", "is not a TOML file"),
        (b"[fetching]\nengine = 'curl'\n", "fetching in .* is not an option"),
        (None, "cannot read .*: No such file"),
    ],
)
def test_an_unusable_file_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "my.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=says):
        load({}, {}, path)


def test_the_stronger_place_wins(tmp_path: Path) -> None:
    path = write(tmp_path, "retries = 1\ntimeout = 1\ndelay = 1\nout = ['a', 'b']\n")
    environ = {"CRAWLER_TIMEOUT": "2", "CRAWLER_DELAY": "2", "CRAWLER_OUT": "c\nd e"}
    found = load({"delay": "3"}, environ, path)
    assert (found.retries, found.timeout, found.delay) == (1, 2.0, 3.0)
    assert found.out == ("c", "d e")
    assert found.engine == Settings().engine


def test_a_bad_value_is_refused_even_if_overridden() -> None:
    with pytest.raises(UsageError, match="CRAWLER_RETRIES"):
        load({"retries": "1"}, {"CRAWLER_RETRIES": "many"})


def test_empty_and_foreign_variables_are_ignored() -> None:
    assert load({}, {"CRAWLER_RETRIES": "", "PATH": "/bin", "CRAWL": "x"}) == Settings()


def test_every_option_can_be_given_everywhere(tmp_path: Path) -> None:
    """One at a time: as a value, as text in a variable, and in a file, with the same result."""
    for option in options():
        value = next(v for v in (option.extra["example"], option.default) if v not in (None, ()))
        helpers: dict[str, object] = {"follow": True} if option.name in FOLLOWING else {}
        if option.name == "again":
            helpers = {"resume": True, "run": "runs/first"}
        if option.name == "cache_size":
            helpers = {"cache": "cache"}
        if option.name in {"slots", "shards", "slice"}:
            helpers = {"on": "local"}
        lines = list(value) if option.many else [value]
        text = "\n".join(str(line) for line in lines)
        path = write(tmp_path, f"{option.name} = {toml(value)}\n")
        expected = Settings(**{option.name: value, **helpers})
        assert load({option.name: lines if option.many else text, **helpers}, {}) == expected
        assert load(helpers, {f"CRAWLER_{option.name.upper()}": text}) == expected
        assert load(helpers, {}, path) == expected


def test_single_values_and_paths_are_accepted() -> None:
    found = Settings(out=Path("a.jsonl"), sources="urls.txt", memory="1GiB")  # type: ignore[arg-type]
    assert (found.out, found.sources, found.memory) == (("a.jsonl",), ("urls.txt",), 1 << 30)


def test_the_default_concurrency_is_one_for_sequential() -> None:
    assert Settings().fetch_slots == 64
    assert Settings(engine="sequential").fetch_slots == 1
    assert Settings(concurrency=8).fetch_slots == 8


@pytest.mark.promise("P43")
def test_loopback_hosts_have_no_default_limits() -> None:
    usual, given = Settings(), Settings(per_host=2, delay=0.5)
    assert (usual.host_limit(own=False), usual.host_delay(own=False)) == (4, 0.25)
    assert (usual.host_limit(own=True), usual.host_delay(own=True)) == (None, 0.0)
    for loopback in (False, True):
        assert (given.host_limit(own=loopback), given.host_delay(own=loopback)) == (
            2,
            0.5,
        )
    assert Settings(delay=0).host_delay(own=False) == 0
    assert [usual.address_limit(own=own) for own in (False, True)] == [16, None]
    assert Settings(per_address=3).address_limit(own=True) == 3


def test_workers_default_to_at_least_one_core() -> None:
    assert Settings().parse_workers >= 1
    assert Settings(workers=3).parse_workers == 3


def test_copied_settings_stay_checked() -> None:
    asked = Settings(follow=True, depth=2, out=["a"])
    assert pickle.loads(pickle.dumps(asked)) == asked
    assert msgspec.json.decode(msgspec.json.encode(asked), type=Settings) == asked
    with pytest.raises(UsageError, match="depth needs follow"):
        msgspec.structs.replace(asked, follow=False)
    with pytest.raises(AttributeError):
        asked.depth = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("10000000", 10**7),
        ("256MB", 256 * 10**6),
        ("256mb", 256 * 10**6),
        ("1GiB", 2**30),
        ("1.5GiB", 3 * 2**29),
        ("0.1kB", 100),
        ("7B", 7),
        ("2 TB", 2 * 10**12),
    ],
)
def test_sizes_are_parsed(text: str, size: int) -> None:
    assert parse_size(text) == size


@given(st.integers(0, 10**18))
def test_a_formatted_size_is_read_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.text())
def test_any_text_is_a_size_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse_size(text) >= 0
