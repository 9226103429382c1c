"""What all kinds of places share: where entries are looked up, how names are shown, what beside a dump is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ingest_cli.model.settings import Target
from ingest_cli.sources.interface import Wait

if TYPE_CHECKING:
    from ingest_cli.sources.s3_requests import Requests

READ_BYTES = 1 << 20
"""The most that is read at a time."""

PATTERN_SIGNS = "*?["
"""What makes an entry a pattern, in paths and in keys alike."""

_MAX_LISTED = 8
_COMPANIONS = frozenset(
    {
        *("_started", "manifest-files.json", "manifest-files.md5", "manifest-summary.json", "manifest-summary.md5"),
        *("_metadata", "_common_metadata", "MD5SUMS", "SHA1SUMS", "SHA256SUMS", "SHA512SUMS"),
    }
)
"""What exports of DynamoDB, Spark and people put beside a dump: lists and checksums of its files."""

_CHECKSUMS = (".md5", ".sha1", ".sha256", ".sha512", ".sfv")
_NO_DUMPS = frozenset({"__MACOSX", "_SUCCESS", "Thumbs.db", "desktop.ini", "ehthumbs.db"})


@dataclass(frozen=True)
class Places:
    """What the entries of a manifest are looked up with.

    Attributes:
        base: the folder that relative paths start from.
        target: whose region and profile S3 is asked with, but not its endpoint, which is DynamoDB's; None: as for
            AWS's own tools.
        wait: waits for what lies elsewhere.
        on_note: told what the report should note.
    """

    base: Path
    target: Target | None = None
    wait: Wait = time.sleep
    on_note: Callable[[str], None] = lambda _: None

    @cached_property
    def s3(self) -> Requests:
        """What all entries ask S3 with; made when the first one does, so that nobody else waits for boto3.

        Raises:
            UsageError: the AWS settings are not usable.
        """
        from ingest_cli.sources.s3_requests import open_requests  # noqa: PLC0415 - start-up time

        return open_requests(self.target, self.wait)

    def pass_over(self, where: str, names: Sequence[str]) -> None:
        """Say which files of a folder are passed over, if there are any."""
        if names:
            listed = ", ".join(label(name) for name in names[:_MAX_LISTED]) + (
                ", …" if len(names) > _MAX_LISTED else ""
            )
            files = "a file that is" if len(names) == 1 else f"{len(names):,} files that are"
            self.on_note(f"{files} no dump passed over in {where}: {listed}")


def label(name: str) -> str:
    """A name as it may be shown: what is not printable, and bytes that are no UTF-8, as escapes."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in name)


def is_no_dump(name: str) -> bool:
    r"""Whether a file or folder of this name, met in a folder, is passed over.

    Those are hidden ones, manifests, and what other programs leave behind: macOS's archiver (`__MACOSX`), Windows's
    explorer (`Thumbs.db`, `desktop.ini`) and Hadoop's committer (`_SUCCESS`, `…_$folder$`).
    """
    return name.startswith(".") or name in _NO_DUMPS or name.endswith((".toml", "_$folder$"))


def is_companion(name: str) -> bool:
    """Whether a file of this name, met in a folder, is about the dumps beside it: passed over, but told of."""
    return name in _COMPANIONS or name.lower().endswith(_CHECKSUMS)
