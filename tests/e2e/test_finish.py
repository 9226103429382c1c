"""Help, completion and the man page: what the commands say of themselves, wherever it is asked for."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from ingest_cli.cli import COMMANDS
from tests.e2e.harness import COMMAND, REPOSITORY, Cli
from tests.support import waiting
from tests.support.man_page import PAGE, man_page

COMPLETING = """\
eval "$(ingest-cli completion bash)"
complete -p ingest-cli
COMP_WORDS=({words}); COMP_CWORD={last}
_ingest_cli_completion ingest-cli
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def _completed(cli: Cli, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    script = COMPLETING.format(words=" ".join(f"'{word}'" for word in words), last=len(words) - 1)
    env = {**cli.env, "PATH": f"{COMMAND.parent}:{cli.env['PATH']}"}
    done = waiting.run(["bash", "--norc", "-c", script], env=env, cwd=cli.home)
    assert (done.returncode, done.stderr) == (0, b"")
    first, *offered = done.stdout.decode().splitlines()
    assert first == "complete -o nosort -F _ingest_cli_completion ingest-cli"
    return [one for one in offered if one]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ingest-cli", ""], list(COMMANDS)),
        (["ingest-cli", "l"], ["load", "lookup"]),
        (["ingest-cli", "table", "cr"], ["create"]),
        (["ingest-cli", "load", "x.toml", "--max-ru"], ["--max-runtime"]),
        (["ingest-cli", "load", "--transport", ""], ["curl", "boto3"]),
        (["ingest-cli", "completion", "f"], ["fish"]),
    ],
)
def test_bash_completes(cli: Cli, words: list[str], offered: list[str]) -> None:
    assert _completed(cli, *words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_of_its_shell(cli: Cli, shell: str) -> None:
    script = cli("completion", shell)
    assert (script.code, script.err) == (0, "")
    assert f"_INGEST_CLI_COMPLETE={shell}_complete" in script.out
    if shutil.which(shell) is not None:
        waiting.run([shell, "-n"], script.out, text=True, check=True)


def test_a_shell_that_is_none(cli: Cli) -> None:
    cli("completion", "csh").complains(2, "'bash', 'zsh', 'fish'")


def test_options_stand_under_headings(cli: Cli) -> None:
    text = cli("load", "--help").out
    under: dict[str, str] = {}
    heading = ""
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            heading = line
        elif line.startswith("  -"):
            under[next(word for word in line.split() if word.startswith("--"))] = heading
    for option, where in {
        "--dry-run": "Options:",
        "--table": "Table and key:",
        "--key": "Table and key:",
        "--skip": "Reading the dump:",
        "--max-wcu": "Writing the items:",
        "--log-file": "Messages and metrics:",
        "--config": "Settings and help:",
        "--help": "Settings and help:",
    }.items():
        assert under[option] == where


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["load", "x.toml", "--max-rntime", "2h"], "--max-runtime"),
        (["lookup", "--tabel", "x"], "--table"),
        (["--vershion"], "--version"),
        (["table", "crate"], "create"),
    ],
)
def test_the_near_one_is_suggested(cli: Cli, arguments: list[str], near: str) -> None:
    cli(*arguments).complains(2, "Did you mean", near)


def test_the_man_page_is_what_help_says() -> None:
    assert PAGE.read_text() == man_page(), "run: python -m tests.support.man_page"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_man_page_is_rendered_without_a_warning() -> None:
    done = waiting.run(["groff", "-man", "-Tascii", "-ww", PAGE], check=True, text=True)
    assert done.stderr == ""
    shown = re.sub("\x1b\\[[\\d;]*m|.\x08", "", done.stdout)  # bold, however this groff makes it
    assert all(f"ingest-cli {name}" in shown for name in COMMANDS)
    assert "--max-runtime TIME" in shown


def test_the_man_page_is_part_of_the_wheel() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert {(REPOSITORY / Path(source)): target for source, target in shared.items()} == {
        PAGE: "share/man/man1/ingest-cli.1"
    }
