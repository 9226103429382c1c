"""Every way of writing a delimited dump, loaded by one command."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Cli, Place
from tests.e2e.reference import Table, comparable, table_of
from tests.support.dumps import Dump, manifest_of, write_dump
from tests.support.shapes import SHAPES
from tests.support.truth import RowTruth

VARIANTS = {
    "bars": Dump(shape=SHAPES["dirty"], rows=60, dirty=0.3, delimiter="|"),
    "control-a": Dump(shape=SHAPES["members"], rows=40, delimiter="\x01"),
    "semicolons": Dump(shape=SHAPES["telco"], rows=60, dirty=0.2, delimiter=";"),
    "with-a-mark": Dump(shape=SHAPES["dirty"], rows=60, dirty=0.3, encoding="utf-8-sig"),
    "windows": Dump(shape=SHAPES["telco"], rows=60, dirty=0.2, encoding="cp1252", line_end="\r\n"),
    "utf-16": Dump(shape=SHAPES["dirty"], rows=60, dirty=0.3, encoding="utf-16"),
    "old-mac": Dump(shape=SHAPES["pelanggan"], rows=60, dirty=0.2, line_end="\r"),
    "all-quoted": Dump(shape=SHAPES["dirty"], rows=60, dirty=0.3, quoting="all"),
    "with-a-header": Dump(shape=SHAPES["telco"], rows=60, dirty=0.2, header=True),
    "headless": Dump(shape=SHAPES["dirty"], rows=60, dirty=0.3, header=False),
    "packed": Dump(shape=SHAPES["dirty"], rows=60, dirty=0.3, compression="gzip"),
    "packed-twice": Dump(shape=SHAPES["telco"], rows=4100, compression="gzip-members"),
}


Compared = dict[str, tuple[Table, Table]]


@pytest.fixture(scope="module")
def compared(shared_cli: Cli, shared_table: Place, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """For each variant, the items that the table holds and those that the dump must give."""
    folder, expected = tmp_path_factory.mktemp("variants"), {}
    for name, dump in VARIANTS.items():
        found: list[RowTruth] = []
        write_dump(dump, folder / f"{name}.dump", found.append)
        (folder / f"{name}.toml").write_text(manifest_of(dump, f"demo-{name}", [f"{name}.dump"], max_ratio=0.9))
        expected[name] = table_of(found, f"demo-{name}", [folder / f"{name}.dump"])
    result = shared_cli("load", *sorted(folder.glob("*.toml")), *shared_table.to)
    assert result.code == 0, result
    held: dict[str, Table] = {name: {} for name in VARIANTS}
    for key, item in comparable(shared_table.items).items():
        held[key[1].partition("#")[0].removeprefix("demo-")][key] = item
    return {name: (held[name], expected[name]) for name in VARIANTS}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_table_is_what_the_dump_gives(compared: Compared, variant: str) -> None:
    held, expected = compared[variant]
    assert held == expected
