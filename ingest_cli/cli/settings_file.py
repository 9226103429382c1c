"""Settings files: TOML with values for the options of the commands.

Values at the top apply to every command that has the option, those in a table to the command of its name.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path

import click

NOT_SETTINGS = {"config", "show_settings", "help"}
"""Parameters that are not settings."""

SECTIONS = frozenset(
    {
        "load",
        "validate",
        "draft",
        "verify",
        "status",
        "prune",
        "lookup",
        "demo",
        "create",
        "describe",
        "capacity",
        "restore",
        "drop",
        "unlock",
        "generate",
        "check",
        "completion",
    }
)
"""Allowed tables of a settings file: one per command, with values for that command alone."""

_ALL_SETTINGS = frozenset(
    {
        "age_identity", "concurrency", "count", "endpoint_url", "full", "give_up_after", "insecure_http", "key",
        "limit", "log_file", "log_format", "max_cost", "max_rcu", "max_runtime", "max_wcu", "metrics_emf",
        "metrics_file", "output", "prices", "profile", "prune", "region", "rejects", "rejects_include_raw",
        "replay", "report", "restart", "sample", "sandbox", "scale_to", "seed", "skip", "source_id",
        "spot_watch", "state", "table", "transport", "verbose", "warm", "workers",
    }
)  # fmt: skip
"""Settings a file may hold, of any command."""


def read_settings_file(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    """Use the values of a settings file as defaults of the command."""
    if path is None:
        return None
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f'The settings file "{path}" cannot be read ({error.strerror}).', ctx) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f'The settings file "{path}" is not TOML: {error}.', ctx) from error
    known = {parameter.name for parameter in ctx.command.params} - NOT_SETTINGS
    merged = {name: value for name, value in values.items() if not isinstance(value, dict)}
    for name in values.keys() - merged.keys():
        if name == ctx.command.name:
            merged |= values[name]
        elif name not in SECTIONS:
            near = get_close_matches(name, SECTIONS, 1)
            hint = f" Did you mean [{near[0]}]?" if near else ""
            raise click.UsageError(
                f'The settings file "{path}" has a table [{name}], but there is no such command.{hint}', ctx
            )
    settings = {name.replace("-", "_"): value for name, value in merged.items()}
    for name in settings:
        if name not in known and name not in _ALL_SETTINGS:
            near = get_close_matches(name, [*known, *_ALL_SETTINGS], 1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise click.UsageError(f'The settings file "{path}" has an unknown setting "{name}".{hint}', ctx)
    ctx.default_map = {**(ctx.default_map or {}), **settings}
    return path
