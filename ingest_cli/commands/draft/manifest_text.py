"""Render a draft as the text of a manifest: TOML, with comments on the evidence for each line.

It contains no cell of a dump. Names of columns and files are escaped so that neither TOML nor a terminal interprets
any part of them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

from ingest_cli.commands.draft.draft import Column, Draft, DraftField, dataset_id, dataset_title
from ingest_cli.errors import UsageError
from ingest_cli.formats.sniffing.dialect import ESCAPE
from ingest_cli.formats.sniffing.guess import ColumnGuess, FileGuess
from ingest_cli.formats.sniffing.names import shown

_DELIMITED = frozenset({"csv", "tsv"})
_TYPED = frozenset({"parquet", "arrow", "xlsx"})
_MOST_LISTED = 50
_LINE_CHARS = 120
_HOME_REGION = 'region = "MY"  # of numbers without a country code'
_NUMERIC_PASSWORDS = (
    "In rows accepted by such a key, all e-mail addresses, numbers and MyKads must be valid. A password of digits "
    "beside a column of telephone numbers may still be mistaken for a number."
)
_PART = re.compile(r"\.(?:[0-9]{2,4}|[a-z]?a[a-z])$|[._-]part[._-]?[0-9]+(?:\.[A-Za-z0-9]+)?$", re.IGNORECASE)


def manifest_text(draft: Draft, sources: Sequence[str], table: str = "") -> str:
    """Render the manifest for `sources` named relative to its folder; `table` is the only one of the dataset, if given.

    Raises:
        UsageError: a source has a name that a manifest cannot hold.
    """
    for source in sources:
        if not source.isprintable() and any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in source):
            raise UsageError(f'the name "{_visible(source)}" holds signs that a manifest cannot hold; rename the file')
    lines = [
        *_head(draft),
        "version = 1",
        "",
        "[dataset]",
        f"id = {_string(_id(sources, table))}  # part of every item; never reuse it for another dump",
        f"title = {_string(dataset_title(sources) + (f', {_visible(table)}' if table else ''))}",
        "# occurred_on = 2017-10-19  # day of the breach, if known",
        *_array("sources", [(_string(source), "") for source in sources]),
        *_join(sources),
        "",
        *_format(draft),
    ]
    for field in draft.fields:
        lines += ["", *_field(field, draft)]
    for field in draft.doubtful:
        lines += ["", "# Uncertain. If it is right, remove the # from these lines:"]
        lines += [f"# {line}" for line in _field(field, draft)]
    lines += ["", *_left_out(draft), "", "# [rejects]", "# max_ratio = 0.05  # stop if more rows are rejected"]
    return "\n".join(lines) + "\n"


def _id(sources: Sequence[str], table: str) -> str:
    """Return a dataset id; for one table of several, with its name at the end."""
    if not table:
        return dataset_id(sources)
    end = dataset_id([table])[:30].strip("-")
    return f"{dataset_id(sources)[: 63 - len(end)].strip('-')}-{end}"


def _head(draft: Draft) -> list[str]:
    name = _visible(draft.looks[0].source.name)
    more = f" and {len(draft.looks) - 1:,} more" if len(draft.looks) > 1 else ""
    lines = [
        f"# A draft, made from {draft.guess.rows_sampled:,} rows of {name}{more}.",
        "# Read it, correct it, and run `ingest-cli validate` on it: that reads every row, and writes nothing.",
    ]
    lines += [f"# UNSURE: {_visible(sentence)}" for sentence in draft.unsure]
    return [*lines, ""]


def _format(draft: Draft) -> list[str]:
    guess = draft.guess
    lines = ["[format]", f"name = {_string(guess.format or '')}"]
    if guess.table:
        tables = [_string(table) for table in draft.tables]
        value = f"[{', '.join(tables)}]" if len(tables) > 1 else _string(guess.table)
        lines.append(f"table = {value}{_comment(_others(draft))}")
    if guess.rows:
        lines.append(f"rows = {_string(guess.rows)}")
    if guess.layout == "columns":
        lines.append('layout = "columns"')
    lines += _divided(guess)
    if guess.format in _DELIMITED:
        lines += _quoting(guess)
    if guess.skip_lines:
        lines.append(f"skip_lines = {guess.skip_lines}  # before the {'header' if draft.header else 'first row'}")
    if guess.format in {*_DELIMITED, "fixed", "xlsx"}:
        lines.append(f"header = {'true' if draft.header else 'false'}")
    if guess.format not in _TYPED:
        lines.append(_encoding(guess))
    lines += _widths(guess)
    if draft.listed:
        lines += _array("columns", [(_string(one.name), _about(one)) for one in draft.columns], one_a_line=True)
    return [*lines, *_proposed(draft)]


def _divided(guess: FileGuess) -> list[str]:
    """Render the delimiters of cells and records."""
    lines = list[str]()
    if guess.more_delimiters:
        lines += _array("delimiter", [(_string(one), "") for one in (guess.delimiter, *guess.more_delimiters)])
    elif guess.delimiter:
        lines.append(f"delimiter = {_string(guess.delimiter)}")
    if guess.separator:
        lines.append(f"separator = {_string(guess.separator)}  # begins a record")
    if guess.key_delimiter:
        lines.append(f"key_delimiter = {_string(guess.key_delimiter)}")
    return lines


def _widths(guess: FileGuess) -> list[str]:
    lines = _array("widths", [(str(width), "") for width in guess.widths]) if guess.widths else []
    return [*lines, f"widths_in = {_string(guess.widths_in)}"] if guess.widths_in else lines


def _quoting(guess: FileGuess) -> list[str]:
    lines = list[str]()
    if guess.quote != '"':
        lines.append(f"quote = {_string(guess.quote or '')}{'' if guess.quote else '  # quotes mean nothing here'}")
    if guess.escape:
        lines.append(f"escape = {_string(guess.escape)}{_found(guess, 'escape')}")
    return lines


def _proposed(draft: Draft) -> list[str]:
    """Render keys for rows that do not fit, each with its evidence; uncertain ones as comments."""
    lines = list[str]()
    for one in draft.proposals:
        lines += [f"# {_visible(one.evidence)}.", f"{'' if one.active else '# '}{one.key} = {_string(one.value)}"]
    if _found(draft.guess, "escape_possible"):
        lines += [_found(draft.guess, "escape_possible").strip(), f"# escape = {_string(ESCAPE)}"]
    if draft.proposals and any(field.kind == "phone" for field in draft.fields):
        lines.append(f"# {_NUMERIC_PASSWORDS}")
    return lines


def _found(guess: FileGuess, code: str) -> str:
    """Render a finding as a comment; empty if there is none."""
    return next((_comment(_visible(one.text)) for one in guess.findings if one.code == code), "")


def _join(sources: Sequence[str]) -> list[str]:
    """Render a note if the names look like the parts of a split file."""
    if not any(_PART.search(source) for source in sources):
        return []
    return ["# join = true  # if these are the parts of one file; name all of them above, in order"]


def _others(draft: Draft) -> str:
    others = [name for name in draft.guess.other_tables if name not in draft.tables]
    return "identifiers are also in: " + ", ".join(shown(name) for name in others[:_MOST_LISTED]) if others else ""


def _encoding(guess: FileGuess) -> str:
    name, marked = guess.encoding.removesuffix("-sig"), guess.encoding_confidence == 1
    if marked and name.startswith("utf-"):
        name = name.removesuffix("-le").removesuffix("-be")
        return f"encoding = {_string(name)}  # from its byte order mark"
    return f"encoding = {_string(name)}  # {guess.encoding_confidence:.0%} sure"


def _region(guess: ColumnGuess, region_column: str) -> list[str]:
    """Render the region of numbers without a country code."""
    if not guess.region_why:
        return [_HOME_REGION]
    if guess.region_column:
        if not region_column:
            return [_HOME_REGION]
        return [f"# {_visible(guess.region_why)}", f"region_column = {_string(region_column)}"]
    key = f"region = {_string(guess.region)}"
    return [f"# {_visible(guess.region_why)}", *([key] if guess.region_sure else [_HOME_REGION, f"# {key}"])]


def _field(field: DraftField, draft: Draft) -> list[str]:
    guess = field.columns[0].guess
    names = [_string(one.name) for one in field.columns]
    titles = {one.guess.title: one.name for one in draft.columns}
    region_column = titles.get(guess.region_column, "") if guess.region_column else ""
    lines = ["[[fields]]"]
    lines += [f"# {_about(one, field.kind)}" for one in field.columns]
    if len(names) > 1:
        lines.append("# The first that is not empty counts. Write a field for each, and every one can be looked up.")
    lines.append(f"column = {names[0] if len(names) == 1 else '[' + ', '.join(names) + ']'}")
    if field.kind is None:
        return [*lines, f"exposes = {_string(guess.exposes or '')}"]
    lines.append(f"kind = {_string(field.kind)}")
    if field.kind == "phone":
        lines += _region(guess, region_column)
    if field.lookup:
        lines.append("lookup = true")
    return lines


def _about(column: Column, kind: str | None = None) -> str:
    """Describe a column's guessed content and its confidence; `kind` is the chosen kind."""
    guess = column.guess
    what = "a secret" if guess.secret else kind or guess.kind or guess.exposes
    if guess.also and kind is None:
        what = f"{guess.kind} or {guess.also}"
    sure = f"{what}, {guess.confidence:.0%} sure: " if what else ""
    where = f"Table {column.table}, column" if column.table else "Column"
    return f"{where} {guess.position + 1}: {sure}{_visible(guess.why)}; {guess.filled:.0%} filled"


def _left_out(draft: Draft) -> list[str]:
    """Render the columns that are not kept, secrets first."""
    lines = list[str]()
    if draft.secrets:
        names = ", ".join(_called(column) for column in draft.secrets)
        lines.append(f"# Left out, because they look like passwords or the like, and must not be kept: {names}")
    used = {column for field in (*draft.fields, *draft.doubtful) for column in field.columns} | {*draft.secrets}
    asked = {field.columns[0].guess.region_column for field in (*draft.fields, *draft.doubtful)} - {""}
    rest = [_called(column) for column in draft.columns if column not in used and column.guess.title not in asked]
    if rest:
        more = f" and {len(rest) - _MOST_LISTED:,} more" if len(rest) > _MOST_LISTED else ""
        lines.append(f"# Left out, because their content is unknown: {', '.join(rest[:_MOST_LISTED])}{more}")
    return [*lines, "# Columns without a [[fields]] entry are dropped by the parser."]


def _called(column: Column) -> str:
    return shown(column.name) if column.name else column.guess.name


def _array(key: str, values: Iterable[tuple[str, str]], *, one_a_line: bool = False) -> list[str]:
    """Render `key = […]`, on one line if it is short; each value with a comment, which may be empty."""
    values = list(values)
    line = f"{key} = [{', '.join(value for value, _ in values)}]"
    if not one_a_line and len(line) <= _LINE_CHARS:
        return [line]
    return [f"{key} = [", *(f"    {value},{_comment(comment)}" for value, comment in values), "]"]


def _comment(text: str) -> str:
    return f"  # {text}" if text else ""


def _string(text: str) -> str:
    """Render a TOML basic string; invisible characters are escaped (TOML 1.0, "String")."""
    return '"' + "".join(_escaped(sign) for sign in text) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\\t':
        return json.dumps(sign)[1:-1]
    if sign.isprintable() and unicodedata.category(sign) not in {"Cf", "Co", "Cn"}:
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) <= 0xFFFF else f"\\U{ord(sign):08x}"  # noqa: PLR2004 - four digits


def _visible(text: str) -> str:
    """Render text for a comment, which has no escapes: invisible characters are written as their code points."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)
