"""Share settings among all kinds of sources: base folder, S3 access, display names, names of files to skip."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ingest_cli.model.settings import Target
from ingest_cli.sources.interface import Sleep

if TYPE_CHECKING:
    from ingest_cli.sources.s3_requests import Requests

READ_BYTES = 1 << 20
"""Maximum number of bytes read at a time."""

PATTERN_SIGNS = "*?["
"""Characters that make an entry a pattern, in paths and keys."""

_MAX_LISTED = 8
_COMPANIONS = frozenset(
    {
        *("_started", "manifest-files.json", "manifest-files.md5", "manifest-summary.json", "manifest-summary.md5"),
        *("_metadata", "_common_metadata", "MD5SUMS", "SHA1SUMS", "SHA256SUMS", "SHA512SUMS"),
    }
)
"""Names of lists and checksums that DynamoDB exports, Spark and users store beside a dump."""

_CHECKSUMS = (".md5", ".sha1", ".sha256", ".sha512", ".sfv")
_NO_DUMPS = frozenset({"__MACOSX", "_SUCCESS", "Thumbs.db", "desktop.ini", "ehthumbs.db"})


@dataclass(frozen=True)
class Places:
    """Context in which the entries of a manifest are resolved.

    Attributes:
        target: source of the region and profile for S3, not of the endpoint, which is DynamoDB's; None: the AWS
            defaults.
    """

    base: Path
    target: Target | None = None
    wait: Sleep = time.sleep
    on_note: Callable[[str], None] = lambda _: None

    @cached_property
    def s3(self) -> Requests:
        """Return the S3 requests shared by all entries; created on first use, so that only S3 loads import boto3.

        Raises:
            UsageError: the AWS settings are not usable.
        """
        from ingest_cli.sources.s3_requests import open_requests  # noqa: PLC0415 - start-up time

        return open_requests(self.target, self.wait)

    def pass_over(self, where: str, names: Sequence[str]) -> None:
        """Report the skipped files of a folder, if any."""
        if names:
            listed = ", ".join(label(name) for name in names[:_MAX_LISTED]) + (
                ", …" if len(names) > _MAX_LISTED else ""
            )
            files = "1 file that is not a dump" if len(names) == 1 else f"{len(names):,} files that are not dumps"
            self.on_note(f"skipped {files} in {where}: {listed}")


def label(name: str) -> str:
    """Return a printable name: unprintable characters and invalid UTF-8 as escapes."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in name)


def is_no_dump(name: str) -> bool:
    r"""Return whether a file or folder of this name is skipped while searching a folder.

    These are hidden files, manifests, and files left by other programs: macOS's archiver (`__MACOSX`), Windows
    Explorer (`Thumbs.db`, `desktop.ini`) and Hadoop's committer (`_SUCCESS`, `…_$folder$`).
    """
    return name.startswith(".") or name in _NO_DUMPS or name.endswith((".toml", "_$folder$"))


def is_companion(name: str) -> bool:
    """Return whether a file of this name describes the dumps beside it: skipped, with a note."""
    return name in _COMPANIONS or name.lower().endswith(_CHECKSUMS)
