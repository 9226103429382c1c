"""Nothing of a dump, and nothing of a secret, is ever in what the program says, logs, keeps or writes into the table.

Every cell of the dump holds a word or a number that occurs nowhere else, in forms that are taken and in forms that
are refused. Then the program succeeds, fails and crashes, and everything it left behind is searched.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import PEPPER_HEX, PEPPER_LINE, SMALL_MANIFEST, Cli, Place, Result, new_cli, plug
from tests.support.endpoint import SECRET_KEY, Endpoint, faults
from tests.support.endpoint.clients import Client
from tests.support.processes import PROC, children
from tests.support.waiting import until

HEADER = "NAME,IC,TEL,EMAIL,ADDRESS,PASSWORD"
ROWS = (
    b"ZARIFAH MERBOKWATI,910213-10-6521,019-774 3628,Zarifah.Merbok+kedai@Gmail.com,17 Jalan Merbokputih,merbokungu",
    b"MERBOKSATU,A88172635,+65 9172 6354,<merbokdua@contoh.example>,,",
    b"MERBOKTIGA,X7,01-merbokempat,merboklima@@contoh,merbokenam,merboktujuh",
    b"MERBOKLAPAN,8.71324E+11,6.0126E+10,merboksembilan@,,",
    b"MERBOKSEPULUH,9999988887777666655551,01238,mer bok sebelas@contoh.example,,",
    b"MERBOKDUABELAS,930405-10-7733,018-662 9471,a@b.example,cell,cell,merboktigabelas,merbokempatbelas",
    b"MERBOKLIMABELAS,940506108844,0176659381,\xff\xfemerbokenambelas@contoh.example,\xc3(merboktujuhbelas,",
    b"\x1b[31mMERBOKLAPANBELAS,950607-10-9955,016 554 8273,merbok\x07sembilanbelas@contoh.example,\xe2\x80\xaemerbok,",
    b"=MERBOKDUAPULUH(),@merbok,+merbok,-merbok,=1+merbok,{{merbok}}",
    b"%(merbok)s {0} \\nMERBOK,%s%n,{},merbok%d@contoh.example,$MERBOK,`merbok`",
    b"NAME,IC,TEL,MERBOKDUAPULUHSATU,ADDRESS,PASSWORD",
    b'"MERBOKDUAPULUHDUA,960708-10-1166,015-443 7162,merbokduapuluhtiga@contoh.example,,',
)
CANARIES = (
    *("merbok", "zarifah", "kedai"),
    *("910213", "106521", "88172635", "871324", "71324", "99999888877776", "930405", "107733"),
    *("940506", "108844", "950607", "109955", "960708", "101166"),
    *("7743628", "774 3628", "91726354", "9172 6354", "01238", "6629471", "662 9471"),
    *("6659381", "5548273", "554 8273", "4437162", "443 7162"),
)
"""Parts of them: in their spelling, in their canonical form, in lower case."""

SECRETS = (
    PEPPER_HEX,
    PEPPER_HEX[:16],
    base64.b64encode(bytes.fromhex(PEPPER_HEX)).decode()[:20],
    repr(bytes.fromhex(PEPPER_HEX))[2:20],
    SECRET_KEY,
)

FIELDS = """
[[fields]]
column = "ADDRESS"
exposes = "Physical addresses"
[rejects]
max_ratio = {ratio}
min_sample = 1
"""


def _manifest(folder: Path, name: str, content: bytes, ratio: float = 1.0) -> Path:
    """Write a dump and its manifest, and return the latter."""
    (folder / name).write_bytes(content)
    dataset = f"demo-{name.partition('.')[0]}"
    text = SMALL_MANIFEST.format(dataset=dataset, title="Demo", source=name, rest=FIELDS.format(ratio=ratio))
    path = folder / f"{dataset}.toml"
    path.write_text(text)
    return path


def _content(header: str = HEADER, times: int = 1) -> bytes:
    return b"\n".join([header.encode(), *ROWS * times, b""])


BROKEN = """\
import {module} as module
def broken(*arguments):
    raise ValueError(repr(arguments) + repr([vars(one) if hasattr(one, '__dict__') else one for one in arguments]))
module.{name} = broken
"""
CRASHES = {
    "normalizing": ("ingest_cli.pipeline", "normalize"),
    "hashing": ("ingest_cli.items.hashing", "base64url"),
    "sending": ("ingest_cli.sinks.dynamodb", "interpret"),
}

Leftovers = dict[str, Future[Result]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canaries")


@pytest.fixture(scope="module")
def canary_cli(folder: Path) -> Cli:
    return new_cli(folder / "home", ())


@pytest.fixture(scope="module")
def place(endpoint: Endpoint, admin: Client) -> Place:
    return make_table(Place(endpoint), admin)


@pytest.fixture(scope="module")
def ran(pool: ThreadPoolExecutor, canary_cli: Cli, place: Place, folder: Path) -> Leftovers:
    """Everything that can be done with the dump."""
    good, again, raw, boto3, workers = (
        _manifest(folder, f"{name}.csv", _content()) for name in ("good", "again", "raw", "boto3", "workers")
    )
    (folder / "cut.csv.gz").write_bytes(gzip.compress(_content(times=500), 1)[:-300])
    (folder / "like-names.csv").write_bytes(b"NAMEMERBOK,IC_MERBOK,TELMERBOK,EMAILMERBOK\n" + b"\n".join(ROWS))
    (folder / "no-header.csv").write_bytes(b"\n".join(ROWS))
    misread = [_manifest(folder, name, (folder / name).read_bytes()) for name in ("like-names.csv", "no-header.csv")]
    dumps = [folder / name for name in ("good.csv", "cut.csv.gz", "like-names.csv", "no-header.csv")]
    cut = _manifest(folder, "cut.csv.gz", (folder / "cut.csv.gz").read_bytes())
    # They run at once, so that each needs a dataset of its own.
    limit, limited = (_manifest(folder, f"{name}.csv", _content(), 0.1) for name in ("limit", "limited"))
    by_workers = ["--workers", "2"]
    for_programs = ["--output", "json", "--log-format", "json"]
    runs: dict[str, tuple[list[str | Path], dict[str, str]]] = {
        "load": (["load", good, *place.to, "--rejects", "rejects.jsonl"], {}),
        "load again": (["load", again, again, *place.to, *for_programs], {}),
        "load raw": (["load", raw, *place.to, "--rejects", "raw.jsonl", "--rejects-include-raw"], {}),
        "load over boto3": (["load", boto3, *place.to, "--transport", "boto3"], {}),
        "load by workers": (["load", workers, *place.to, *by_workers, "--rejects", "workers.jsonl"], {}),
        "reject limit of workers": (["load", limited, *place.to, *by_workers, *for_programs], {}),
        "validate by workers": (["validate", good, *by_workers, *for_programs], {}),
        "reject limit": (["load", limit, *place.to], {}),
        "cut off": (["load", cut, *place.to], {}),
        "bad endpoint": (["load", good, *place.to, "--endpoint-url", "http://127.0.0.1:1"], {}),
        "validate": (["validate", good, *misread, *dumps, "--rejects", "validated.jsonl"], {}),
        "validate for programs": (["validate", good, *misread, *dumps, *for_programs], {}),
    }
    for number, (stage, (module, name)) in enumerate(CRASHES.items()):
        code = BROKEN.format(module=module, name=name)
        dump, other = (_manifest(folder, f"crash-{number}{whose}.csv", _content()) for whose in ("", "-of-a-worker"))
        env = plug(folder / f"plug-{number}", code)
        runs[f"crash while {stage}"] = (["load", dump, *place.to, "--workers", "1"], env)
        runs[f"crash of a worker while {stage}"] = (["load", other, *place.to, *by_workers], env)
    return {name: pool.submit(canary_cli, *arguments, env=env, stdin="") for name, (arguments, env) in runs.items()}


CODES = {
    "load": 0,
    "load again": 0,
    "load raw": 0,
    "load over boto3": 0,
    "load by workers": 0,
    "reject limit of workers": 3,
    "validate by workers": 0,
    "reject limit": 3,
    "cut off": 4,
    "bad endpoint": 4,
    "validate": 2,
    "validate for programs": 2,
    "crash while normalizing": 1,
    "crash while hashing": 1,
    "crash while sending": 1,
    "crash of a worker while normalizing": 1,
    "crash of a worker while hashing": 1,
    "crash of a worker while sending": 1,
}


def _leaks(text: str) -> list[str]:
    lower = text.casefold()
    return [word for word in (*CANARIES, *SECRETS) if word.casefold() in lower]


@pytest.mark.parametrize("name", CODES)
def test_nothing_is_said(ran: Leftovers, name: str) -> None:
    result = ran[name].result()
    assert _leaks(result.out + result.err) == []
    assert result.code == CODES[name], result


def test_nothing_is_said_in_an_answer(canary_cli: Cli, place: Place, ran: Leftovers) -> None:
    assert ran["load"].result().code == 0
    result = canary_cli("lookup", *place.to, stdin="910213-10-6521\nzarifah.merbok@gmail.com\nmerbok@contoh.example\n")
    assert result.code == 0
    assert result.out.count("found in ") == 2
    assert _leaks(result.out + result.err) == []


def test_nothing_is_in_the_table(place: Place, ran: Leftovers) -> None:
    assert {future.result().code for future in ran.values()} == set(CODES.values())
    assert place.items
    assert _leaks(json.dumps([*place.everything.values()])) == []


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.name, path.read_text(errors="replace")


def test_nothing_is_in_a_file(canary_cli: Cli, ran: Leftovers) -> None:
    assert {future.result().code for future in ran.values()} == set(CODES.values())
    kept = dict(_files(canary_cli.home))
    assert {"rejects.jsonl", "raw.jsonl", "validated.jsonl", "workers.jsonl", "fingerprints.json"} <= kept.keys()
    raw = kept.pop("raw.jsonl")
    assert [(name, leaks) for name, text in kept.items() if (leaks := _leaks(text))] == []
    assert "MERBOKTIGA" in raw  # it was asked for
    assert [word for word in SECRETS if word in raw] == []


@pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="/proc shows what a process was given, on Linux only"
)
def test_nothing_is_in_what_workers_are_given(canary_cli: Cli, endpoint: Endpoint, admin: Client, folder: Path) -> None:
    """Neither the pepper nor a cell is on a command line, in an environment, or in the name of anything."""
    (folder / "pepper").write_text(PEPPER_LINE)
    (folder / "pepper").chmod(0o600)
    cli = dataclasses.replace(
        canary_cli, env={name: value for name, value in canary_cli.env.items() if name != "PEPPER"}
    )
    dump = _manifest(folder, "slow.csv", _content(times=50))
    place = make_table(Place(endpoint), admin)  # of its own, since it hangs
    place.goes_wrong(faults.hang(), "BatchWriteItem")
    key = ["--key", f"file:{folder / 'pepper'}"]
    with cli.started("load", dump, *place.at, *key, "--workers", "2", "--allow-core-dumps") as process:
        until(lambda: "BatchWriteItem" in place.operations(), process)
        pids = [process.pid, *children(process.pid)]
        given = [_text(PROC / str(pid) / name) for pid in pids for name in ("cmdline", "environ", "comm")]
    assert len(pids) == 2
    own = [word for word in SECRETS if word != SECRET_KEY]  # that one is in the environment of whoever runs it
    assert [word for word in (*CANARIES, *own) for text in given if word.casefold() in text] == []
    assert any("--workers" in text for text in given)


def _text(path: Path) -> str:
    return path.read_text(errors="replace").casefold()


def test_the_canaries_are_in_the_dump() -> None:
    """A search for what could not be found anyway would prove nothing."""
    dump = b"\n".join(ROWS).decode(errors="replace").casefold()
    numbers = {_digits(cell) for row in dump.split("\n") for cell in row.split(",")}
    for word in CANARIES:
        assert word in dump or any(_digits(word) in number for number in numbers), word


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())
