"""Find columns of tables whose CREATE TABLE is in another source than their rows, as mydumper writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ingest_cli.errors import ManifestError
from ingest_cli.formats.sniffing.names import discreet
from ingest_cli.formats.sql.catalog import Catalog, Context, WantedColumns, same_table
from ingest_cli.formats.sql.dialect import EVIDENCE_BYTES, Family, decide
from ingest_cli.formats.sql.scanner import Scanner
from ingest_cli.formats.sql.statements import Created, Name


class Schemas:
    """CREATE TABLE statements of all sources, which are scanned at the first lookup."""

    def __init__(self, heads: Callable[[], Iterable[bytes]]) -> None:
        """Initialise without reading.

        Args:
            heads: returns the first bytes of all sources, in UTF-8.
        """
        self._heads = heads
        self._found: dict[str, list[Created]] | None = None

    def find(self, table: Name) -> Created | None:
        """Return the description of `table`, if a source has one.

        Raises:
            ManifestError: the sources do not agree.
        """
        if self._found is None:
            self._found = {}
            for head in self._heads():
                for created in _created_in(head):
                    self._found.setdefault(created.table[-1].casefold(), []).append(created)
        fitting = [one for one in self._found.get(table[-1].casefold(), []) if same_table(one.table, table)]
        if not fitting:
            return None
        if any(one.columns != fitting[0].columns for one in fitting):
            raise ManifestError(
                f'the sources do not agree on the columns of the table "{discreet(table[-1])}": load them as '
                "datasets of their own, or name the columns with `columns` in [format]"
            )
        return fitting[0]


class _Census(Catalog):
    """Catalog that collects CREATE TABLE statements and reads no rows."""

    def __init__(self, family: Family) -> None:
        super().__init__(WantedColumns((), (), None), family)
        self.found = list[Created]()

    def create(self, created: Created) -> None:
        """See `Catalog.create`."""
        if len(self.found) < _MAX_CREATED:
            self.found.append(created)

    def is_read(self, table: Name) -> bool:  # noqa: ARG002 - the signature of Catalog
        """See `Catalog.is_read`."""
        return False

    def open(self, table: Name, columns: Sequence[str] | None, head: bytes) -> Context:  # noqa: ARG002 - likewise
        """See `Catalog.open`."""
        return Context(head)


_MAX_CREATED = 1_000


def _created_in(head: bytes) -> list[Created]:
    syntax = decide(head[:EVIDENCE_BYTES])
    census = _Census(syntax.family)
    scanner = Scanner(syntax, census)
    while head and (consumed := scanner.scan(head, final=True).consumed):
        head = head[consumed:]
    return census.found
