"""On a replay, requests have the same size, and no secret."""

import pytest

from crawler.compare.masking import masked, without_secrets
from crawler.settings import Settings


@pytest.mark.promise("P58")
def test_secrets_are_masked_with_their_length() -> None:
    settings = Settings(
        header=("X-Key: s3cret", "Cookie:a=b"),
        auth=("a.example:8080=me:pa=ss:w",),
        proxy="http://p",
    )
    assert masked(settings) == {
        "header": ("X-Key: xxxxxx", "Cookie: xxx"),
        "auth": ("a.example:8080=xx:xxxxxxx",),
        "proxy": None,
    }
    Settings(**masked(settings))


@pytest.mark.promise("P58")
def test_only_public_variables_are_kept() -> None:
    public = {"CRAWLER_TIMEOUT": "3", "CRAWLER_STRIP_PARAM": "sid"}
    secret = {"CRAWLER_HEADER": "K: V", "CRAWLER_PROXY": "http://p", "CRAWLER_AUTH": "a=b:c"}
    assert without_secrets(public | secret) == public
