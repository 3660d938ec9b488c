"""How descriptors are shared: for requests, for kept connections, and for those being closed."""

import pytest

from crawler.app.descriptors import divide
from crawler.engines.base import CONNECTIONS


@pytest.mark.promise("P65", "P78")
@pytest.mark.parametrize("engines", [1, 3])
@pytest.mark.parametrize("limit", [8, 9, 12, 48, 100, 972, 20_000])
@pytest.mark.parametrize("wanted", [1, 64, 1_000])
def test_all_connections_fit(limit: int, wanted: int, engines: int) -> None:
    found = divide(limit, wanted, engines)
    assert 1 <= found.slots <= wanted
    assert found.slots <= found.connections
    assert engines * found.connections + found.slots <= limit


@pytest.mark.promise("P78")
def test_as_many_connections_are_kept_as_there_are_descriptors() -> None:
    assert (divide(972, 64).slots, divide(972, 64).connections) == (64, 908)
    assert divide(20_000, 64).connections == CONNECTIONS
    assert divide(None, 64).connections == CONNECTIONS
    assert divide(None, 5_000).connections == 5_000


def test_a_few_descriptors_are_one_request_at_a_time() -> None:
    assert (divide(-5, 64).slots, divide(-5, 64).connections) == (1, 1)
