"""``compare.json`` can be read back, also where an earlier version wrote it."""

import msgspec
from support.comparisons import COMPARISON, WAYS

from crawler.metrics.comparison import from_json, to_json
from crawler.metrics.contestants import Contestant

NEW = {
    "runs": ("parse", "workers", "connections_needed"),
    "verdict": ("a_parse", "a_workers", "b_parse", "b_workers"),
    "summary": ("parse", "workers", "cpu", "cores"),
}
"""Fields that the first version did not have, by list of records."""


def test_a_comparison_can_be_read_back() -> None:
    assert from_json(to_json(WAYS)) == WAYS


def test_a_file_that_knows_no_ways_to_parse_is_read() -> None:
    old = msgspec.json.decode(to_json(COMPARISON))
    del old["parsing"], old["recommended"]["parse"], old["recommended"]["workers"]
    for name, fields in NEW.items():
        for record in old[name]:
            for field in fields:
                del record[field]
    found = from_json(msgspec.json.encode(old))
    assert found == COMPARISON
    assert not found.naming.compares_parsing
    assert found.verdict[0].pair == (Contestant("slow", 64), Contestant("curl", 64))
