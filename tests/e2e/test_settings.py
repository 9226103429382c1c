"""Where settings come from, what help says, and what is said about a mistake in either."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest_cli import __version__
from tests.e2e.harness import Cli, Result, small_dump

COMMANDS = (
    (),
    ("load",),
    ("validate",),
    ("draft",),
    ("lookup",),
    ("table",),
    ("table", "create"),
    ("table", "describe"),
    ("table", "capacity"),
    ("table", "restore"),
    ("table", "drop"),
    ("table", "unlock"),
    ("key",),
    ("key", "generate"),
    ("key", "check"),
    ("demo",),
    ("completion",),
    ("verify",),
    ("status",),
    ("prune",),
)
LEAVES = [names for names in COMMANDS if names and names not in {("table",), ("key",)}]


@pytest.fixture(scope="module")
def helped(pool: ThreadPoolExecutor, shared_cli: Cli) -> dict[tuple[str, ...], Future[Result]]:
    return {command: pool.submit(shared_cli, *command, "--help") for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples_and_exit_codes(
    helped: dict[tuple[str, ...], Future[Result]], command: tuple[str, ...]
) -> None:
    result = helped[command].result()
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: {' '.join(['ingest-cli', *command])} ")
    _, _, examples = result.out.partition("Examples:\n")
    examples, _, codes = examples.partition("Exit codes:\n")
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert lines
    assert all(line.startswith("ingest-cli ") for line in lines)
    listed = [int(line.split()[0]) for line in codes.splitlines()]
    assert listed == sorted({0, 1, 2, 75, 130}.union(listed))
    assert command or listed == [0, 1, 2, 3, 4, 5, 75, 130]


def test_version(cli: Cli) -> None:
    assert cli("--version").out.splitlines()[0] == f"ingest-cli, version {__version__}"


def _shown(result: Result) -> dict[str, tuple[str, str]]:
    """Setting → (value, source)."""
    assert (result.code, result.err) == (0, "")
    shown = {}
    for line in result.out.splitlines():
        name, _, rest = line.partition(" = ")
        value, _, source = rest.partition("  (")
        shown[name] = (value, source.removesuffix(")"))
    return shown


CONFIG = """\
table = "from-config"
region = "from-config"
concurrency = 3
[load]
concurrency = 5
give-up-after = 60
[validate]
skip = 7
"""


def test_flag_before_environment_before_file_before_default(cli: Cli) -> None:
    (cli.home / "settings.toml").write_text(CONFIG)
    result = cli(
        *("load", "some.toml", "--config", "settings.toml", "--table", "from-flag", "--show-settings"),
        env={"INGEST_TABLE": "from-environment", "INGEST_REGION": "from-environment"},
    )
    shown = _shown(result)
    assert shown["table"] == ("from-flag", "flag")
    assert shown["region"] == ("from-environment", "environment variable INGEST_REGION")
    assert shown["concurrency"] == ("5", "--config file")
    assert shown["give-up-after"] == ("60.0", "--config file")
    assert shown["transport"] == ("curl", "default")
    assert shown["skip"] == ("0", "default")
    assert shown["key"] == ("not set", "default")


def test_the_file_itself_can_be_a_variable_and_serve_another_command(cli: Cli) -> None:
    (cli.home / "settings.toml").write_text(CONFIG)
    shown = _shown(cli("validate", "some.toml", "--show-settings", env={"INGEST_CONFIG": "settings.toml"}))
    assert shown["skip"] == ("7", "--config file")
    assert "table" not in shown


def test_settings_are_shown_without_anything_to_work_on(cli: Cli) -> None:
    assert _shown(cli("load", "--show-settings"))["concurrency"][1] == "default"
    assert _shown(cli("table", "drop", "--show-settings"))["table"] == ("not set", "default")


def test_a_setting_from_the_environment_is_used(cli: Cli, tmp_path: Path) -> None:
    result = cli("validate", small_dump(tmp_path), env={"INGEST_LIMIT": "2", "INGEST_OUTPUT": "json"})
    assert (result.code, result.report["rows"]["kept"]) == (0, 2)


MISTAKES = {
    "an unknown setting": ('tabel = "x"', 'unknown setting "tabel". Did you mean "table"?'),
    "an unknown setting of the command": ("[validate]\nlimits = 3", 'unknown setting "limits". Did you mean "limit"?'),
    "an unknown command": ("[lod]\nlimit = 3", "a table [lod], but there is no such command. Did you mean [load]?"),
    "a command that is no table": ("validate = 5", 'unknown setting "validate"'),
    "a value of the wrong sort": ('limit = "many"', "--limit"),
    "a value out of range": ("limit = 0", "--limit"),
    "no TOML": ("limit 3", "is not TOML"),
    "no text": ("\udcff", "is not TOML"),
}


@pytest.fixture(scope="module")
def refused(
    pool: ThreadPoolExecutor, shared_cli: Cli, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Future[Result]]:
    folder, said = tmp_path_factory.mktemp("settings"), {}
    for number, (mistake, (text, _)) in enumerate(MISTAKES.items()):
        file = folder / f"{number}.toml"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        said[mistake] = pool.submit(shared_cli, "validate", "some.toml", "--config", file)
    return said


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_settings_file(refused: dict[str, Future[Result]], mistake: str) -> None:
    refused[mistake].result().complains(2, MISTAKES[mistake][1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lod"], "Did you mean load?"),
        (["explode"], "The commands are: load, validate"),
        (["validate", "--limt", "3", "x.toml"], "--limit"),
        (["table", "drp"], "drop"),
        (["load", "x.toml", "--transport", "rsh"], "'curl', 'boto3'"),
    ],
)
def test_a_mistake_on_the_command_line(cli: Cli, arguments: list[str], words: str) -> None:
    cli(*arguments).complains(2, words, "--help`")


def test_every_command_may_have_settings_of_its_own(cli: Cli) -> None:
    (cli.home / "settings.toml").write_text("".join(f"[{names[-1]}]\n" for names in LEAVES))
    assert cli("validate", "--config", "settings.toml", "--show-settings").code == 0


def test_no_command_shows_the_help(cli: Cli) -> None:
    result = cli()
    assert (result.code, result.out) == (2, "")
    assert "Commands:" in result.err
