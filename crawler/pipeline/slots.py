"""Decides whether a request may start, why not, and when a crawl is over. Pure."""

import msgspec

from crawler.frontier.held_up import half
from crawler.model.events import Idle

MOST_LINKS = 500_000
"""Links that are expected of the pages in flight and at the executor, at most: some five seconds of
work for the state.
"""


class Limits(msgspec.Struct, frozen=True):
    """Limits of a run: fetch slots, bytes of waiting bodies and records, pages (None: no limit).

    With ``read_first`` the whole input is read before the first request.
    """

    concurrency: int
    memory: int
    max_pages: int | None = None
    read_first: bool = False


class Stages(msgspec.Struct):
    """The load of the stages of the pipeline at one moment.

    Not frozen: ``in_flight`` grows as requests start together, for each of which a new record would
    cost more than the decision. ``in_flight`` requests are being fetched, ``probing`` of them from
    hosts that do not answer, ``parsing`` entries are at the parse executor, ``done`` pages are
    finished. ``pending`` entries have no final state, of those that may be requested in this
    session. ``parse_waiting``
    pages are at the executor, which accepts ``parse_width`` at once. ``body_bytes`` wait there,
    ``output_bytes`` wait for the disk. On average a body has ``mean_body`` bytes, and a page
    ``mean_links`` new links. ``is_holding``: pages wait until the state has entered the links of
    earlier pages. ``held`` bodies are not read on, because there is no room for more of them.
    ``is_dry``: no more entries come from the input or the store. ``is_stopping``: no request may
    start.
    """

    in_flight: int
    probing: int
    parsing: int
    done: int
    pending: int
    parse_waiting: int
    parse_width: int
    body_bytes: int
    output_bytes: int
    mean_body: float
    mean_links: float
    is_holding: bool
    held: int
    is_dry: bool
    is_stopping: bool


def reason_to_wait(stages: Stages, limits: Limits) -> Idle | None:
    """Return why no further request may start now, or None if one may."""
    if stages.in_flight >= limits.concurrency or stages.is_stopping:
        return reason_for_none(stages)
    if is_full(stages, limits):
        return "backpressure"
    return "starved" if has_enough(stages, limits) else None


def reason_for_none(stages: Stages) -> Idle:
    """Return why a slot is empty although no stage is full and no host must wait."""
    return "backpressure" if is_draining(stages) else "starved"


def is_full(stages: Stages, limits: Limits) -> bool:
    """Whether the stages after the fetching are full.

    The bodies of all requests in flight, and of one more, must still fit; one alone always does.
    """
    if stages.held:
        return True
    arriving = (stages.in_flight + 1) * stages.mean_body
    held = stages.body_bytes + stages.output_bytes + arriving
    parse_full = stages.parse_waiting >= 2 * stages.parse_width
    is_alone = not (stages.in_flight or stages.body_bytes or stages.output_bytes)
    return parse_full or (held > limits.memory and not is_alone) or is_state_full(stages)


def is_state_full(stages: Stages) -> bool:
    """Whether the pages on their way, and one more, bring more links than the state enters soon."""
    pages = stages.in_flight + stages.parsing + 1
    return stages.is_holding or pages * stages.mean_links > MOST_LINKS


def is_parse_full(stages: Stages) -> bool:
    """Whether more waits for the parse workers than for the outputs and the state."""
    return not is_state_full(stages) and (
        stages.parse_waiting >= 2 * stages.parse_width > 0
        or stages.body_bytes > stages.output_bytes
    )


def is_memory_full(stages: Stages, arriving: int) -> bool:
    """Whether bodies are held back, and most bytes are those of the ``arriving`` ones."""
    return stages.held > 0 and arriving > stages.body_bytes + stages.output_bytes


def is_draining(stages: Stages) -> bool:
    """Whether only parsing and writing are left to do."""
    all_fetched = stages.is_dry and stages.pending == stages.parsing
    return all_fetched and stages.parse_waiting + stages.output_bytes > 0


def has_enough(stages: Stages, limits: Limits) -> bool:
    """Whether the finished and expected pages reach ``max_pages``."""
    if limits.max_pages is None:
        return False
    return stages.done + stages.in_flight + stages.parsing >= limits.max_pages


def allowed_held_up(stages: Stages, limits: Limits) -> int | None:
    """Return how many requests may keep their slots although they are held up; None: all.

    They must make room if all slots are in use, or if no page beyond theirs is wanted.
    """
    if stages.is_stopping:
        return None
    if has_enough(stages, limits):
        return 0
    return half(limits.concurrency) if stages.in_flight >= limits.concurrency else None


def is_over(stages: Stages, limits: Limits) -> bool:
    """Whether the crawl has ended. One that is stopping does not wait for probes."""
    probing = stages.probing if stages.is_stopping else 0
    if stages.in_flight > probing or stages.parsing:
        return False
    if stages.is_stopping or has_enough(stages, limits):
        return True
    return stages.is_dry and not stages.pending
