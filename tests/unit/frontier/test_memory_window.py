"""What waits in memory and what on disk: bounded, in order, every entry in one place."""

import random
from collections import Counter

import pytest

from crawler.frontier.memory_window import MemoryWindow, WindowSizes

SIZES = WindowSizes()
HEAD, LOW, PART, HELD = SIZES.head, SIZES.low, SIZES.part, SIZES.total
LEAST = SIZES.least


def loaded(window: MemoryWindow, disk: Counter[str]) -> list[tuple[str, int]]:
    """What comes from disk: host and number of entries."""
    parts = window.load().items()
    return [(host, min(most, disk[host])) for most, hosts in parts for host in hosts]


@pytest.mark.promise("P23")
def test_a_host_has_a_bounded_head_in_memory() -> None:
    heads = MemoryWindow()
    placed = [heads.place("a") for _ in range(HEAD + 2)]
    assert placed == [True] * HEAD + [False] * 2
    assert heads.held == HEAD
    assert heads.place("b"), "another host has a head of its own"


def test_new_entries_queue_behind_the_tail() -> None:
    heads = MemoryWindow()
    for _ in range(HEAD):
        heads.place("a")
    assert not heads.place("a")
    heads.left("a")
    for _ in range(HEAD - LOW):
        heads.drop("a")
    assert not heads.place("a")


def test_a_head_is_refilled_shortly_before_its_end() -> None:
    heads = MemoryWindow()
    for _ in range(HEAD):
        heads.place("a")
    for _ in range(3):
        heads.left("a")
    for _ in range(HEAD - LOW):
        heads.drop("a")
        assert heads.load() == {}
    heads.drop("a")
    assert heads.load() == {PART: ["a"]}
    assert heads.held == LOW - 1 + 3
    assert heads.load() == {}
    assert heads.place("a"), "no tail is left"


def test_a_tail_is_loaded_in_parts() -> None:
    heads = MemoryWindow({"a": PART + 5})
    assert heads.load() == {PART: ["a"]}
    assert heads.held == PART
    assert heads.load() == {}, "there is enough of it in memory"
    for _ in range(PART - LOW + 1):
        heads.drop("a")
    assert heads.load() == {PART: ["a"]}
    assert heads.held == LOW - 1 + 5


def test_a_resume_loads_each_host_once() -> None:
    heads = MemoryWindow({"a": 1, "b": 2})
    assert heads.load() == {PART: ["a", "b"]}
    assert heads.held == 3
    assert heads.load() == {}


@pytest.mark.promise("P23")
def test_all_heads_together_are_bounded() -> None:
    hosts = {f"h{number}": 10 for number in range(HELD)}
    heads = MemoryWindow(hosts)
    (loaded,) = heads.load().values()
    assert HELD <= heads.held < HELD + LEAST
    assert not heads.place("new")
    assert heads.load() == {}
    for _ in range(LEAST):
        heads.drop(loaded[0])
    assert heads.load() == {LEAST: [f"h{len(loaded)}"]}, "the next host gets the free places"


@pytest.mark.promise("P77")
def test_a_list_sorted_by_host_leaves_room_for_all_hosts() -> None:
    window, hosts = MemoryWindow(), [f"h{number}" for number in range(3_000)]
    for host in hosts:
        for _ in range(600):
            if not window.place(host):
                window.left(host)
    assert HELD // 2 <= window.held <= HELD
    assert all(window._heads[host] >= LEAST for host in hosts)


@pytest.mark.promise("P77")
def test_a_host_that_takes_its_time_does_not_keep_others_from_memory() -> None:
    """One request per host and turn: whatever is in memory, no host ever waits for the disk."""
    hosts = [f"h{number}" for number in range(400)]
    window = MemoryWindow(dict.fromkeys(hosts, 150))
    for _ in range(150):
        window.load()
        assert window.held <= HELD
        for host in hosts:
            window.drop(host)
    assert window.held == 0


def test_memory_is_shared_while_there_is_room() -> None:
    window = MemoryWindow(dict.fromkeys((f"h{number}" for number in range(250)), 10_000))
    assert {most: len(hosts) for most, hosts in window.load().items()} == {100: 250}


def test_every_entry_has_one_place() -> None:
    """Against a plain account, in any order of events; nothing is forgotten and nothing kept."""
    for seed in range(30):
        rng = random.Random(seed)
        heads = MemoryWindow()
        memory: Counter[str] = Counter()
        disk: Counter[str] = Counter()
        for _ in range(6000):
            host = rng.choice("abc")
            if rng.random() < 0.6:
                where = memory if heads.place(host) else disk
                where[host] += 1
                if where is disk:
                    heads.left(host)
            elif memory[host]:
                memory[host] -= 1
                heads.drop(host)
            for hungry, part in loaded(heads, disk):
                assert part, "asked for where there is nothing"
                disk[hungry] -= part
                memory[hungry] += part
            assert heads.held == memory.total()
            assert all(memory[each] for each in "abc" if disk[each]), "a tail without a head"
        while memory.total():
            for host in [each for each in "abc" if memory[each]]:
                memory[host] -= 1
                heads.drop(host)
            for hungry, part in loaded(heads, disk):
                disk[hungry] -= part
                memory[hungry] += part
        assert not disk.total()
        assert heads.held == 0
        assert not (heads._heads or heads._tails or heads._hungry or heads._starving)
