"""What `validate` says about a file that comes without a manifest."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from ingest_cli.cli.console import Log, escape
from ingest_cli.decoders import unpack
from ingest_cli.errors import ExitCode, IngestError, SourceError
from ingest_cli.formats.sniff import MAX_SAMPLE_BYTES, FileGuess, sniff
from ingest_cli.sources import find_sources

_NAMES = {
    "\t": "tab",
    ",": "comma",
    ";": "semicolon",
    "|": "bar",
    ":": "colon",
    " ": "space",
    "\x01": "control-A",
}


def look_at(path: Path, output: str, log: Log) -> int:
    """Print what the file at `path` looks like; the exit code."""
    try:
        sample, complete = _sample(path)
    except IngestError as error:
        log.line(str(error), "error", exit_code=int(error.exit_code))
        return error.exit_code
    guess = sniff(sample, complete=complete, name=path.name)
    if output == "json":
        click.echo(json.dumps({"file": str(path), "complete": complete, **asdict(guess)}))
    else:
        for line in _text(path, guess, complete=complete):
            click.echo(escape(line))
    if guess.format is not None:
        return ExitCode.DONE
    why = guess.findings[0].text if guess.findings else "Nothing in it looks like rows."
    log.line(f'"{path}" is no dump that can be loaded as it is: {why}', "error", exit_code=int(ExitCode.UNUSABLE))
    return ExitCode.UNUSABLE


def _sample(path: Path) -> tuple[bytes, bool]:
    """The head of the unpacked file, and whether that is all of it.

    Raises:
        SourceError: it cannot be read, or not even its head can be unpacked.
    """
    if not path.exists():
        raise SourceError(f'"{path}" does not exist')
    (source,) = find_sources([_literally(path)], Path.cwd())
    sample = bytearray()
    try:
        for piece in unpack(source.open()):
            sample += piece
            if len(sample) > MAX_SAMPLE_BYTES:
                return bytes(sample[:MAX_SAMPLE_BYTES]), False
    except SourceError as error:
        if not sample:
            raise SourceError(f'"{path}": {error}') from error
        return bytes(sample), False
    return bytes(sample), True


def _literally(path: Path) -> str:
    """The path, with nothing in it taken for a pattern."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def _text(path: Path, guess: FileGuess, *, complete: bool) -> list[str]:
    lines = [f"{path}: " + ("the whole file was looked at" if complete else "its beginning was looked at")]
    if guess.format is not None:
        delimiter = _NAMES.get(guess.delimiter, guess.delimiter)
        quote = guess.quote or "none"
        header = "with a" if guess.header else "without a"
        lines += [
            f"  format      {guess.format}, delimiter {delimiter}, quote {quote}, {header} header",
            f"  encoding    {guess.encoding} ({guess.encoding_confidence:.0%} sure)",
            f"  columns     {len(guess.columns)}, in {guess.rows_sampled:,} rows looked at",
        ]
        for column in guess.columns:
            what = column.kind or column.exposes or "nothing known"
            if column.secret:
                what = "a secret: leave it out"
            sure = f", {column.confidence:.0%} sure ({column.why})" if column.why else ""
            lines.append(f"    {column.name}: {what}, {column.filled:.0%} filled{sure}")
    lines.append("  findings" if guess.findings else "  findings    none")
    lines += [f"    {finding.code}: {finding.text}" for finding in guess.findings]
    if guess.format is not None:
        lines.append("  next        write a manifest for it, and run: ingest-cli validate MANIFEST.toml")
    return lines
