"""Inputs of the kinds that people reported elsewhere: with what is known about them, exactly right; without it, never
wrong.

Each folder of `field_inputs` has the files, `manifest.toml`, which lacks what is known about them, `contract.toml`,
which has it where a key of the manifest says so, and `expected.json`:

- `must`, `never`, `may`: [kind, canonical form] whose items must be, must not be or may be in the table;
- `rows`: the account with what is known (null: it only has to balance); `exit`: the right exit codes;
- `hints_at_most`: kind → masks of that kind that an item has at the most;
- `silent`: strings that `validate FILE` and `draft FILE` must not print;
- `refusal`: without what is known, a refusal whose text matches this is right, too.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import KID, PEPPER_HEX, Cli, Place, Result, new_cli
from tests.support.truth import Reference

FOLDER = Path(__file__).parent / "field_inputs"
NAMES = sorted(path.name for path in FOLDER.iterdir())
CONTRACTS = sorted(path.parent.name for path in FOLDER.glob("*/contract.toml"))
SILENT = [name for name in NAMES if "silent" in json.loads((FOLDER / name / "expected.json").read_text())]

REFERENCE = Reference(bytes.fromhex(PEPPER_HEX), KID, "", "")


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return new_cli(tmp_path_factory.mktemp("field") / "home", secrets=())


def expected(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((FOLDER / name / "expected.json").read_text(encoding="utf-8"))
    return facts


def keys(identifiers: list[list[str]]) -> dict[str, tuple[str, ...]]:
    """Partition key → identifier; with that of the base form of an e-mail address, where there is one."""
    found = {}
    for kind, canonical in identifiers:
        found[REFERENCE.pk((kind, canonical))] = (kind, canonical)
        user, at, domain = canonical.partition("@")
        if kind == "email" and at and domain in {"gmail.com", "googlemail.com"}:
            base = user.partition("+")[0].replace(".", "") + "@gmail.com"
        elif kind == "email" and "+" in user:
            base = f"{user.partition('+')[0]}@{domain}"
        else:
            continue
        found[REFERENCE.pk(("email_base", base))] = ("email_base", base)
    return found


def loaded(name: str, manifest: str, quiet: Cli, place: Place, tmp_path: Path) -> Result:
    folder = tmp_path / name
    shutil.copytree(FOLDER / name, folder)
    return quiet("load", folder / manifest, *place.to, "--output", "json")


def never_wrong(name: str, place: Place) -> set[str]:
    """Check that nobody is in the table who should not be; the partition keys that are in it."""
    facts = expected(name)
    held = {pk for pk, _ in place.items}
    for pk, identifier in keys(facts["never"]).items():
        assert pk not in held, f"{identifier} is in the table"
    known = keys(facts["must"] + facts["may"])
    assert held <= known.keys(), f"{len(held - known.keys())} items of identifiers that nobody has"
    for kind, most in facts.get("hints_at_most", {}).items():
        for item in place.items.values():
            own = known[item["pk"]["S"]]
            _, _, masks = REFERENCE.opened(item, [(own[0], own[1])])
            assert len(masks.get(kind, ())) <= most, f"several people in one record: {kind}"
    return held


def balances(result: Result) -> None:
    for report in result.reports:
        rows, items = report["rows"], report["items"]
        assert report["balances"], report
        assert rows["read"] == rows["kept"] + rows["rejected"] + rows["skipped"]
        assert items["built"] == items["acknowledged"] + items["merged"] + items["refused"]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_right_with_all_that_is_known(
    name: str, quiet: Cli, new_table: Callable[[], Place], tmp_path: Path
) -> None:
    place, facts = new_table(), expected(name)
    result = loaded(name, "contract.toml" if name in CONTRACTS else "manifest.toml", quiet, place, tmp_path)
    assert result.code in facts["exit"], result
    held = never_wrong(name, place)
    missing = [identifier for pk, identifier in keys(facts["must"]).items() if pk not in held]
    assert missing == []
    balances(result)
    if facts["rows"] is not None:
        assert result.report["rows"] == facts["rows"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_it_is_never_wrong_without(name: str, quiet: Cli, new_table: Callable[[], Place], tmp_path: Path) -> None:
    place, facts = new_table(), expected(name)
    result = loaded(name, "manifest.toml", quiet, place, tmp_path)
    held = never_wrong(name, place)
    balances(result)
    if result.code == 2:
        assert not held
        assert re.search(facts.get("refusal", "."), result.err, re.IGNORECASE), result
        assert len(result.err.splitlines()) == 1
    else:
        assert result.code in {0, 3, 4}, result


@pytest.mark.parametrize("name", SILENT)
@pytest.mark.parametrize("command", ["validate", "draft"])
def test_nothing_is_said_that_identifies_a_person(name: str, command: str, quiet: Cli, tmp_path: Path) -> None:
    silent = expected(name)["silent"]
    file = tmp_path / silent["file"]
    shutil.copy(FOLDER / name / silent["file"], file)
    result = quiet(command, file)
    for text in silent["strings"]:
        assert text not in result.out + result.err
    assert result.code in {0, 2, 4}, result
