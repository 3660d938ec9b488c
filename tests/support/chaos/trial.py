"""A crawl disturbed over many sessions, compared with one that was left alone."""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from support.chaos.plan import Plan, draw
from support.chaos.session import Disturber, Ended, Network
from support.chaos.web import Web, WebOptions
from support.killing import inherit, outcome, resuming

HOSTS = 11
"""No multiple of 3, so that every host is in the list."""
LONGEST_SESSION_S = 4.0
_GOOD_ENDS = (0, 130, -9)
_WHOLE_S = 600.0


class Trial(msgspec.Struct, frozen=True):
    """The outcome of one disturbed crawl, and what was ``wrong`` with it; empty if nothing was.

    ``done`` counts what was done to the sessions that did not end by themselves, ``other_kinds``
    the failures of another kind than in the crawl that was left alone, for example because the
    server was away in the last attempt.
    """

    engine: str
    seed: int
    done: dict[str, int]
    pages: int
    failures: int
    skips: int
    other_kinds: int
    wrong: tuple[str, ...]


class Chaos:
    """Trials with one web; ``shim`` is the library with the I/O faults, or None."""

    def __init__(self, folder: Path, shim: Path | None, pages: int, sessions: int) -> None:
        self._folder = folder
        self._shim = shim
        self._pages = pages
        self._sessions = sessions

    def trial(self, engine: str, seed: int) -> Trial:
        """Crawl undisturbed, then disturbed, and compare."""
        folder = self._folder / f"{engine}-{seed}"
        (folder / "disturbed").mkdir(parents=True)
        with Web(WebOptions(self._pages, HOSTS, seed)) as web:
            command = self._command(engine, folder / "list", web)
            whole, run = folder / "whole", folder / "disturbed" / "run"
            wrong = [*_finish(command, whole)]
            disturber = Disturber(network := Network(web), self._shim, folder / "disturbed")
            plans = []
            for plan in self._plans(seed):
                ended = disturber.run(resuming(command, run), inherit(), plan)
                wrong += _faults_of(plan, ended)
                if ended.code == 0:
                    break
                plans.append(plan)
            network.settle()
            wrong += _finish(command, run)
        return _compared(engine, seed, plans, whole, run, wrong)

    def _command(self, engine: str, urls: Path, web: Web) -> list[str]:
        """A third of the URLs are in the list, the others are found by links.

        The rate lets each session have its part of the pages.
        """
        urls.write_text("\n".join(web.urls[::3]))
        rate = max(5.0, self._pages / self._sessions)
        options = ["--engine", engine, "--rate", f"{rate:g}", "--timeout", "3", "--delay", "0"]
        crawl = [sys.executable, "-m", "crawler", "crawl", str(urls), "--follow", "--quiet"]
        return [*crawl, *options, "--per-host", "8"]

    def _plans(self, seed: int) -> Sequence[Plan]:
        rng = random.Random(seed)
        io_faults = self._shim is not None
        return [draw(rng, LONGEST_SESSION_S, io_faults=io_faults) for _ in range(self._sessions)]


def _finish(command: Sequence[str], run: Path) -> Iterator[str]:
    """Crawl to the end, undisturbed."""
    whole = resuming(command, run)
    done = subprocess.run(
        whole, env=inherit(), capture_output=True, text=True, timeout=_WHOLE_S, check=False
    )
    if done.returncode:
        yield f"the last session ended with {done.returncode}: {done.stderr}"


def _faults_of(plan: Plan, ended: Ended) -> Iterator[str]:
    """A crawl may fail only with one sentence, and only if its disk did."""
    if "Traceback" in ended.stderr:
        yield f"a traceback: {ended.stderr}"
    if ended.code == 1 and plan.io is not None:
        if not ended.stderr.splitlines()[-1].startswith("crawler: "):
            yield f"exit code 1 without a sentence: {ended.stderr}"
    elif ended.code not in _GOOD_ENDS:
        yield f"exit code {ended.code}: {ended.stderr}"


def _compared(
    engine: str, seed: int, plans: Sequence[Plan], whole: Path, run: Path, wrong: Sequence[str]
) -> Trial:
    try:
        expected, found = outcome(whole), outcome(run)
    except (AssertionError, OSError) as error:
        return Trial(engine, seed, _counted(plans), 0, 0, 0, 0, (*wrong, str(error)))
    wrong = (*wrong, *differences(expected, found))
    return Trial(
        engine,
        seed,
        _counted(plans),
        *map(len, found.values()),
        sum(
            expected["failures"][url]["error"] != found["failures"][url]["error"]
            for url in expected["failures"].keys() & found["failures"].keys()
        ),
        tuple(wrong),
    )


def differences(expected: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Compare two outcomes; failures of the same URL may differ in kind."""
    for name, records in expected.items():
        yield from (f"{name}: lost {url}" for url in sorted(records.keys() - found[name].keys()))
        yield from (f"{name}: new {url}" for url in sorted(found[name].keys() - records.keys()))
    for name in ("pages", "skipped"):
        both = expected[name].keys() & found[name].keys()
        yield from (
            f"{name}: other {url}"
            for url in sorted(both)
            if expected[name][url] != found[name][url]
        )


def _counted(plans: Sequence[Plan]) -> dict[str, int]:
    done = Counter({"sessions": len(plans)})
    for plan in plans:
        done[plan.ending if plan.io is None else f"io: {plan.io.kind}"] += 1
        if plan.outage is not None:
            done[plan.outage.what] += 1
        if plan.pause is not None:
            done[f"suspended: {plan.pause.what}"] += 1
        done["workers killed"] += plan.worker_kill is not None
    return dict(done)
