"""Write the man page from the help of the commands: one page, with the macros of `groff_man(7)`.

The commands share most options, the exit codes and the settings. click-man writes one page per command, without headings
between options.

    python -m tests.support.man_page     writes docs/man/ingest-cli.1
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from ingest_cli import __version__
from ingest_cli.cli import group
from ingest_cli.cli.help import sections

PAGE = Path(__file__).resolve().parents[2] / "docs" / "man" / "ingest-cli.1"
NAME = "ingest-cli"
_TOPICS = ("Examples:", "Exit codes:")


def man_page() -> str:
    """Return the page."""
    ctx = click.Context(group, info_name=NAME, **group.context_settings)
    lines = [
        '.\\" Written by tests/support/man_page.py from the help of the commands.',
        f'.TH INGEST\\-CLI 1 "" "{NAME} {__version__}" "User Commands"',
        ".SH NAME",
        f"{_text(NAME)} \\- load breach dumps into DynamoDB, hashed under a key",
        ".SH SYNOPSIS",
        f".B {_text(NAME)}",
        ".RI [ OPTIONS ]",
        ".I COMMAND",
        ".RI [ ARGS ]...",
        ".SH DESCRIPTION",
        *_paragraphs(group.help or ""),
        ".SH OPTIONS",
        *_options(group.get_params(ctx), ctx),
        ".SH COMMANDS",
    ]
    for command, its_ctx in _leaves(group, ctx):
        lines += _command(command, its_ctx)
    lines += [".SH EXIT STATUS", *_listed(_topics(group)["Exit codes:"])]
    lines += [".SH ENVIRONMENT", *_environment(), ".SH FILES", *_files(), ".SH EXAMPLES"]
    lines += [".nf", *map(_text, _topics(group)["Examples:"]), ".fi"]
    return "".join(f"{line}\n" for line in lines)


def _leaves(command: click.Command, ctx: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield the commands without subcommands, with their contexts."""
    if not isinstance(command, click.Group):
        yield command, ctx
        return
    for name in command.list_commands(ctx):
        found = command.get_command(ctx, name)
        assert found is not None
        yield from _leaves(found, click.Context(found, info_name=name, parent=ctx))


def _command(command: click.Command, ctx: click.Context) -> Iterator[str]:
    yield f'.SS "{_text(" ".join([ctx.command_path, *command.collect_usage_pieces(ctx)]))}"'
    yield from _paragraphs(command.help or "")
    for heading, options in sections(command, ctx).items():
        yield ".PP"
        yield f".B {_text(heading)}"
        yield from _options(options, ctx)
    yield ".PP"
    yield ".B Examples"
    yield ".PP"
    yield ".nf"
    yield from map(_text, _topics(command)["Examples:"])
    yield ".fi"


def _options(options: list[click.Parameter], ctx: click.Context) -> Iterator[str]:
    for option in options:
        record = option.get_help_record(ctx)
        if record is not None:
            names, what = record
            yield ".TP"
            yield f".B {_text(names)}"
            yield _text(" ".join(what.split()))
            if isinstance(option, click.Option) and isinstance(option.envvar, str):
                yield f"[\\%{_text(option.envvar)}]"


def _environment() -> Iterator[str]:
    yield "A name in brackets after an option is its environment variable; the option overrides it. INGEST_CONFIG sets"
    yield ".BR \\-\\-config ."
    yield "AWS credentials, region and profile are found as by the AWS tools."


def _files() -> Iterator[str]:
    yield ".TP"
    yield ".I ~/.cache/ingest\\-cli"
    yield "Digests of dumps; an unchanged file is not read again."


def _topics(command: click.Command) -> dict[str, list[str]]:
    """Return title → lines of the sections after the options."""
    found: dict[str, list[str]] = {}
    title = ""
    for line in (command.epilog or "").replace("\b", "").splitlines():
        if line in _TOPICS:
            title = line
            found[title] = []
        elif line.strip():
            found[title].append(line.strip())
    return found


def _listed(lines: list[str]) -> Iterator[str]:
    """Yield a list from lines `code  meaning`."""
    for line in lines:
        code, _, meaning = line.partition(" ")
        yield ".TP"
        yield f".B {_text(code)}"
        yield _text(meaning.strip())


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(cleandoc(text).split("\n\n")):
        if number:
            yield ".PP"
        yield _text(" ".join(paragraph.split()))


def _text(text: str) -> str:
    """Escape `text` for roff: no request in it, and hyphens that can be copied."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("~", "\\(ti")
    return re.sub(r"^([.'])", r"\\&\1", escaped)


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(man_page(), encoding="ascii")
    sys.stdout.write(f"wrote {PAGE}\n")
