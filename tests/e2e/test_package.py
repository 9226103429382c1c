"""The package: locked dependencies, bill of materials, reproducible wheel, sdist, and a build without a C compiler.

No test here needs a network: builds run in an environment that holds pip and the build requirements only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.e2e.harness import REPOSITORY

TIMEOUT_S = 900
"""Longest wait for a build or an installation, on a busy machine."""

PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
LOCKS = {
    "deploy/requirements.lock": (("7z", "age", "report", "xlsx"), ()),
    ".ci/requirements.lock": (("sandbox",), ("dev",)),
}
"""Lock file → extras and dependency groups that it covers, as in the Makefile."""

HAS_COMPILER = shutil.which("cc") is not None and Path(sysconfig.get_path("include"), "Python.h").exists()


def _group(name: str) -> list[str]:
    found = list[str]()
    for entry in PROJECT["dependency-groups"][name]:
        found += [entry] if isinstance(entry, str) else _group(entry["include-group"])
    return found


def _locked(path: str) -> dict[str, list[tuple[Requirement, str]]]:
    """Return name → pinned requirements, each with the text of its entry."""
    entries = re.split(r"^(?=[a-z0-9])", (REPOSITORY / path).read_text(), flags=re.MULTILINE)[1:]
    found: dict[str, list[tuple[Requirement, str]]] = {}
    for entry in entries:
        pinned = Requirement(entry.partition("\\")[0])
        found.setdefault(canonicalize_name(pinned.name), []).append((pinned, entry))
    return found


@pytest.mark.parametrize("path", LOCKS)
def test_the_lock_files_agree_with_pyproject(path: str) -> None:
    extras, groups = LOCKS[path]
    wanted = [*PROJECT["project"]["dependencies"]]
    wanted += [one for extra in extras for one in PROJECT["project"]["optional-dependencies"][extra]]
    wanted += [one for group in groups for one in _group(group)]
    locked = _locked(path)
    direct = {name for name, pins in locked.items() for _, entry in pins if "(pyproject.toml" in entry}
    assert direct == {canonicalize_name(Requirement(one).name) for one in wanted}, "run: make lock"
    for requirement in map(Requirement, wanted):
        for pinned, _ in locked[canonicalize_name(requirement.name)]:
            (version,) = pinned.specifier
            assert version.operator == "=="
            assert requirement.specifier.contains(version.version), f"{requirement}: run: make lock"


@pytest.mark.parametrize("path", LOCKS)
def test_each_locked_version_has_hashes(path: str) -> None:
    for pins in _locked(path).values():
        assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry) for _, entry in pins)
        if len(pins) > 1:
            assert all(pinned.marker for pinned, _ in pins)


def test_the_makefile_and_the_deployment_install_what_is_locked() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    assert "pip install --quiet --require-hashes --requirement $(DEV_LOCK)" in makefile
    for path, (extras, groups) in LOCKS.items():
        options = [f"--extra {name}" for name in extras] + [f"--group {name}" for name in groups]
        (line,) = [line for line in makefile.splitlines() if "$(COMPILE)" in line and options[0] in line]
        assert re.findall(r"--(?:extra|group) \w+", line) == options, path
    deploying = (REPOSITORY / "deploy" / "README.md").read_text()
    assert deploying.count("--require-hashes --requirement") == 2, "the server and the container image"
    assert "--require-hashes" in (REPOSITORY / "deploy" / "user-data.sh").read_text()


def test_no_url_is_invented() -> None:
    assert "urls" not in PROJECT["project"]


@pytest.mark.slow
def test_the_bill_of_materials_lists_what_is_locked(tmp_path: Path) -> None:
    tool = Path(sys.executable).with_name("cyclonedx-py")
    bill = tmp_path / "sbom.cdx.json"
    subprocess.run(
        [tool, "requirements", REPOSITORY / "deploy/requirements.lock", "--output-reproducible", "--output-file", bill],
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    listed = json.loads(bill.read_text())
    assert listed["bomFormat"] == "CycloneDX"
    pinned = {
        (name, version.version)
        for name, pins in _locked("deploy/requirements.lock").items()
        for one, _ in pins
        for version in one.specifier
    }
    assert {(canonicalize_name(one["name"]), one["version"]) for one in listed["components"]} == pinned
    makefile = (REPOSITORY / "Makefile").read_text()
    assert "cyclonedx-py requirements $(LOCK) --pyproject pyproject.toml --output-reproducible" in makefile


def _sources(folder: Path) -> Path:
    """Copy what `git` tracks, or would, into `folder`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (REPOSITORY / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    return folder


def _closure(requirements: list[str]) -> set[str]:
    found = set[str]()
    waiting = [Requirement(one) for one in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        waiting += map(Requirement, distribution(name).requires or [])
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip and the requirements of `[build-system]`, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    for name in _closure(PROJECT["build-system"]["requires"]):
        for top in {path.parts[0] for path in distribution(name).files or [] if path.parts[0] != ".."}:
            if top != "__pycache__" and not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution(name).locate_file(top))))
    return folder


def _build(bare: Path, source: Path, target: Path, **env: str) -> Path:
    """Build a wheel of `source` with pip; return its path."""
    command = [
        bare / "bin/python",
        "-m",
        "pip",
        "wheel",
        "--no-index",
        "--no-build-isolation",
        "--no-deps",
        "--verbose",
    ]
    done = subprocess.run(
        [*command, "--wheel-dir", target, source],
        env={"PATH": os.environ["PATH"], "PIP_DISABLE_PIP_VERSION_CHECK": "1", **env},
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    (target / "said").write_text(said)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.mark.slow
def test_two_builds_of_one_source_give_equal_bytes(bare: Path, tmp_path: Path) -> None:
    wheels = []
    for name, mtime in (("first", 1_000_000_000), ("a-second-place", 1_600_000_000)):
        source = _sources(tmp_path / name / "source")
        for path in source.rglob("*"):
            os.utime(path, (mtime, mtime))
        (tmp_path / name / "dist").mkdir()
        wheels.append(_build(bare, source, tmp_path / name / "dist", SOURCE_DATE_EPOCH="1700000000"))
    assert wheels[0].name == wheels[1].name
    assert wheels[0].read_bytes() == wheels[1].read_bytes()


@pytest.mark.slow
def test_an_sdist_builds_with_its_build_requirements_alone(bare: Path, tmp_path: Path) -> None:
    source = _sources(tmp_path / "source")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", tmp_path / "dist"]
    subprocess.run(command, cwd=source, capture_output=True, timeout=TIMEOUT_S, check=True)
    (packed,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    there = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert there >= {
        *("LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "pyproject.toml", ".build/compile.py"),
        *("ingest_cli/py.typed", "ingest_cli/items/_hmac_columns.c", "ingest_cli/report/prices.toml"),
        *("docs/man/ingest-cli.1", "sample_data/telco.toml"),
    }
    folders = {"ingest_cli", "sample_data", "docs", ".build"}
    assert {name.split("/")[0] for name in there if "/" in name} == folders
    assert not [name for name in there if name.endswith((".so", ".pyc"))]

    (tmp_path / "wheels").mkdir()
    wheel = _build(bare, unpacked, tmp_path / "wheels")
    names = zipfile.ZipFile(wheel).namelist()
    code = {name for name in there if name.startswith("ingest_cli/")}
    assert set(names) >= code | {"ingest_cli/sample_data/telco.toml"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert any(name.endswith("share/man/man1/ingest-cli.1") for name in names)
    assert any(name.endswith(".so") for name in names) == HAS_COMPILER


@pytest.mark.slow
def test_without_a_compiler_the_build_says_so_once_and_the_version_tells(bare: Path, tmp_path: Path) -> None:
    source = _sources(tmp_path / "source")
    (tmp_path / "dist").mkdir()
    wheel = _build(bare, source, tmp_path / "dist", CC="/bin/false")
    assert (tmp_path / "dist" / "said").read_text().count("The hashing kernel is not compiled") == 1
    assert wheel.name.endswith("-py3-none-any.whl")
    shutil.unpack_archive(wheel, tmp_path / "installed", "zip")
    script = (
        "import sys; sys.path.insert(0, '.'); from ingest_cli.items.hashing import KERNEL; assert KERNEL is None; "
        "from ingest_cli.cli import main; main()"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, "--version"],
        cwd=tmp_path / "installed",
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    ).stdout.decode()
    first, second = said.splitlines()
    assert first == f"ingest-cli, version {wheel.name.split('-')[1]}"
    assert second.startswith("hashing: in Python")
