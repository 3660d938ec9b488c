"""The text after --on: what it means, and what is said about a wrong one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.distributed.engines.place import WorkerPlace, place_of
from crawler.model.errors import UsageError

PASSWORD = "s3cret%2Fword"


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("local", WorkerPlace("local", "local")),
        ("local:3", WorkerPlace("local", "local:3", slots=3)),
        ("dask", WorkerPlace("dask", "dask")),
        ("ray:16", WorkerPlace("ray", "ray:16", slots=16)),
    ],
)
def test_an_engine_that_is_started_here(on: str, expected: WorkerPlace) -> None:
    assert place_of(on) == expected


@pytest.mark.parametrize(
    ("on", "engine", "address", "at"),
    [
        ("dask://a.example:1", "dask", "tcp://a.example:1", "a.example:1"),
        ("dask://a.example", "dask", "tcp://a.example:8786", "a.example:8786"),
        ("tcp://10.0.0.1:8786", "dask", "tcp://10.0.0.1:8786", "10.0.0.1:8786"),
        ("tls://a.example/", "dask", "tls://a.example:8786/", "a.example:8786"),
        ("ray://[::1]:7", "ray", "ray://[::1]:7", "[::1]:7"),
        ("ray://h", "ray", "ray://h:10001", "h:10001"),
        ("celery+redis://h/2", "celery", "redis://h:6379/2", "h:6379"),
        ("celery+rediss://:p@h/2", "celery", "rediss://:p@h:6379/2", "h:6379"),
        ("celery+amqp://u:p%2F@h:5/v", "celery", "amqp://u:p%2F@h:5/v", "h:5"),
        ("celery+amqps://u:p@h//", "celery", "amqps://u:p@h:5671//", "h:5671"),
    ],
)
def test_an_address(on: str, engine: str, address: str, at: str) -> None:
    place = place_of(on)
    assert (place.engine, place.address, place.at) == (engine, address, at)


@pytest.mark.parametrize(
    "on",
    ["", "locale", "local:", "local:0", "local:-1", "local:1.5", "local:٣", "spark://h:1", "Dask"],
)
def test_another_text_is_refused_with_the_forms(on: str) -> None:
    with pytest.raises(UsageError, match="local:SLOTS, dask, dask://HOST:PORT"):
        place_of(on)


@pytest.mark.parametrize(
    ("on", "message"),
    [
        ("celery", "name the broker"),
        ("dask://", "HOST:PORT must follow"),
        ("dask://:8786", "HOST:PORT must follow"),
        ("dask://h:99999", "HOST:PORT must follow"),
        ("dask://h:0", "HOST:PORT must follow"),
        ("dask://h:x", "HOST:PORT must follow"),
        ("dask://[::1", "HOST:PORT must follow"),
        ("ray://h:1/path", "only a host and a port"),
        ("dask://user@h:1", "only a host and a port"),
    ],
)
def test_a_wrong_address_is_refused_with_the_reason(on: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        place_of(on)


@pytest.mark.parametrize(
    "on",
    [
        f"celery+redis://:{PASSWORD}@h:x/0",
        f"celery+redis://:{PASSWORD}@/0",
        f"celery+redis://u:{PASSWORD}@[::1/0",
        f"redis://:{PASSWORD}@h/0",
        f"dask://u:{PASSWORD}@h:1",
        f"celery+redis://h:x/0?password={PASSWORD}",
    ],
)
def test_no_message_has_a_password(on: str) -> None:
    with pytest.raises(UsageError) as caught:
        place_of(on)
    assert "s3cret" not in str(caught.value)


def test_the_password_is_hidden_in_the_texts_of_libraries() -> None:
    place = place_of(f"celery+redis://:{PASSWORD}@h/0")
    assert place.shown == "celery+redis://<secret>@h/0"
    for spelling in (PASSWORD, "s3cret/word"):
        assert "s3cret" not in place.hide(f"cannot connect to redis://:{spelling}@h:6379/0")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for on in (text, f"celery+redis://{text}", f"dask://{text}", f"local:{text}"):
        try:
            place = place_of(on)
        except UsageError:
            continue
        assert place.address is None or place.host
