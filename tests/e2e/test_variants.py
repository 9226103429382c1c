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
    "packed-twice": Dump(shape=SHAPES["members"], rows=4500, compression="gzip-members"),
}


@pytest.fixture(scope="module")
def expected(shared_cli: Cli, shared_table: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """The items that each variant must give; the table holds them, or does not, by now."""
    folder, expected = tmp_path_factory.mktemp("variants"), {}
    for name, dump in VARIANTS.items():
        found: list[RowTruth] = []
        write_dump(dump, folder / f"{name}.dump", found.append)
        (folder / f"{name}.toml").write_text(manifest_of(dump, f"demo-{name}", [f"{name}.dump"], max_ratio=0.9))
        expected[name] = table_of(found, f"demo-{name}", [folder / f"{name}.dump"])
    result = shared_cli("load", *sorted(folder.glob("*.toml")), *shared_table.to)
    assert result.code == 0, result
    return expected


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_table_is_what_the_dump_gives(expected: dict[str, Table], shared_table: Place, variant: str) -> None:
    items = comparable(shared_table.items)
    assert {key: item for key, item in items.items() if key[1].startswith(f"demo-{variant}#")} == expected[variant]
