"""What a guess consists of: frozen values without behaviour.

None of them ever holds a cell of the dump: a draft manifest or a terminal is no place for somebody's
telephone number. Names of columns are shown only where the first row is a header beyond doubt.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the file, or at least worth knowing before it is loaded.

    Attributes:
        code: a fixed word such as `short_rows`.
        count: how often, in the unit the text names; within the sample.
        text: one sentence for the person at the shell.
    """

    code: str
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """What one column looks like.

    Attributes:
        name: its name in the header, escaped; `COL1`, `COL2`, … if there is none.
        position: counted from 0.
        kind: the kind of identifier it holds, as a manifest writes it; None for anything else.
        exposes: the data class it exposes, for a column without a kind; None where the kind's own
            default applies, or nothing is known.
        confidence: 0 (nothing is known) to 1, in the kind, the data class or the secrecy.
        filled: share of its cells that are neither empty nor NULL-like, 0 to 1.
        why: what the guess rests on, in words; says so where it is unsure.
        secret: looks like a password, a hash or the like: to be left out of the manifest.
    """

    name: str
    position: int
    kind: str | None
    exposes: str | None
    confidence: float
    filled: float
    why: str
    secret: bool


@dataclass(frozen=True, slots=True)
class FileGuess:
    """What a file looks like.

    Attributes:
        format: `csv` or `tsv`; None if it is empty, binary, or text of another format.
        delimiter: one character; `,` for a file of a single column; empty if `format` is None.
        quote: `"`, `'`, or None if quotes mean nothing in this file.
        header: whether the first row names the columns.
        encoding: a name Python's codecs know; empty if the bytes are not text.
        encoding_confidence: 0 to 1.
        columns: one per column, in the order of the file.
        rows_sampled: rows of data looked at: no header, no blank lines.
        findings: the gravest first.
    """

    format: str | None
    delimiter: str
    quote: str | None
    header: bool
    encoding: str
    encoding_confidence: float
    columns: tuple[ColumnGuess, ...]
    rows_sampled: int
    findings: tuple[Finding, ...]
