"""What a request says about itself."""

import pytest
from msgspec.structs import replace

from crawler.model.exchange import METHODS, Endpoint, Request

GET = Request("http://a.example/", Endpoint("", "", 1), (), 1.0, 1)


def test_a_request_is_a_get_without_a_body() -> None:
    assert (GET.method, GET.body, GET.content_length, GET.is_idempotent) == (
        "GET",
        None,
        None,
        True,
    )


def test_only_post_and_patch_must_not_be_repeated() -> None:
    idempotent = {each for each in METHODS if replace(GET, method=each).is_idempotent}
    assert idempotent == {*METHODS} - {"POST", "PATCH"}


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", b"four", 4),
        ("HEAD", None, None),
        ("POST", None, 0),
        ("POST", b"", 0),
        ("PUT", None, 0),
        ("PATCH", None, 0),
        ("DELETE", None, None),
        ("DELETE", b"", 0),
        ("OPTIONS", None, None),
    ],
)
def test_a_length_is_said_where_content_is_expected(
    method: str, body: bytes | None, length: int | None
) -> None:
    assert replace(GET, method=method, body=body).content_length == length


@pytest.mark.parametrize("status", [200, 204, 304, 404])
def test_a_head_and_some_statuses_have_no_body(status: int) -> None:
    assert replace(GET, method="HEAD").is_bodiless(status)
    assert GET.is_bodiless(status) == (status in (204, 304))


@pytest.mark.parametrize("method", ["", "get", "BREW", "CONNECT", "POST\r\nX: y", "POST /x"])
def test_an_unknown_method_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="is not one of GET, HEAD, POST, "):
        replace(GET, method=method)


def test_a_head_with_a_body_is_refused() -> None:
    with pytest.raises(ValueError, match="a HEAD has no body"):
        replace(GET, method="HEAD", body=b"")
