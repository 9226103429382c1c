"""`ingest-cli completion`."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from ingest_cli.cli.help import Sectioned, exit_codes

EXAMPLES = """\
\b
Examples:
  ingest-cli completion bash > ~/.local/share/bash-completion/completions/ingest-cli
  ingest-cli completion zsh > ~/.zfunc/_ingest-cli
  ingest-cli completion fish > ~/.config/fish/completions/ingest-cli.fish

"""


class _Bash(BashComplete):
    """Completion for bash without checking the local version: the script may be for another machine."""

    @staticmethod
    def _check_version() -> None:
        """See `BashComplete`; it works from bash 4.4 on."""


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": ZshComplete, "fish": FishComplete}


@click.command("completion", cls=Sectioned, epilog=EXAMPLES + exit_codes())
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> None:
    """Print a script that completes commands, options and file names in bash (4.4 or later), zsh or fish.

    To try it without a file: eval "$(ingest-cli completion bash)"
    """
    program = ctx.find_root()
    name = program.info_name or "ingest-cli"
    variable = f"_{name}_COMPLETE".replace("-", "_").upper()
    click.echo(_SHELLS[shell](program.command, {}, name, variable).source())
