"""Defaults of options that are None when not set: the help names the value that is used."""

import re

import pytest

from crawler.settings import Settings, defaults, options

USUAL = Settings()


@pytest.mark.parametrize(
    ("name", "default", "used"),
    [
        ("order", defaults.ORDER, USUAL.line_order),
        ("concurrency", defaults.CONCURRENCY, USUAL.fetch_slots),
        ("per_host", defaults.PER_HOST, USUAL.host_limit(own=False)),
        ("per_address", defaults.PER_ADDRESS, USUAL.address_limit(own=False)),
        ("delay", defaults.DELAY, USUAL.host_delay(own=False)),
        ("log", defaults.LOG, USUAL.log_level),
    ],
)
def test_the_help_names_the_default_in_use(name: str, default: object, used: object) -> None:
    option = next(each for each in options() if each.name == name)
    assert option.default is None
    assert used == default
    assert re.search(rf"default:? {re.escape(str(default))}\b", option.text)


def test_a_set_option_replaces_its_default() -> None:
    found = Settings(order="random", log="debug")
    assert (found.line_order, found.log_level) == ("random", "debug")
    assert Settings(history="runs/first").line_order == "slowest"
