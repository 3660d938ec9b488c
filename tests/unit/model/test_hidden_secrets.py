"""Secrets are found in every spelling, and nothing else is replaced."""

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.secrets import HIDDEN, Secrets

SECRET = 'to/k+en "9"=é~'


@pytest.mark.promise("P56")
@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        "".join(f"%{byte:02X}" for byte in SECRET.encode()),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        json.dumps(SECRET)[1:-1],
    ],
)
def test_every_spelling_is_hidden(spelled: str) -> None:
    assert Secrets([SECRET]).hide(f"before {spelled} after") == f"before {HIDDEN} after"


@pytest.mark.promise("P56")
@given(st.binary(max_size=9), st.text(min_size=9, max_size=20), st.binary(max_size=9))
def test_a_secret_within_other_base64_is_found(before: bytes, text: str, after: bytes) -> None:
    secret = text.encode(errors="surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        quoted = encode(before + secret + after).decode()
        assert Secrets([text]).hide(quoted) != quoted


@pytest.mark.promise("P56")
def test_short_texts_are_not_looked_for() -> None:
    assert Secrets(["de", ""]).hide("the code is here") == "the code is here"
    assert Secrets().hide("text") == "text"


def test_secrets_can_be_added() -> None:
    secrets = Secrets(["first"])
    secrets.add("first and second")
    assert secrets.hide("first and second, first") == f"{HIDDEN}, {HIDDEN}"


@pytest.mark.promise("P56")
def test_thousands_of_secrets_cost_no_time() -> None:
    """A list can have a login in each line; each is added before its request."""
    secrets = Secrets()
    began = time.process_time()
    for number in range(5_000):
        secrets.add(f"user:s3cret-{number}", f"s3cret-{number}")
        secrets.hide(f"http://h{number}.example/: the server answered 404")
    assert secrets.hide("it sent s3cret-4999") == f"it sent {HIDDEN}"
    assert time.process_time() - began < 5
