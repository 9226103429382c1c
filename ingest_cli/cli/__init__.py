"""Command line: the only package that uses click and tqdm. Functions only translate options into calls.

Commands are imported when they are called, so that `--help` does not wait for Arrow and boto3.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from types import FrameType
from typing import TYPE_CHECKING

import click

from ingest_cli import __version__
from ingest_cli.cli import standard_streams
from ingest_cli.cli.help import MEANINGS, exit_codes
from ingest_cli.errors import CrashError, ExitCode, IngestError
from ingest_cli.runtime import core_dumps

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "load": "Load dumps into a DynamoDB table.",
    "validate": "Check dumps and predict a load, without writing.",
    "draft": "Write a first manifest for a dump.",
    "verify": "Read loaded items back and compare them with the dumps.",
    "status": "Show the datasets in a table and the progress of loads.",
    "prune": "Remove items of rows that left a dump, or a whole dataset.",
    "lookup": "Look up the breaches that an identifier is in.",
    "table": "Create, describe, scale, unlock or drop the table.",
    "key": "Generate or check the pepper that identifiers are hashed with.",
    "demo": "Run a demonstration on invented data, without an AWS account.",
    "completion": "Print a script for shell completion.",
}


class _Group(click.Group):
    """Group whose commands are modules of this package, imported when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"ingest_cli.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - defined by each module of this package
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete as `click.Group.shell_complete`, without importing every command for its help line."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - start-up time

        named = [CompletionItem(name, help=what) for name, what in COMMANDS.items() if name.startswith(incomplete)]
        return named + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command; on failure, suggest similar ones."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415 - start-up time

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]}?" if near else f" The commands are: {', '.join(COMMANDS)}."
            raise click.UsageError("There is no such command." + hint, ctx)
        return super().resolve_command(ctx, args)


EXAMPLES = """\
\b
Examples:
  ingest-cli demo
  ingest-cli key generate --out pepper.key
  ingest-cli table create --table breaches
  ingest-cli load telco.toml --table breaches --key file:pepper.key
  ingest-cli lookup --table breaches --key file:pepper.key

"""


def _print_version(context: click.Context) -> None:
    click.echo(f"ingest-cli, version {__version__}")
    if find_spec("ingest_cli.items._hmac_columns") is None:
        click.echo("hashing: in Python, slower; no C compiler was found when this version was installed")
    context.exit()


@click.group(
    cls=_Group, epilog=EXAMPLES + exit_codes(*MEANINGS), context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _option, asked: _print_version(context) if asked else None,
    help="Show the version and exit.",
)
def group() -> None:
    """Load breach dumps into DynamoDB; identifiers are stored as keyed hashes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and exit."""
    # Otherwise numpy's OpenBLAS starts a thread per core, which busy-waits for matrix products.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    core_dumps.suspend()  # until --allow-core-dumps is parsed, or permanently if a command ends before
    standard_streams.prepare()
    _catch_signals()
    try:
        code = group.main(arguments, prog_name="ingest-cli", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _refuse(error)
        code = error.exit_code
    except click.exceptions.Exit as done:
        code = done.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted; run the same command again to resume")
        code = ExitCode.TRY_AGAIN
    except IngestError as error:
        _say(str(error))
        code = error.exit_code
    except (BrokenPipeError, SystemExit):  # click converts the former to the latter, and nothing else raises it
        from ingest_cli.cli.console import forget_stdout  # noqa: PLC0415 - start-up time

        forget_stdout()
        code = ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - last resort: report the location, but no values
        crash = error if isinstance(error, CrashError) else CrashError.of(error)
        _say(f"crashed with {crash.kind} at {crash.place}; this is a bug, please report this line")
        code = ExitCode.CRASHED
    if not code and standard_streams.ResultFile.is_lost:
        code = ExitCode.TRY_AGAIN
    sys.exit(code or 0)


def _refuse(error: click.ClickException) -> None:
    """Print click's error as a sentence, with a pointer to the help."""
    if type(error).__name__ == "NoArgsIsHelpError":  # does not exist in click before 8.2
        error.show()
        return
    sentence = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    _say(f"{sentence}; see `{context.command_path} --help`" if context is not None else sentence)


def _say(text: str) -> None:
    from ingest_cli.cli.console import escape, tell  # noqa: PLC0415 - start-up time

    tell(f"ingest-cli: {escape(text)}")


def stop_signals() -> list[signal.Signals]:
    """Return the signals that request a stop: SIGINT, SIGTERM, and SIGHUP unless ignored, as by `nohup`."""
    signals = [signal.SIGINT, signal.SIGTERM]
    return signals if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [*signals, signal.SIGHUP]


def _catch_signals() -> None:
    """Handle stop signals: the first interrupts, the second ends the process.

    SIGHUP is an exception: on loss of a terminal, the kernel and the shell may both send one, and a session manager
    SIGTERM as well.
    """
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - Python's signature
        if number != signal.SIGHUP and any(one != signal.SIGHUP for one in seen):
            os._exit(ExitCode.ABORTED)
        seen.append(number)
        if len(seen) == 1:
            raise KeyboardInterrupt

    for number in stop_signals():
        signal.signal(number, handle)
