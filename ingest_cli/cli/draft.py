"""`ingest-cli draft`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ingest_cli.cli.console import Log, escape
from ingest_cli.cli.help import Sectioned, exit_codes
from ingest_cli.cli.options import age_key, age_option, insecure_option, log_option, option, settings_options, shown
from ingest_cli.commands.draft.draft import make_draft
from ingest_cli.commands.draft.looking import find_dumps, look_at
from ingest_cli.commands.draft.manifest_text import manifest_text
from ingest_cli.commands.draft.tables import check_table, with_tables
from ingest_cli.errors import IngestError, SourceError, UsageError
from ingest_cli.runtime.output_files import PUBLIC, new_file_for, opener
from ingest_cli.sources import Source

EXAMPLES = """\
\b
Examples:
  ingest-cli draft dumps/celcom-2017.csv.gz
  ingest-cli draft dumps/celcom-*.csv.gz --out celcom.toml
  ingest-cli draft members.sql --out members.toml && ingest-cli validate members.toml

"""
_SUFFIX = ".toml"


@click.command("draft", cls=Sectioned, epilog=EXAMPLES + exit_codes(4))
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File for the manifest; its name must end in .toml. Default: stdout.",
)
@option(
    "--from-table",
    metavar="NAME",
    help="Table of an SQL dump to describe, as a separate dataset. Default: all tables with identifiers.",
)
@option("--force", is_flag=True, help="Overwrite the file of --out.")
@age_option
@insecure_option
@log_option
@settings_options
@click.pass_context
def command(ctx: click.Context, /, files: tuple[str, ...], **values: Any) -> None:
    """Write a first manifest for a dump, from samples of its FILEs.

    Comments in the manifest give the evidence for each line; doubtful points are listed on stderr. Read and correct
    the manifest before a load: `load` accepts only manifests. Columns that look like passwords are omitted. No value
    of the dump is shown.
    """
    if shown(ctx):
        return
    log, out = Log(values["log_format"]), values["out"]
    if out is not None:
        _check(out, force=values["force"])
    try:
        sources = find_dumps(files, insecure_http=values["insecure_http"])
        table = values["from_table"] or ""
        looks = [look_at(source, age_key(values), table) for source in sources]
        draft = make_draft(looks)
        if table:
            check_table(draft.guess, table)
        else:
            draft = with_tables(draft)
        text = manifest_text(draft, _names(files, sources, out.parent if out else Path()), table)
    except IngestError as error:
        log.line(str(error), "error", exit_code=int(error.exit_code))
        ctx.exit(error.exit_code)
    if out is None:
        click.echo(text, nl=False)
    else:
        _write(out, text, force=values["force"])
        log.line(f'wrote "{out}"; read it, correct it, and run: ingest-cli validate {out}')
    for sentence in draft.unsure:
        log.line(f"unsure: {sentence}", "warning")


def _check(out: Path, *, force: bool) -> None:
    """Refuse early an output file that could not be written."""
    if out.suffix != _SUFFIX:
        raise UsageError(f'"{escape(str(out))}" does not end in {_SUFFIX}, as a manifest must; rename it')
    if out.exists() and not force:
        raise UsageError(f'"{escape(str(out))}" exists; overwrite it with --force, or give another name')


def _write(out: Path, text: str, *, force: bool) -> None:
    try:
        if force:
            with new_file_for(out, PUBLIC) as new:
                new.file.write(text.encode("utf-8"))
                new.put_in_place()
            return
        with open(out, "x", encoding="utf-8", opener=opener(PUBLIC)) as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            f'"{escape(str(out))}" cannot be written ({error.strerror}); give another name with --out'
        ) from error


def _names(given: Sequence[str], sources: Sequence[Source], base: Path) -> list[str]:
    """Return the names of the sources for the manifest: as given, but relative to its folder."""
    for name in given:
        if not name.isprintable():
            raise SourceError(
                f'"{escape(name)}" has a name with unprintable characters, which a manifest cannot contain; rename it'
            )
    return [source.name if "://" in source.name else _relative(source.name, base) for source in sources]


def _relative(name: str, base: Path) -> str:
    if Path(name).is_absolute():
        return name
    return Path(os.path.relpath(name, base)).as_posix()
