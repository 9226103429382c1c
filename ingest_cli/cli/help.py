"""Command classes, and the layout of help texts: options under headings, examples and exit codes at the end.

Imported by every command: it must not import anything but click and `errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from ingest_cli.errors import ExitCode

SETTINGS = "Settings and help"
"""Last heading, for the options of every command."""

_OTHERS = "Options"

MEANINGS: dict[int, str] = {
    ExitCode.DONE: "success",
    ExitCode.CRASHED: "internal error (a bug)",
    ExitCode.USAGE: "invalid usage, manifest, settings or key",
    ExitCode.TOO_MANY_REJECTS: "too many rejects",
    ExitCode.UNUSABLE: "source or table unusable",
    ExitCode.LOCKED: "locked by another run",
    ExitCode.TRY_AGAIN: "interrupted, throttled or out of time; run the same command again",
    ExitCode.ABORTED: "stopped by a second Ctrl-C",
}
_OF_EVERY_COMMAND: set[int] = {ExitCode.DONE, ExitCode.CRASHED, ExitCode.USAGE, ExitCode.TRY_AGAIN, ExitCode.ABORTED}

_F = TypeVar("_F", bound=Callable[..., Any])


def exit_codes(*codes: int, own: Mapping[int, str] | None = None) -> str:
    """Return the end of a command's help: the exit codes that can occur, with their meanings.

    Args:
        codes: exit codes besides those of every command.
        own: code → meaning, where the command has one that differs from the common one.
    """
    meanings = {code: MEANINGS[code] for code in _OF_EVERY_COMMAND.union(codes)} | dict(own or {})
    lines = [f"  {int(code):<4} {meanings[code]}\n" for code in sorted(meanings)]
    return "\b\nExit codes:\n" + "".join(lines)


def in_section(section: str | None, decorate: Callable[[_F], _F]) -> Callable[[_F], _F]:
    """Wrap `decorate` to put its options under a heading, except those that have one."""
    if section is None:
        return decorate

    def apply(function: _F) -> _F:
        # click collects the parameters of a function here until the command is created.
        before = len(getattr(function, "__click_params__", ()))
        decorated = decorate(function)
        for parameter in getattr(decorated, "__click_params__", ())[before:]:
            if not hasattr(parameter, "section"):
                parameter.section = section
        return decorated

    return apply


def sections(command: click.Command, ctx: click.Context) -> dict[str, list[click.Parameter]]:
    """Return heading → its options, in the order of the command."""
    found: dict[str, list[click.Parameter]] = {}
    for parameter in command.get_params(ctx):
        if isinstance(parameter, click.Option) and not parameter.hidden:
            is_help = parameter is command.get_help_option(ctx)
            found.setdefault(SETTINGS if is_help else getattr(parameter, "section", _OTHERS), []).append(parameter)
    if set(found) <= {SETTINGS, _OTHERS}:
        return {_OTHERS: [one for listed in found.values() for one in listed]}
    last = found.pop(SETTINGS)
    own = found.pop(_OTHERS, [])
    return {**({_OTHERS: own} if own else {}), **found, SETTINGS: last}


class Sectioned(click.Command):
    """Command whose help lists its options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See `click.Command.format_options`."""
        for heading, options in sections(self, ctx).items():
            with formatter.section(heading):
                formatter.write_dl([record for one in options if (record := one.get_help_record(ctx)) is not None])


class NoArguments(Sectioned):
    """Command without arguments, which does not repeat unexpected ones in its message: they may be secrets."""

    refusal = "This command takes options only, and no arguments."

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        ctx.allow_extra_args = True
        super().parse_args(ctx, args)
        if ctx.args and not ctx.resilient_parsing:
            ctx.fail(self.refusal)
        return ctx.args
