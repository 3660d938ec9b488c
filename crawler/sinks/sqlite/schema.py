"""The tables of a database, and the statements that fill and cut them.

Records come as one JSON text per statement. With one statement per row, each would have to acquire
the GIL again, and next to a busy thread that takes milliseconds per row.

Pages, failures and skips are numbered together, by ``id``: so one number is the length of all
tables, and all can be cut to it.
"""

from collections.abc import Iterator, Sequence

from crawler.model.pages import Failure, Skipped
from crawler.sinks.columns import Column, ColumnType, columns_of, page_columns

APPLICATION_ID = 0x63_72_61_77
"""Marks a database as an output of ours (PRAGMA application_id): "craw"."""
BESIDE = ("-wal", "-shm", "-journal")
"""Endings of the files that SQLite has beside a database while it is open."""
PAGE, FAILURE, SKIP = 0, 1, 2
"""The first value of a row, which is a JSON array: its table. Then come its columns."""
_LINKS = "links"
_SEARCHED = ("title", "description", "text")
_SQL = {
    ColumnType.TEXT: "TEXT",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.REAL: "REAL",
    ColumnType.JSON: "TEXT",
}
_LINK_BITS = 20
"""Of the id of a link: its position on the page. A page has less than 2^20 links."""
_INSERT_LINKS = f"""
INSERT INTO links
SELECT ((:last + record.key + 1) << {_LINK_BITS}) + link.key, :last + record.key + 1, link.value
FROM json_each(:links) AS record, json_each(record.value) AS link
"""


class Tables:
    """The statements for pages with or without their HTML."""

    def __init__(self, *, html: bool) -> None:
        pages = page_columns(html)
        self._columns = {
            "pages": plain(pages),
            "failures": columns_of(Failure),
            "skips": columns_of(Skipped),
        }
        self._searched = [each.name for each in pages if each.name in _SEARCHED]
        self.inserts = {
            PAGE: (*self._insert("pages", PAGE), _INSERT_LINKS, self._index()),
            FAILURE: self._insert("failures", FAILURE),
            SKIP: self._insert("skips", SKIP),
        }
        """Table → statements. They have named values: ``last``, the last id before the records,
        ``rows`` and ``links``, a JSON array with one array for each record.
        """

    def schema(self) -> Iterator[str]:
        for name, columns in self._columns.items():
            typed = ", ".join(f'"{each.name}" {_SQL[each.type]}' for each in columns)
            yield f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, {typed})"
        yield "CREATE TABLE links (id INTEGER PRIMARY KEY, page INTEGER, url TEXT)"
        yield (
            f"CREATE VIRTUAL TABLE search USING fts5({', '.join(self._searched)}, "
            "content = 'pages', content_rowid = 'id')"
        )
        yield "CREATE TABLE output (records INTEGER)"
        yield "INSERT INTO output VALUES (0)"
        yield f"PRAGMA application_id = {APPLICATION_ID}"

    def cuts(self) -> Iterator[str]:
        """Statements that remove every record after the id ``last``."""
        columns = ", ".join(self._searched)
        yield (
            f"INSERT INTO search (search, rowid, {columns}) "
            f"SELECT 'delete', id, {columns} FROM pages WHERE id > :last"
        )
        yield f"DELETE FROM links WHERE id >= (:last + 1) << {_LINK_BITS}"
        yield from (f"DELETE FROM {name} WHERE id > :last" for name in self._columns)

    def forgets(self) -> Iterator[str]:
        """Statements that remove the failures and skips with one of ``ends``, a JSON array."""
        for name, end in (("failures", "error"), ("skips", "reason")):
            yield f"DELETE FROM {name} WHERE {end} IN (SELECT value FROM json_each(:ends))"

    def _insert(self, name: str, table: int) -> tuple[str]:
        values = ", ".join(f"value->>{at}" for at in range(1, len(self._columns[name]) + 1))
        return (
            f"INSERT INTO {name} SELECT :last + key + 1, {values} "
            f"FROM json_each(:rows) WHERE value->>0 = {table}",
        )

    def _index(self) -> str:
        columns = ", ".join(self._searched)
        return (
            f"INSERT INTO search (rowid, {columns}) SELECT id, {columns} FROM pages "
            "WHERE id > :last"
        )


def plain(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns without the links, which have a table of their own."""
    return tuple(each for each in columns if each.name != _LINKS)
