"""Whether the interpreter has a lock, on every build."""

import sys

import pytest

from crawler.model.interpreter import has_lock


@pytest.mark.parametrize("enabled", [True, False])
def test_the_interpreter_says_it_itself(monkeypatch: pytest.MonkeyPatch, enabled: bool) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: enabled, raising=False)
    assert has_lock() is enabled


def test_versions_that_cannot_say_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "_is_gil_enabled", raising=False)
    assert has_lock()
