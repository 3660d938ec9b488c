"""Types of options, with their bounds."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from crawler.engines import base
    from crawler.parsing.custom import ParserFunction
    from crawler.sinks.base import Sink

    EngineChoice = base.EngineChoice
    OutputChoice = str | Sink
    ParserChoice = str | ParserFunction
    ParseChoice = str | Executor
else:
    # msgspec reads and writes only the texts, and knows no union of a text and an object. Objects
    # are checked by the option, see objects.py.
    EngineChoice = OutputChoice = ParseChoice = str
    ParserChoice = Annotated[str, Meta(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")]

MOST_SHARDS = 10_000
"""The driver looks at each shard again and again, and each shard counts what it sent to each."""

Natural = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
SampleSize = Annotated[int, Meta(ge=2)]
Tries = Annotated[int, Meta(ge=0, le=100)]
ShardCount = Annotated[int, Meta(ge=1, le=MOST_SHARDS)]
SlotCount = Annotated[int, Meta(ge=1, le=10_000)]
Workers = Annotated[int, Meta(ge=1, le=256)]
Rate = Annotated[float, Meta(gt=0, le=1_000_000)]
SliceSeconds = Annotated[float, Meta(ge=1, le=86_400)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Scale = Annotated[float, Meta(ge=0, le=1000)]
Pause = Annotated[float, Meta(ge=0, le=86_400)]
Size = Annotated[int, Meta(ge=1, le=2**50)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Path = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(min_length=1)]
Delimiter = Annotated[str, Meta(pattern=r'^(tab|\\t|[^"\r\n\0])\Z')]
# Printable ASCII: no character can end the header line.
HeaderText = Annotated[str, Meta(pattern=r"^[!-~][ -~]*\Z")]
