"""The state machine that finds the rows in a dump.

At every place it is in one state: before a statement, inside one that does not matter, inside a routine, before a
tuple or a line of COPY, or looking for the next place where a tuple or statement begins after a broken one. The
state depends on the bytes before that place and on nothing else, above all not on where blocks end: what cannot be
told yet is left for the next call, and what nobody will ever be able to tell, because it is longer than a record
may be, is given up after a fixed number of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ingest_cli.formats import blocks
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.sql import copy_lines
from ingest_cli.formats.sql.catalog import Catalog, Context
from ingest_cli.formats.sql.dialect import Family, Syntax
from ingest_cli.formats.sql.statements import Insert, read_copy, read_create_table, read_insert
from ingest_cli.formats.sql.tokens import Cursor, IncompleteError, Kind, Token
from ingest_cli.formats.sql.tuples import MAX_FAST_WIDTH, Broken, read_tuple, run_pattern
