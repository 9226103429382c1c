"""Output of `validate` for a file without a manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import click

from ingest_cli.cli.console import Log, escape
from ingest_cli.cli.options import age_key
from ingest_cli.cli.runs import worst
from ingest_cli.commands.draft import looking
from ingest_cli.errors import ExitCode, IngestError
from ingest_cli.formats.sniffing.guess import ColumnGuess, FileGuess, Finding
from ingest_cli.formats.sniffing.names import shown
from ingest_cli.sources import Source

_NAMES = {
    "\t": "tab",
    ",": "comma",
    ";": "semicolon",
    "|": "bar",
    ":": "colon",
    " ": "space",
    "\x01": "control-A",
}


_MOST_COLUMNS = 200


def look_at(name: str, values: Mapping[str, Any], log: Log) -> int:
    """Print the guessed format of the file; return the exit code."""
    try:
        sources = looking.find_dumps([name], insecure_http=values["insecure_http"])
        return worst([_look(source, values, log) for source in sources])
    except IngestError as error:
        log.line(str(error), "error", exit_code=int(error.exit_code))
        return error.exit_code


def _look(source: Source, values: Mapping[str, Any], log: Log) -> ExitCode:
    look = looking.look_at(source, age_key(values))
    fault = look.fault or looking.find_damage(source, age_key(values))
    return _show(replace(look, fault=fault), values["output"], log)


def _show(look: looking.Look, output: str, log: Log) -> ExitCode:
    name, guess = look.source.name, look.guess
    if look.fault:
        guess = replace(guess, findings=(Finding("damaged", 1, look.fault), *guess.findings))
        look = replace(look, guess=guess)
    if output == "json":
        click.echo(json.dumps({"file": name, "member": look.member, "complete": look.complete, **asdict(guess)}))
    else:
        for line in _text(look):
            click.echo(escape(line))
    if look.fault:
        log.line(f'"{name}" cannot be unpacked to its end: {look.fault}', "error", exit_code=int(ExitCode.UNUSABLE))
        return ExitCode.UNUSABLE
    if guess.format is not None:
        return ExitCode.DONE
    why = guess.findings[0].text if guess.findings else "No rows were recognized."
    log.line(f'"{name}" cannot be loaded: {why}', "error", exit_code=int(ExitCode.UNUSABLE))
    return ExitCode.UNUSABLE


def _text(look: looking.Look) -> list[str]:
    guess = look.guess
    lines = [f"{look.source.name}: " + ("the whole file was examined" if look.complete else "a part was examined")]
    if look.member:
        lines.append(f"  archive     {shown(look.member)} was examined")
    if guess.format is not None:
        lines += [f"  format      {_format(guess)}"]
        if guess.encoding:
            lines.append(f"  encoding    {guess.encoding} ({guess.encoding_confidence:.0%} sure)")
        lines.append(f"  columns     {len(guess.columns)}, in {guess.rows_sampled:,} sampled rows")
        lines += [f"    {_column(column)}" for column in guess.columns[:_MOST_COLUMNS]]
        if len(guess.columns) > _MOST_COLUMNS:
            lines.append(f"    and {len(guess.columns) - _MOST_COLUMNS:,} more")
    lines += _keys(guess)
    lines.append("  findings" if guess.findings else "  findings    none")
    lines += [f"    {finding.code}: {finding.text}" for finding in guess.findings]
    if guess.format is not None:
        lines.append("  next        write a manifest with `ingest-cli draft`, and read and correct it")
    return lines


def _keys(guess: FileGuess) -> list[str]:
    """Render the manifest keys needed besides the format, each with its evidence."""
    keys = list[str]()
    for one in guess.proposals:
        value = one.value if one.column is None else guess.columns[one.column].name
        keys.append(f'{one.key} = "{value}"{"" if one.active else " (perhaps)"}: {one.evidence}')
    for column in guess.columns:
        if column.region_why:
            key = (
                f"region_column = {shown(column.region_column)}"
                if column.region_column
                else f"region = {column.region}"
            )
            keys.append(f"{key} for {column.name}{'' if column.region_sure else ' (perhaps)'}: {column.region_why}")
    return ["  keys", *(f"    {key}" for key in keys)] if keys else []


def _format(guess: FileGuess) -> str:
    """Render the variant of the format, where it has several."""
    parts = [guess.format or ""]
    if guess.delimiter:
        parts.append(f"delimiter {_NAMES.get(guess.delimiter, guess.delimiter)}")
    if guess.format in {"csv", "tsv"}:
        parts.append(f"quote {guess.quote or 'none'}")
    if guess.escape:
        parts.append(f"escape {guess.escape}")
    if guess.format in {"csv", "tsv", "fixed", "xlsx"}:
        parts.append(f"{'with' if guess.header else 'without'} a header")
    if guess.skip_lines:
        parts.append(f"below {guess.skip_lines:,} other {'line' if guess.skip_lines == 1 else 'lines'}")
    if guess.widths:
        parts.append(f"widths {' '.join(map(str, guess.widths))}")
    if guess.table:
        parts.append(f"table {shown(guess.table)}")
    if guess.rows:
        parts.append(f"rows in {shown(guess.rows)}")
    if guess.layout:
        parts.append({"columns": "by column", "arrays": "rows that are arrays"}[guess.layout])
    return ", ".join(parts)


def _column(column: ColumnGuess) -> str:
    what = column.kind or column.exposes or "unknown"
    if column.secret:
        what = "secret; omit it"
    sure = f", {column.confidence:.0%} sure ({column.why})" if column.why else ""
    return f"{column.name}: {what}, {column.filled:.0%} filled{sure}"
