# ruff: noqa: INP001 - a script, not a package
"""Compile the hashing kernel into the wheel; without a C compiler, build a wheel without it.

A custom build hook of hatchling. setuptools runs the compiler. Equal sources give equal bytes, wherever they are built:
no debug information, and so no path of the build folder.
"""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

MODULE = "ingest_cli.items._hmac_columns"
SOURCE = "ingest_cli/items/_hmac_columns.c"


class Compile(BuildHookInterface[Any]):
    """Adds the compiled module to a wheel; for an editable install, writes it beside its source."""

    _build_folder: TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; see `BuildHookInterface.initialize`."""
        if self.target_name != "wheel":
            return
        try:
            self._build_folder = TemporaryDirectory()
            command = _build_command(Path(self._build_folder.name))
            name = command.get_ext_filename(MODULE)
            compiled, beside = Path(command.build_lib) / name, Path(self.root) / name
            if version == "editable":
                beside.unlink(missing_ok=True)  # may be from another machine or an older source
            command.run()
            if version == "editable" and compiled.exists():
                shutil.copyfile(compiled, beside)
        except OSError as error:
            self._warn(str(error))
            return
        if not compiled.exists():
            self._warn("no working C compiler, or no header files of Python")
        elif version != "editable":
            build_data["force_include"][str(compiled)] = name
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"cp311-abi3-{platform}"

    def _warn(self, reason: str) -> None:
        """Say once that the kernel is missing. pip shows it with --verbose; `ingest-cli --version` shows it always."""
        self.app.display_warning(f"The hashing kernel is not compiled ({reason}): hashing in Python is slower.")

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - inherited
        """Remove the build folder."""
        if self._build_folder is not None:
            self._build_folder.cleanup()


def _build_command(folder: Path) -> build_ext:
    """The command that compiles into `folder`, since the source tree may be read-only."""
    extension = Extension(
        MODULE,
        [SOURCE],
        extra_compile_args=["-std=c11", "-O2", "-g0"],
        extra_link_args=["-Wl,--strip-debug"] if sysconfig.get_platform().startswith("linux") else [],
        py_limited_api=True,
        optional=True,  # setuptools warns instead of failing
    )
    command = build_ext(Distribution({"name": "ingest-cli", "ext_modules": [extension]}))
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "objects")
    command.inplace, command.force = False, True
    command.ensure_finalized()
    return command
