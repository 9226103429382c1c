"""Options shared by several commands, and the sources of their values.

Precedence: flag, then the variable `INGEST_…`, then the file given with `--config`, then the default:
click's own order, with the file as its default map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click
from click.core import ParameterSource

from ingest_cli.aws.catalog import Catalog
from ingest_cli.cli.console import escape
from ingest_cli.cli.help import SETTINGS, in_section
from ingest_cli.cli.settings_file import NOT_SETTINGS, read_settings_file
from ingest_cli.errors import KeyRefusedError, UsageError
from ingest_cli.model.ceiling import Ceiling
from ingest_cli.model.key_references import KeyReference, read_age_identity, read_pepper
from ingest_cli.model.settings import AUTO_WORKERS, RunSettings, Target
from ingest_cli.runtime import core_dumps

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper

_F = TypeVar("_F", bound=Callable[..., Any])

_SOURCES = {
    ParameterSource.COMMANDLINE: "flag",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "--config file",
    ParameterSource.DEFAULT: "default",
    ParameterSource.PROMPT: "prompt",
}

TABLE_AND_KEY = "Table and key"
READING = "Reading the dump"
MESSAGES = "Messages and metrics"

STATE_IN_TABLE = "table"
"""Value of `--state` for the table."""

"""Message of a command that needs a key."""


class Duration(click.ParamType[float]):
    """A duration such as `90s`, `30m` or `2h`; a bare number is in seconds.

    At most ten years: the timers of the operating system are limited, and no run takes that long.
    """

    name = "duration"
    MOST_DAYS = 3650
    _UNITS: ClassVar = {"s": 1, "m": 60, "h": 3600, "d": 86400}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the duration in seconds."""
        text = str(value).strip().lower()
        unit = self._UNITS.get(text[-1:], 1)
        try:
            duration_s = float(text.rstrip("smhd")) * unit
        except ValueError:
            duration_s = 0.0
        if not 0 < duration_s < float("inf"):
            self.fail(f"{value!r} is not a duration; write 90s, 30m or 2h.", param, ctx)
        if duration_s > self.MOST_DAYS * self._UNITS["d"]:
            self.fail(f"{value!r} exceeds the maximum duration; write {self.MOST_DAYS}d or less.", param, ctx)
        return duration_s


class Workers(click.ParamType[int]):
    """A number of processes, or `auto`."""

    name = "workers"
    MOST = 64

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; `AUTO_WORKERS` for `auto`."""
        text = str(value).strip().lower()
        if text == "auto":
            return AUTO_WORKERS
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= self.MOST):
            self.fail(f"{value!r} is not a number of processes; write 1 to {self.MOST}, or auto.", param, ctx)
        return int(text)


def option(*names: str, section: str | None = None, **attributes: Any) -> Callable[[_F], _F]:
    """Create a click option that can also be set by `INGEST_` and its name in capitals.

    Args:
        section: heading in the help; None: the common one for options without.
    """
    flag = next(name for name in names if name.startswith("--"))
    variable = "INGEST_" + flag.removeprefix("--").partition("/")[0].replace("-", "_").upper()
    shown_default = attributes.pop("show_default", True)
    return in_section(section, click.option(*names, envvar=variable, show_default=shown_default, **attributes))


def together(*decorators: Callable[[_F], _F], section: str | None = None) -> Callable[[_F], _F]:
    """Combine decorators into one, the first on top; `section` as for `option`, for those without."""

    def apply(function: _F) -> _F:
        for decorate in reversed(decorators):
            function = decorate(function)
        return function

    return in_section(section, apply)


def _show_settings(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    """Request the output of the settings, which makes arguments optional; see `shown`."""
    ctx.meta["show_settings"] = wanted
    if wanted:
        for parameter in ctx.command.params:
            if isinstance(parameter, click.Argument):
                parameter.required = False


def _decide_on_core_dumps(ctx: click.Context, _: click.Parameter, allowed: bool) -> bool:  # noqa: FBT001 - likewise
    if not ctx.resilient_parsing:
        core_dumps.decide(allowed=allowed)
    return allowed


def _without_secret(name: str, value: str) -> str:
    """Return the value of a setting; of a secret only if it is a reference, as required."""
    if name not in {"key", "age_identity"}:
        return value
    try:
        KeyReference.parse(value)
    except KeyRefusedError:
        return "refused: not a reference to a key"
    return value


def shown(ctx: click.Context) -> bool:
    """Print each setting and its source, if requested; return whether it was."""
    if not ctx.meta.get("show_settings"):
        return False
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if isinstance(parameter, click.Argument) or name in NOT_SETTINGS:
            continue
        source = ctx.get_parameter_source(name)
        where = _SOURCES.get(source, "default") if source else "default"
        if source is ParameterSource.ENVIRONMENT:
            where = f"environment variable {parameter.envvar}"
        value = ctx.params.get(name)
        shown_value = "not set" if value is None else _without_secret(name, str(value))
        click.echo(escape(f"{name.replace('_', '-')} = {shown_value}  ({where})"))
    return True


settings_options = together(
    click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="INGEST_CONFIG",
        is_eager=True,
        callback=read_settings_file,
        help="TOML file with values for these options.",
    ),
    click.option(
        "--show-settings",
        is_flag=True,
        expose_value=False,
        callback=_show_settings,
        help="Show each setting and its source, and exit.",
    ),
    option(
        "--allow-core-dumps",
        is_flag=True,
        callback=_decide_on_core_dumps,
        help="Allow core dumps and debuggers. Both reveal the pepper and unhashed values.",
    ),
    section=SETTINGS,
)

insecure_option = option(
    "--insecure-http",
    is_flag=True,
    help="Allow http:// endpoints on other machines. Not needed for endpoints on this machine.",
)

table_options = together(
    option("--table", metavar="NAME", help="DynamoDB table, by name or ARN."),
    option("--region", metavar="REGION", help="AWS region. Default: as for the AWS CLI."),
    option("--profile", metavar="NAME", help="AWS profile. Default: as for the AWS CLI."),
    option("--endpoint-url", metavar="URL", help="URL of the DynamoDB endpoint. Default: the endpoint of the region."),
    insecure_option,
    section=TABLE_AND_KEY,
)

key_option = option(
    "--key",
    metavar="REF",
    help="Reference to the pepper: file:PATH, env:NAME, secretsmanager:ARN or kms:PATH-OF-CIPHERTEXT,key=ARN.",
    section=TABLE_AND_KEY,
)

check_key_option = option(
    "--key",
    metavar="REF",
    help="Reference to the pepper, as for `load`, to authenticate the state in the table. Default: no authentication.",
    section=TABLE_AND_KEY,
)

output_option = option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Format of the result on stdout.",
    section=MESSAGES,
)

log_option = option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Format of the messages on stderr, or in --log-file.",
    section=MESSAGES,
)

age_option = option(
    "--age-identity",
    metavar="REF",
    help="age identity or passphrase for encrypted sources: file:PATH or env:NAME.",
    section=READING,
)

report_option = option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File for the reports of the command: a page (.html), or its data as JSON (.json).",
)

row_options = together(
    age_option,
    option(
        "--workers",
        type=Workers(),
        default="auto",
        metavar="N|auto",
        help="Number of processes per dump, including the one that reads it. auto: one per core, if the dump is "
        "large enough.",
    ),
    option("--skip", type=click.IntRange(min=0), default=0, metavar="N", help="Number of rows to skip at the start."),
    option(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help="Maximum number of rows to read, after the skipped ones.",
    ),
    option(
        "--rejects",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File for rejects, one JSON object per line: position and reason, but no values.",
    ),
    option(
        "--rejects-include-raw",
        is_flag=True,
        help="Include the rejected records in the file of --rejects. They are personal data.",
    ),
    section=READING,
)

source_id_option = option(
    "--source-id",
    metavar="TEXT",
    help='Identity of the content of the sources, used instead of a digest of it. Required for a source "-".',
)


def target_of(values: Mapping[str, Any]) -> Target:
    """Return the target table, from the options of a command."""
    if not values["table"]:
        raise click.UsageError("Name the table with --table, or set INGEST_TABLE.")
    names = ("table", "region", "profile", "endpoint_url", "insecure_http")
    return Target(**{name: values[name] for name in names})


def required_key(values: Mapping[str, Any]) -> str:
    """Return the reference to the pepper, from the options of a command that needs one."""
    if not values["key"]:
        raise click.UsageError("Give a pepper with --key, or set INGEST_KEY.")
    return str(values["key"])


def pepper_of(reference: str | None, table: Table) -> Pepper | None:
    """Return the optional pepper of a command, checked against the table as for a load.

    Raises:
        KeyRefusedError: it cannot be read, or the table was loaded with another one.
    """
    if not reference:
        return None
    pepper = read_pepper(reference, table.session)
    Catalog(table).knows(pepper)
    return pepper


def run_settings(values: dict[str, Any]) -> RunSettings:
    """Return the settings of a run, from the options of its command."""
    chosen = {name: values[name] for name in RunSettings.__slots__ if name in values}
    if "age_identity" in values:
        chosen["age_identity"] = _age_reference(values)
    if "give_up_after" in values:
        chosen["give_up_after_s"] = values["give_up_after"]
    if "max_wcu" in values:
        chosen["max_wcu"] = Ceiling.parse(values["max_wcu"])
    if "state" in values:
        chosen["state_folder"] = state_folder(values["state"])
    return RunSettings(**chosen)


def state_folder(state: str) -> Path | None:
    """Return the folder that `--state` names; None for the table.

    Raises:
        UsageError: it names neither.
    """
    if state == STATE_IN_TABLE:
        return None
    scheme, _, folder = state.partition(":")
    if scheme != "file" or not folder:
        raise UsageError(f'--state is "{STATE_IN_TABLE}" or file:DIR, not "{state}"')
    return Path(folder)


def age_key(values: Mapping[str, Any]) -> Callable[[], str] | None:
    """Return a function that reads the given age identity or passphrase, if any; called at the first encrypted source.

    Raises:
        click.UsageError: the value is not a reference.
    """
    reference = _age_reference(values)
    return None if reference is None else partial(read_age_identity, reference)


def _age_reference(values: Mapping[str, Any]) -> KeyReference | None:
    """Return the value of `--age-identity`, parsed.

    Raises:
        click.UsageError: it is not a reference; it is not repeated, since it may be the secret.
    """
    text: str | None = values["age_identity"]
    if text is None:
        return None
    if not text.startswith(("file:", "env:")):
        raise click.UsageError("--age-identity takes file:PATH or env:NAME, never the identity or passphrase itself.")
    return KeyReference.parse(text)
