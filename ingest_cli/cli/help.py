"""Layout of help texts: options under headings, examples and exit codes at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

SETTINGS = "Settings and help"
"""Last heading, for the options of every command."""

_OTHERS = "Options"
_F = TypeVar("_F", bound=Callable[..., Any])


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
