"""Which failures mean that nothing came from a host."""

import pytest

from crawler.model.errors import FailureKind, FetchError

ANSWERED = {
    FailureKind.URL: True,
    FailureKind.DNS: False,
    FailureKind.CONNECT: False,
    FailureKind.TLS: True,
    FailureKind.TIMEOUT: False,
    FailureKind.RESET: False,
    FailureKind.TRUNCATED: True,
    FailureKind.PROTOCOL: True,
    FailureKind.TOO_LARGE: True,
    FailureKind.STATUS: True,
    FailureKind.REDIRECT: True,
    FailureKind.DECODE: True,
    FailureKind.PARSE: True,
    FailureKind.INTERNAL: True,
}


@pytest.mark.promise("P45")
@pytest.mark.parametrize("kind", FailureKind)
def test_each_kind_is_an_answer_or_not(kind: FailureKind) -> None:
    assert FetchError(kind, "x").answered is ANSWERED[kind]
    assert FetchError(kind, "x", answered=True).answered
    assert not FetchError(kind, "x", answered=False).answered
