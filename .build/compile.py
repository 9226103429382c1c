# ruff: noqa: INP001 - a script, and no package
"""Compile the kernel that hashes columns, where there is a compiler; where there is none the program does without.

A hook of hatchling's (its documentation: "Custom build hook"). What setuptools knows about compilers does the work.
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
    """Puts the compiled module into the wheel; or beside its source, where that is what is run."""

    _made: TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See `BuildHookInterface.initialize`."""
        if self.target_name != "wheel":
            return
        try:
            self._made = TemporaryDirectory()
            command = compiling(Path(self._made.name))
            name = command.get_ext_filename(MODULE)
            compiled, beside = Path(command.build_lib) / name, Path(self.root) / name
            if version == "editable":
                beside.unlink(missing_ok=True)  # of another machine, perhaps, or of another state of the source
            command.run()
            if version == "editable" and compiled.exists():
                shutil.copyfile(compiled, beside)
        except OSError as error:
            self.app.display_warning(f"the kernel that hashes columns is left out: {error}")
            return
        if version != "editable" and compiled.exists():
            build_data["force_include"][str(compiled)] = name
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"cp311-abi3-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - so called
        """See `BuildHookInterface.finalize`."""
        if self._made is not None:
            self._made.cleanup()


def compiling(place: Path) -> build_ext:
    """The command that compiles the module into `place`; the source's tree may be one that cannot be written."""
    extension = Extension(
        MODULE,
        [SOURCE],
        extra_compile_args=["-std=c11", "-O2"],
        py_limited_api=True,
        optional=True,  # setuptools then warns, and goes on
    )
    command = build_ext(Distribution({"name": "ingest-cli", "ext_modules": [extension]}))
    command.build_lib, command.build_temp = str(place / "made"), str(place / "objects")
    command.inplace, command.force = False, True
    command.ensure_finalized()
    return command
