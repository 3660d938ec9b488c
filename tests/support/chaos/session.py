"""One session of a crawl, disturbed as a plan says."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from support.chaos.plan import Plan, Spell
from support.chaos.web import Web
from support.killing import processes_of, wait_for_end_of_session
from support.processes import descendants

LONGEST_END_S = 60.0
"""A crawl that was interrupted, or whose disk failed, must have ended after this time."""


class Ended(msgspec.Struct, frozen=True):
    """How a session ended: exit code (negative: the signal) and standard error."""

    code: int
    stderr: str


class Step(msgspec.Struct, frozen=True):
    """Something to do ``at`` seconds after the start of the session."""

    at: float
    do: Callable[[], None]


class Network:
    """The web of a trial, which comes and goes. An outage may outlast a session."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._left: list[Step] = []

    def steps(self, outage: Spell | None) -> list[Step]:
        """What is left from the last session, or else the outage of this one."""
        if self._left or outage is None:
            return self._left
        web, end = self._web, outage.at + outage.seconds
        if outage.what == "away":
            return [Step(outage.at, web.stop), Step(end, web.start)]
        return [Step(outage.at, web.freeze), Step(end, web.thaw)]

    def keep(self, steps: Sequence[Step], elapsed: float) -> None:
        """``steps`` were not yet due when the session ended after ``elapsed`` seconds.

        An outage that has not begun will not come.
        """
        self._left = [Step(max(0.0, each.at - elapsed), each.do) for each in steps[-1:]]
        if len(steps) > 1:
            self._left = []

    def settle(self) -> None:
        """End the outage, if there is one."""
        for step in self._left:
            step.do()
        self._left = []


class Disturber:
    """Runs sessions one after the other. ``shim`` is the library with the I/O faults."""

    def __init__(self, network: Network, shim: Path | None, folder: Path) -> None:
        """Calls of ``shim`` fail for files below ``folder``."""
        self._network = network
        self._shim = shim
        self._folder = folder

    def run(self, command: Sequence[str], env: Mapping[str, str], plan: Plan) -> Ended:
        process = subprocess.Popen(
            command,
            env={**env, **self._io(plan)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        began = time.monotonic()
        network = self._network.steps(plan.outage)
        todo = sorted([*network, *_to_processes(plan, process.pid)], key=lambda each: each.at)
        while todo and todo[0].at < plan.seconds and _lives_until(process, began + todo[0].at):
            todo.pop(0).do()
        lives = _lives_until(process, began + plan.seconds)
        # Also if the crawler has ended already: nobody who is suspended can end.
        _signal(process.pid, signal.SIGCONT, workers_only=False)
        if lives:
            _end(process, plan)
        _, errors = process.communicate(timeout=LONGEST_END_S)
        wait_for_end_of_session(process.pid)
        left = [each for each in todo if each in network]
        self._network.keep(left, time.monotonic() - began)
        return Ended(process.returncode, errors)

    def _io(self, plan: Plan) -> dict[str, str]:
        if plan.io is None or self._shim is None:
            return {}
        return {
            "LD_PRELOAD": str(self._shim),
            "CHAOS_IO_FOLDER": f"{self._folder}/",
            "CHAOS_IO_AT": str(plan.io.at),
            "CHAOS_IO_KIND": plan.io.kind,
        }


def _to_processes(plan: Plan, leader: int) -> Iterator[Step]:
    if plan.pause is not None:
        workers_only = plan.pause.what == "workers"
        yield Step(plan.pause.at, lambda: _signal(leader, signal.SIGSTOP, workers_only))
        end = min(plan.pause.at + plan.pause.seconds, plan.seconds - 0.01)
        yield Step(end, lambda: _signal(leader, signal.SIGCONT, workers_only))
    if plan.worker_kill is not None:
        yield Step(plan.worker_kill, lambda: _kill_worker(leader))


def _signal(leader: int, number: signal.Signals, workers_only: bool) -> None:
    for pid in processes_of(leader):
        if pid != leader or not workers_only:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _kill_worker(leader: int) -> None:
    with suppress(ProcessLookupError, FileNotFoundError):
        for worker in descendants(leader)[-1:]:
            os.kill(worker, signal.SIGKILL)


def _lives_until(process: "subprocess.Popen[str]", moment: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, moment - time.monotonic()))
        return False
    return True


def _end(process: "subprocess.Popen[str]", plan: Plan) -> None:
    if plan.ending in ("kill", "io"):
        process.kill()
        return
    process.send_signal(signal.SIGINT)
    if plan.ending == "interrupt twice":
        process.send_signal(signal.SIGINT)
