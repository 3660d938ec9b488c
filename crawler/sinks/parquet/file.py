"""Writes pages as a Parquet file, row group by row group.

A Parquet file cannot be cut or continued, so it is made from a file of records that can.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

from crawler.model.errors import StateError, writing
from crawler.model.files import open_file
from crawler.sinks.columns import HTML, Column, ColumnType, page_columns
from crawler.sinks.parquet.shapes import NOTHING, Shape, ShapeType
from crawler.sinks.record_file import RecordFile

_ROW_GROUP_BYTES = 32 << 20
"""Bytes of records in a row group: what memory the writing takes is a multiple of it."""
_BLOCK_BYTES = 1 << 20
"""Bytes that a thread decodes at once."""
_HOST = "host"
_HOST_PATTERN = r"^[a-z]+://(?:[^/?#@]*@)?(?P<host>\[[^\]]*\]|[^/?#:]*)"
_HOST_TYPE = pa.dictionary(pa.int32(), pa.string())
_TIMES = ("fetched_at",)
_TIME = pa.timestamp("us", "UTC")
_TYPES = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.REAL: pa.float64(),
    ColumnType.TEXTS: pa.list_(pa.string()),
}
_SHAPES = {
    ShapeType.TRUTH: pa.bool_(),
    ShapeType.INTEGER: pa.int64(),
    ShapeType.LONG: pa.int64(),
    ShapeType.REAL: pa.float64(),
}


def write_pages(
    sources: Sequence[RecordFile], path: Path, check: Callable[[], None] = lambda: None
) -> None:
    """Write the pages of ``sources`` to ``path``, which must not exist.

    ``check`` is called between row groups, and may raise. Raises StateError.
    """
    table = _PageTable(sources)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with (
        writing(path),
        os.fdopen(open_file(path, flags), "wb") as file,
        pq.ParquetWriter(file, table.schema, compression="zstd") as writer,
    ):
        for source, block in _blocks(sources):
            check()
            with _errors(source):
                writer.write_table(table.of(block))


class _PageTable:
    """The columns of the file, and how a block of records becomes a table of them.

    What is JSON in a record gets a type that fits all records, so they are read before.
    """

    def __init__(self, sources: Sequence[RecordFile]) -> None:
        names = [each.name for each in page_columns(html=True) if each.type is ColumnType.JSON]
        self._decoder = msgspec.json.Decoder(
            msgspec.defstruct("JsonColumns", [(name, Any, None) for name in names])
        )
        self._shapes, has_html = dict.fromkeys(names, NOTHING), False
        for source, block in _blocks(sources):
            has_html = has_html or b'"%b":"' % HTML.encode() in block
            with _errors(source):
                self._fit_shapes(block)
        columns = page_columns(has_html)
        self._plain = pa.schema([
            (each.name, _TIME if each.name in _TIMES else _TYPES[each.type])
            for each in columns
            if each.name not in self._shapes
        ])  # fmt: skip
        self.schema = pa.schema([(_HOST, _HOST_TYPE), *map(self._field, columns)])

    def of(self, block: bytes) -> pa.Table:
        lines = block.splitlines()
        size = max(_BLOCK_BYTES, max(map(len, lines)) + 2)  # no line may be longer
        plain = pj.read_json(
            pa.BufferReader(block),
            pj.ReadOptions(block_size=size),
            pj.ParseOptions(explicit_schema=self._plain, unexpected_field_behavior="ignore"),
        )
        host = pc.struct_field(pc.extract_regex(plain["url"], _HOST_PATTERN), _HOST)
        columns = {_HOST: host.cast(_HOST_TYPE), **self._typed(lines)}
        return pa.table(
            [columns[name] if name in columns else plain[name] for name in self.schema.names],
            self.schema,
        )

    def _fit_shapes(self, block: bytes) -> None:
        beginnings = [f'"{name}":{sign}'.encode() for name in self._shapes for sign in "{["]
        if not any(each in block for each in beginnings):
            return  # none of the records has a value
        for record in map(self._decoder.decode, block.splitlines()):
            for name, shape in self._shapes.items():
                self._shapes[name] = shape.merged(Shape.of(getattr(record, name)))

    def _typed(self, lines: Sequence[bytes]) -> dict[str, pa.Array]:
        """The JSON columns, each in its type."""
        if all(shape is NOTHING for shape in self._shapes.values()):
            return {name: pa.nulls(len(lines), pa.string()) for name in self._shapes}
        records = list(map(self._decoder.decode, lines))
        return {
            name: pa.array([shape.fit(getattr(each, name)) for each in records], _arrow(shape))
            for name, shape in self._shapes.items()
        }

    def _field(self, column: Column) -> pa.Field:
        shape = self._shapes.get(column.name)
        return (
            self._plain.field(column.name)
            if shape is None
            else pa.field(column.name, _arrow(shape))
        )


def _arrow(shape: Shape) -> pa.DataType:
    if shape.is_json:
        return pa.string()
    if shape.item is not None:
        return pa.list_(_arrow(shape.item))
    if shape.members:
        return pa.struct([(name, _arrow(each)) for name, each in shape.members.items()])
    return _SHAPES.get(shape.type, pa.string())


def _blocks(sources: Sequence[RecordFile]) -> Iterator[tuple[Path, bytes]]:
    for source in sources:
        for block in source.blocks(_ROW_GROUP_BYTES):
            yield source.path, block


@contextmanager
def _errors(source: Path) -> Iterator[None]:
    """Turn errors of reading a record into a StateError that names the file."""
    try:
        yield
    except (pa.ArrowInvalid, msgspec.MsgspecError) as error:
        raise StateError(f"{source}: is damaged or was changed ({error})") from None
