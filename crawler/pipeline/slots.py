"""Which fetch slots may be filled, why others stay empty, and when a crawl is over. Pure."""

import msgspec

from crawler.model.events import Idle


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a run: fetch slots, bytes of bodies that wait, pages (None: no bound).

    With ``read_first`` the whole input is read before anything is fetched.
    """

    concurrency: int
    memory: int
    max_pages: int | None = None
    read_first: bool = False


class Stages(msgspec.Struct, frozen=True):
    """What the stages of the pipeline hold at one moment.

    ``in_flight`` requests are being fetched, ``parsing`` entries have an answer that is not
    delivered, ``done`` pages are finished and ``pending`` entries have no final state.
    ``parse_waiting`` pages wait at the executor, which works on ``parse_width`` at once.
    ``body_bytes`` wait there and ``output_bytes`` for the disk; a body has ``mean_body`` bytes.
    ``is_dry``: nothing more comes from the input. ``is_stopping``: nothing more may start.
    """

    in_flight: int
    parsing: int
    done: int
    pending: int
    parse_waiting: int
    parse_width: int
    body_bytes: int
    output_bytes: int
    mean_body: float
    is_dry: bool
    is_stopping: bool


def reason_to_wait(stages: Stages, limits: Limits) -> Idle | None:
    """Why no further request may start now, or None where one may."""
    if stages.in_flight >= limits.concurrency or stages.is_stopping:
        return reason_for_none(stages)
    if is_full(stages, limits):
        return "backpressure"
    return "starved" if has_enough(stages, limits) else None


def reason_for_none(stages: Stages) -> Idle:
    """Why a slot stays empty although no stage is full and no host has to wait."""
    return "backpressure" if is_draining(stages) else "starved"


def is_full(stages: Stages, limits: Limits) -> bool:
    """Whether the stages after the fetching hold as much as they may.

    Every body that is on its way, and one more, may still arrive.
    """
    arriving = (stages.in_flight + 1) * stages.mean_body
    held = stages.body_bytes + stages.output_bytes + arriving
    return stages.parse_waiting >= 2 * stages.parse_width or held > limits.memory


def is_draining(stages: Stages) -> bool:
    """Whether everything that is left to do comes after the fetching."""
    all_fetched = stages.is_dry and stages.pending == stages.parsing
    return all_fetched and stages.parse_waiting + stages.output_bytes > 0


def has_enough(stages: Stages, limits: Limits) -> bool:
    """Whether the pages that are done or on their way are all that were asked for."""
    if limits.max_pages is None:
        return False
    return stages.done + stages.in_flight + stages.parsing >= limits.max_pages


def is_over(stages: Stages, limits: Limits) -> bool:
    """Whether the crawl has ended."""
    if stages.in_flight or stages.parsing:
        return False
    if stages.is_stopping or has_enough(stages, limits):
        return True
    return stages.is_dry and not stages.pending
