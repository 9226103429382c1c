"""What was compiled when the program was installed makes it faster, and nothing else."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

import pytest

from ingest_cli.items.hashing import KERNEL
from tests.e2e.conftest import make_table
from tests.e2e.harness import Cli, Place, plug
from tests.fault.campaign import write_files
from tests.support.dumps import Dump
from tests.support.endpoint import Endpoint
from tests.support.endpoint.clients import Client
from tests.support.shapes import SHAPES

WITHOUT = "import sys\nsys.modules['ingest_cli.items._hmac_columns'] = None\n"


@pytest.mark.skipif(
    shutil.which("cc") is None or not Path(sysconfig.get_path("include"), "Python.h").exists(),
    reason="there is no C compiler, or no header files of Python",
)
def test_it_is_compiled_where_it_can_be() -> None:
    assert KERNEL is not None


def test_without_it_the_table_holds_the_same(cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path) -> None:
    manifest = write_files(tmp_path / "dump", Dump(shape=SHAPES["telco"], rows=2000, dirty=0.1))
    tables = [make_table(Place(endpoint), admin) for _ in range(2)]
    for table, env in zip(tables, ({}, plug(tmp_path / "plug", WITHOUT)), strict=True):
        result = cli("load", manifest, *table.to, "--verbose", env=env)
        assert result.code == 0, result
    assert tables[0].items == tables[1].items != {}
