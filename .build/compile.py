# ruff: noqa: INP001 - a script, and no package
"""Compile the kernel that hashes columns, where there is a compiler; where there is none the program does without.

A hook of hatchling's (its documentation: "Custom build hook"). What setuptools knows about compilers does the work.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

MODULE = "ingest_cli._hmac_columns"
SOURCE = "ingest_cli/_hmac_columns.c"


class Compile(BuildHookInterface[Any]):
    """Puts the compiled module beside its source, and into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """See `BuildHookInterface.initialize`."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        extension = Extension(
            MODULE,
            [SOURCE],
            extra_compile_args=["-std=c11", "-O2"],
            py_limited_api=True,
            optional=True,  # setuptools then warns, and goes on
        )
        command = build_ext(Distribution({"name": "ingest-cli", "ext_modules": [extension]}))
        command.inplace = True
        command.build_temp = str(root / "build")
        command.ensure_finalized()
        compiled = root / command.get_ext_filename(MODULE)
        compiled.unlink(missing_ok=True)  # of another machine, perhaps, or of another state of the source
        command.run()
        if compiled.exists():
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"cp311-abi3-{platform}"
            build_data["artifacts"].append(str(compiled.relative_to(root)))
