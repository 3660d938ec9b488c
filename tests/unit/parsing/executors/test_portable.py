"""What parse workers get by pickle, also where no module of theirs has it."""

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from crawler.model.errors import UsageError
from crawler.model.scope import make_scope
from crawler.parsing.executors.portable import pack
from crawler.parsing.executors.worker import Setup
from crawler.parsing.job import ParseOptions
from crawler.sinks.jsonl import JsonlEncoder

FACTOR = 3
_CALL = """
import pickle, sys
function = pickle.load(sys.stdin.buffer)
print(function(14), "test_portable" in sys.modules)
"""


def elsewhere(data: bytes) -> str:
    """Call the packed function with 14 in a process that has none of our modules."""
    done = subprocess.run(
        [sys.executable, "-c", _CALL], input=data, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def as_of_main(function: Callable[[int], int]) -> Callable[[int], int]:
    """``function`` as a script or a notebook has it."""
    function.__module__ = "__main__"
    return function


def test_a_usual_setup_needs_no_cloudpickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    options = ParseOptions(1000, follow=True, max_depth=2, scope=make_scope("host", ["a"], ["b"]))
    setup = Setup(options, (JsonlEncoder(),), 5.0)
    assert pickle.loads(pack(setup)).options == options


def test_a_function_of_a_script_is_sent_itself() -> None:
    def triple(number: int) -> int:
        return FACTOR * number

    assert elsewhere(pack(as_of_main(triple))) == "42 False"


def test_a_lambda_is_sent_itself() -> None:
    assert elsewhere(pack(lambda number: number + 1)) == "15 False"


def test_without_cloudpickle_the_function_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)

    def prices(_: object) -> None:
        pass

    with pytest.raises(UsageError, match=r"^prices cannot be imported .*pip install cloudpickle"):
        pack({"parser": prices})


@pytest.mark.parametrize("holder", ["closure", "attribute"])
def test_what_cannot_be_pickled_is_refused(holder: str) -> None:
    lock = threading.Lock()
    thing: object = lambda: lock  # noqa: E731
    if holder == "attribute":
        thing = JsonlEncoder()
        thing.lock = lock  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"cannot be sent to the parse processes .*lock"):
        pack(thing)
