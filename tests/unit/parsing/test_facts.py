import sys

import pytest

from crawler.parsing.facts import tune_allocator


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_the_allocator_can_be_tuned() -> None:
    assert tune_allocator() is True
