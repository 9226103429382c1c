"""The documents agree with the program: sessions are run, examples executed, tables and names compared, links followed.

A block marked `console` is a session. A line `$ COMMAND` (continued by `> ` lines) is run in a shell beside a copy of
`sample_data/`, against one endpoint per document; `export` lasts for the whole document. The next lines must be its
output, except for times, process ids and the like, and lines `...`, which match anything. Every command must succeed,
unless the next one is `echo $?`. `^C` interrupts the command once it has saved a checkpoint; `Identifier (not shown):`
answers the prompt of `lookup`.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pkgutil
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ingest_cli.formats import FORMATS
from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.model.format_options import _ONLY_FOR, Format
from ingest_cli.model.manifest import (
    _KNOWN_KEYS,
    DEFAULT_EXPOSES,
    LOOKUP_KINDS,
    Dataset,
    Field,
    RejectLimits,
    parse_manifest,
)
from ingest_cli.report.account import Account
from ingest_cli.report.metrics import prometheus
from ingest_cli.report.report import Report
from tests.e2e.harness import COMMAND, REPOSITORY, SAMPLES, Cli, new_cli
from tests.support import waiting
from tests.support.endpoint import Endpoint
from tests.support.readme_figures import renewed

README, DOCS = REPOSITORY / "README.md", REPOSITORY / "docs"
CONTRIBUTING, TESTS = REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "tests" / "README.md"
SECURITY = REPOSITORY / "SECURITY.md"
GUIDE, MANIFEST, DESIGN, SHAPES = (DOCS / f"{name}.md" for name in ("operators-guide", "manifest", "design", "formats"))
BENCHMARKS = DOCS / "benchmarks" / "README.md"
MAX_README_LINES = 120
IGNORED_BY = {"columns": ("blocks", "parquet", "arrow"), "encoding": ("parquet", "arrow", "xlsx")}
"""Key of [format] → formats whose files state the same, and which ignore it."""
DOCUMENTS = [
    REPOSITORY / "CHANGELOG.md",
    CONTRIBUTING,
    TESTS,
    README,
    SECURITY,
    SAMPLES / "README.md",
    REPOSITORY / "deploy" / "README.md",
    *sorted(DOCS.rglob("*.md")),
]
CODE = [REPOSITORY / folder for folder in (".build", "deploy", "ingest_cli", "tests")]
"""Folders with code that documents name."""

SOMEBODY = "850101-14-5678"
PROMPT, INTERRUPT, ANYTHING = "Identifier (not shown):", "^C", "..."
MASKS = {
    r"[\d,.]+ s, [\d,]+ rows/s": "T s, N rows/s",
    r"cost        [\d.]+ USD: [\d,]+ WCU": "cost        N USD: N WCU",
    r"check value [0-9a-f]{8}": "check value XXXXXXXX",
    r"src [0-9a-f]{8}": "src XXXXXXXX",
    r"src         [0-9a-f]{8}": "src         XXXXXXXX",
    r"loaded      \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d": "loaded      YYYY-MM-DDTHH:MM:SS",
}

FOREIGN = frozenset({"_sha2", "forbid_unknown_fields", "socket_action", "TokenError"})
"""Names in libraries that decision records compare, and no code of this repository uses."""

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """What stands between two fences."""

    language: str
    text: str
    line: int


@dataclass
class Step:
    """A command of a session, and what it should print."""

    line: int
    command: str
    expected: list[str] = field(default_factory=list)


def blocks(path: Path, language: str) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    found = [Block(m[1], m[2], text.count("\n", 0, m.start()) + 1) for m in _BLOCK.finditer(text)]
    return [block for block in found if block.language == language]


def steps(path: Path) -> list[Step]:
    found = list[Step]()
    for block in blocks(path, "console"):
        for number, line in enumerate(block.text.splitlines(), block.line + 1):
            if line.startswith("$ "):
                found.append(Step(number, line.removeprefix("$ ")))
            elif line.startswith("> ") and not found[-1].expected:
                found[-1].command += "\n" + line.removeprefix("> ")
            else:
                found[-1].expected.append(line.rstrip())
    return found


def pattern(expected: list[str]) -> str:
    return "".join("(?:.*\n)*?" if line == ANYTHING else re.escape(masked(line)) + "\n" for line in expected)


def masked(text: str) -> str:
    for found, instead in MASKS.items():
        text = re.sub(found, instead, text)
    return text


@dataclass
class Shell:
    """Runs the steps of one document.

    Attributes:
        folder: where they run.
        env: their environment.
        endpoint: what they talk to.
        code: exit code of the step before.
        printed: everything.
    """

    folder: Path
    env: dict[str, str]
    endpoint: Endpoint
    code: int = 0
    printed: str = ""

    def run(self, step: Step) -> str:
        """What the step prints, on stdout and stderr."""
        if step.command.startswith("export "):
            name, _, value = step.command.removeprefix("export ").partition("=")
            self.env[name] = value
            return ""
        script = f"(exit {self.code}); {step.command}"
        if INTERRUPT in step.expected:
            script = f"exec {step.command}"
        process = subprocess.Popen(
            ["bash", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.env,
            cwd=self.folder,
        )
        if INTERRUPT in step.expected:
            self._await_saved(process)
            process.send_signal(signal.SIGINT)
        out, _ = waiting.communicate(process, f"{SOMEBODY}\n".encode() if PROMPT in step.expected else b"")
        self.code = process.returncode
        text = "".join(f"{line.rstrip()}\n" for line in out.decode().splitlines())
        self.printed += text
        return text

    def _await_saved(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the load has saved a state beyond the one it began with."""
        before = len(self.endpoint.audit.writes)
        while sum(write.pk.startswith("_run#") for write in list(self.endpoint.audit.writes)[before:]) < 2:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                return


@pytest.fixture(scope="module", params=[README, GUIDE], ids=lambda path: path.name)
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def shells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Shell]]:
    """A shell for each document, nothing done in it yet."""
    with Endpoint() as first, Endpoint() as second:
        yield {
            path: _shell(tmp_path_factory.mktemp(path.stem), endpoint)
            for path, endpoint in ((README, first), (GUIDE, second))
        }


def _shell(folder: Path, endpoint: Endpoint) -> Shell:
    cli = _beside_the_samples(folder)
    env = {**cli.env, "PATH": f"{COMMAND.parent}{os.pathsep}{cli.env['PATH']}", "AWS_ENDPOINT_URL": endpoint.url}
    env["INGEST_VERBOSE"] = "1"  # the documents show what somebody at a terminal sees, and there is none here
    del env["PEPPER"]
    return Shell(folder, env, endpoint)


def _beside_the_samples(folder: Path) -> Cli:
    shutil.copytree(SAMPLES, folder / "sample_data")
    return new_cli(folder / "home")


@pytest.fixture(scope="module")
def after(document: Path, shells: dict[Path, Shell]) -> Shell:
    """The shell after all sessions of the document, each of which printed what the document says."""
    shell, session = shells[document], steps(document)
    for step, following in zip(session, [*session[1:], None], strict=True):
        printed = shell.run(step)
        place = f"{document.name}:{step.line}: {step.command}"
        expected = [line for line in step.expected if line not in {PROMPT, INTERRUPT}]
        assert re.fullmatch(pattern(expected), masked(printed)), f"{place}\n{printed}"
        if following is None or following.command != "echo $?":
            assert shell.code == 0, place
    return shell


@pytest.mark.slow
def test_the_sessions_are_real(after: Shell, document: Path) -> None:
    assert len(steps(document)) > 5
    pepper = (after.folder / "pepper.key").read_text().strip()
    assert pepper.partition(":")[2] not in after.printed


def test_the_readme_fits_a_first_screen() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_README_LINES
    first, second, *_ = blocks(README, "sh")[0].text.splitlines()
    assert first.split()[:2] == ["make", "demo"]
    assert second.split()[:2] == ["make", "test"]


def test_the_help_is_repeated_as_it_is(cli: Cli) -> None:
    help_text = cli("--help", env={"COLUMNS": "80"}).out
    assert help_text.strip() in [block.text.strip() for block in blocks(GUIDE, "text")]


def test_the_figures_are_the_recorded_ones() -> None:
    text = BENCHMARKS.read_text(encoding="utf-8")
    assert renewed(text) == text, "run: python -m tests.support.readme_figures"


def _table(path: Path, *header: str) -> list[list[str]]:
    """The rows of the table with these columns."""
    lines = path.read_text(encoding="utf-8").splitlines()
    begin = lines.index("| " + " | ".join(header) + " |") + 2
    rows = list[list[str]]()
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def _code(cell: str) -> str:
    return cell.strip("`")


def test_every_key_of_a_manifest_is_explained() -> None:
    documented, name = set[tuple[str, str]](), ""
    for table, key, *_ in _table(MANIFEST, "table", "key", "default", "meaning"):
        name = _code(table).strip("[]") or name
        documented.add((name, _code(key)))
    tables = {"dataset", "format", "fields", "rejects"}
    assert documented == {(name, key) for name, keys in _KNOWN_KEYS.items() for key in keys} - {("", t) for t in tables}


def test_the_defaults_of_a_manifest_are_those_of_the_program() -> None:
    defaults: dict[str, Any] = {}
    for _, key, default, _ in _table(MANIFEST, "table", "key", "default", "meaning"):
        if default.startswith("`"):
            defaults[_code(key)] = tomllib.loads(f"x = {_code(default)}")["x"]
    plain, limits, field = Format("csv"), RejectLimits(), Field((), "")
    assert defaults == {
        "description": "",
        "join": Dataset("", "", ()).join,
        "delimiter": plain.delimiter,
        "quote": plain.quote,
        "escape": plain.escape,
        "header": plain.header,
        "skip_lines": plain.skip_lines,
        "short_rows": plain.short_rows,
        "long_rows": plain.long_rows,
        "layout": plain.layout,
        "columns": [*plain.columns],
        "widths": [*plain.widths],
        "table": [*plain.table],
        "encoding": plain.encoding,
        "region": field.region,
        "optional": field.optional,
        "max_ratio": limits.max_ratio,
        "min_sample": limits.min_sample,
        "max_identifiers": limits.max_identifiers,
    }


def test_every_format_is_explained() -> None:
    documented = dict[str, set[str]]()
    for names, _, keys in _table(SHAPES, "`name`", "content", "keys of `[format]`"):
        for name in re.findall(r"`(\w+)`", names):
            documented[name] = set(re.findall(r"`(\w+)`", keys))
    assert documented == {
        name: {key for key, formats in _ONLY_FOR.items() if name in formats}
        | {key for key, formats in IGNORED_BY.items() if name not in formats}
        for name in FORMATS
    }
    assert set(_KNOWN_KEYS["format"]) == {"name", *_ONLY_FOR, *IGNORED_BY}


def test_every_kind_is_explained() -> None:
    rows = _table(MANIFEST, "kind", "canonical form", "`exposes`", "`lookup`")
    assert {_code(kind): exposes for kind, _, exposes, _ in rows} == DEFAULT_EXPOSES
    assert {_code(kind) for kind, _, _, lookup in rows if _code(lookup) == "true"} == LOOKUP_KINDS


def test_every_label_is_named() -> None:
    (cell,) = [row[1] for row in _table(DESIGN, "part", "content") if row[0] == "`label`"]
    labels = {label for identifier in IDENTIFIERS.values() for label in identifier.labels}
    assert set(re.findall(r"`(\w+)`", cell)) == labels | {"email_base"}


def test_every_key_of_a_report_file_is_explained(cli: Cli) -> None:
    assert cli("validate", SAMPLES / "dirty.toml", "--report", "r.json", "--output", "json").code == 0
    report = json.loads((cli.home / "r.json").read_text())
    (run,) = report["runs"]
    rows = _table(GUIDE, "key", "meaning")
    assert {_code(key) for key, _ in rows} == report.keys() | {"timeline", "latency_buckets_ms"}
    assert {_code(name) for name, _ in _table(GUIDE, "column", "meaning")} == set(run["timeline"]["columns"])


def test_every_reason_is_explained() -> None:
    table = list(_table(GUIDE, "reason", "of", "what it means, and what to do"))
    explained = {_code(reason) for reason, *_ in table}
    parsers = "".join(path.read_text() for path in (REPOSITORY / "ingest_cli" / "formats").rglob("*.py"))
    of_parser = {_code(reason) for reason, of, _ in table if of == "row"}
    assert all(f'"{reason}"' in parsers for reason in of_parser)
    assert set(re.findall(r'\((?:i|at|0|place), "(\w+)"', parsers)) <= of_parser
    known = {reason for identifier in IDENTIFIERS.values() for reason in identifier.reasons}
    assert explained == known | of_parser | {
        *("bad_bytes", "item_too_large", "misaligned", "too_many_identifiers", "ValidationException")
    }


def test_the_manifest_shown_is_one() -> None:
    (shown,) = blocks(MANIFEST, "toml")
    assert parse_manifest(shown.text).fields


def test_the_item_shown_is_one(cli: Cli) -> None:
    vectors = json.loads((REPOSITORY / "tests" / "support" / "key_vectors.json").read_text())
    pepper = {"PEPPER": f"{vectors['kid']}:{vectors['pepper_hex']}"}
    (shown,) = [json.loads(block.text) for block in blocks(DESIGN, "json") if '"sealed"' in block.text]
    with Endpoint() as endpoint:
        at = ["--table", "breaches", "--endpoint-url", endpoint.url]
        assert cli("table", "create", *at).code == 0
        assert cli("load", SAMPLES / "pelanggan.toml", *at, "--key", "env:PEPPER", env=pepper).code == 0
        assert endpoint.items("breaches")[shown["pk"]["S"], shown["sk"]["S"]] == shown


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of an AWS with a DynamoDB and a Secrets Manager, inside this process."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.mark.slow
def test_the_python_examples_work(aws: str, tmp_path: Path) -> None:
    cli, (loading, asking) = _beside_the_samples(tmp_path), (block.text for block in blocks(GUIDE, "python"))
    there = {"AWS_ENDPOINT_URL": aws}
    assert cli("key", "generate", "--out", tmp_path / "pepper.key").code == 0
    secrets = boto3.client("secretsmanager", endpoint_url=aws)
    arn = secrets.create_secret(Name="pepper", SecretString=(tmp_path / "pepper.key").read_text())["ARN"]
    secrets.close()
    assert cli("table", "create", "--table", "breaches", env=there).code == 0
    assert _python(loading, tmp_path, {**cli.env, **there}) == "complete 139 0\n"
    event = {"identifier": SOMEBODY}
    asking += f"\nimport json\nprint(json.dumps(handler({event!r}, None)))\n"
    key = f"secretsmanager:{arn}"
    (breach,) = json.loads(_python(asking, tmp_path, {**cli.env, **there, "TABLE": "breaches", "KEY": key}))
    assert (breach["dataset"], breach["hints"]["phone"]) == ("demo-telco-2017", ["+60*******89"])


def _python(code: str, folder: Path, env: Mapping[str, str]) -> str:
    command = [sys.executable, "-c", code]
    done = waiting.run(command, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def _anchors(path: Path) -> set[str]:
    """The places in a document that a link can name, as GitHub makes them of its headings."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert target.is_relative_to(REPOSITORY), link
        if anchor:
            assert anchor in _anchors(target), link


def test_files_named_are_there() -> None:
    for path in DOCUMENTS:
        named = re.findall(r"`((?:ingest_cli|tests|docs|sample_data)/[\w./]+)`", path.read_text(encoding="utf-8"))
        for name in named:
            assert (REPOSITORY / name).exists() or name == "docs/benchmarks/latest.json", f"{path.name}: {name}"
    for name in re.findall(r"`((?:unit|contract|property|integration|fault|e2e|fuzz)/[\w./]*)`", TESTS.read_text()):
        assert (TESTS.parent / name).exists(), name


def test_modules_named_are_there() -> None:
    program = REPOSITORY / "ingest_cli"
    packages = {entry.name for entry in program.iterdir() if entry.is_dir()}
    sources = [f"/{path.relative_to(REPOSITORY)}" for folder in CODE for path in folder.rglob("*.*")]
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+/[\w/.*-]*\w)`", text):
            assert name.partition("/")[0] not in packages or any(program.glob(name)), f"{path.name}: {name}"
        for name in re.findall(r"`([\w/.*-]+\.(?:py|pyi|c))`", text):
            assert any(fnmatchcase(source, f"*/{name}") for source in sources), f"{path.name}: {name}"


@cache
def _words() -> frozenset[str]:
    """All words of the code, this module and its list of foreign names excepted."""
    files = [path for folder in CODE for path in folder.rglob("*.*") if path.suffix in {".c", ".json", ".py", ".sh"}]
    texts = (path.read_text(encoding="utf-8") for path in files if path != Path(__file__))
    return frozenset(word for text in texts for word in re.findall(r"\w+", text))


@cache
def _classes() -> dict[str, set[str]]:
    """Classes of the program, each with the names in its body."""
    found = dict[str, set[str]]()
    for path in (REPOSITORY / "ingest_cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(_names_in(node))
    return found


def _names_in(body: ast.ClassDef) -> Iterator[str]:
    for node in ast.walk(body):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


@pytest.mark.parametrize(
    "path", [README, SECURITY, CONTRIBUTING, TESTS, DESIGN, *sorted(DOCS.glob("adr/*.md"))], ids=lambda path: path.name
)
def test_names_in_code_are_there(path: Path) -> None:
    """A class, method or function that a document names is in the code: `Pacer`, `Pacer._watch`, `pipeline.plan`."""
    units = {entry.stem for entry in (REPOSITORY / "ingest_cli").iterdir()}
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    for name in re.findall(r"`([A-Za-z_]\w*(?:\.\w+)*)(?:\([^`]*\))?`", text):
        owner, _, member = name.partition(".")
        if name.endswith((".c", ".json", ".md", ".py", ".toml")):
            continue  # a file
        if owner in _classes() and member:
            assert member in _classes()[owner], name
        elif owner in units and member:
            pkgutil.resolve_name(f"ingest_cli.{name}")
        elif re.search(r"[A-Z_]", name):
            assert set(name.split(".")) <= _words() | FOREIGN, name


def test_the_make_targets_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for path in (README, GUIDE, CONTRIBUTING, TESTS):
        assert set(re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(), re.MULTILINE)) <= targets


def test_every_decision_is_listed() -> None:
    folder = REPOSITORY / "docs" / "adr"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert len({name[:4] for name in records}) == len(records), "a number is used once"
    index = (folder / "README.md").read_text()
    assert set(records) <= set(_LINK.findall(index))
    for name in records:
        title, _, status, *_ = (folder / name).read_text().splitlines()
        assert status.startswith("Status: "), name
        row = f"| {name[:4]} | [{title.partition('. ')[2]}]({name}) | {status.removeprefix('Status: ')} |"
        assert row in index.splitlines(), name


def test_every_metric_is_explained(tmp_path: Path) -> None:
    named = set[str]()
    for cell, *_ in _table(GUIDE, "metric", "labels beside `task` and `command`", "what it is"):
        named |= {
            f"ingest_cli_{name.removeprefix('ingest_cli_').removeprefix('_')}" for name in re.findall(r"`(\w+)`", cell)
        }
    some = Counter(reason=1)
    report = Report("load", "demo", "Demo", account=Account(rejected=some, skipped=some, refused=some))
    report.traffic.note_retry("reason")
    prometheus.write(
        tmp_path / "x.prom", prometheus.Task("load", 0, 1.0, 1.0, [prometheus.Finished(report, 0.0, 1.0)], "1")
    )
    written = set(re.findall(r"^# TYPE (\w+) gauge$", (tmp_path / "x.prom").read_text(), re.MULTILINE))
    assert named == written | {"ingest_cli_last_success_timestamp_seconds"}


def test_the_crontab_shown_is_the_one_to_copy() -> None:
    lines = (REPOSITORY / "deploy" / "crontab").read_text().splitlines(keepends=True)
    (shown,) = [block.text for block in blocks(GUIDE, "text") if block.text.startswith("MAILTO=")]
    assert shown == "".join(line for line in lines if not line.startswith("#"))


def test_the_mail_shown_is_one(cli: Cli) -> None:
    manifest = (SAMPLES / "telco.toml").read_text()
    (cli.home / "telco.toml").write_text(manifest.replace('"telco-*.csv*"', '"telco-1.csv"'))
    (shown,) = [block.text for block in blocks(GUIDE, "text") if "Exit code 4" in block.text]
    with Endpoint() as endpoint:
        at = ["--table", "breaches", "--endpoint-url", endpoint.url]
        assert cli("table", "create", *at).code == 0
        mail = cli.from_cron("load", "telco.toml", *at, "--key", "env:PEPPER")
    assert mail.code == 4
    said, expected = (re.sub(r"after \S+ s", "after T s", " ".join(text.split())) for text in (mail.out, shown))
    assert said == expected
