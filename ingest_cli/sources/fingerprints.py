"""Remembered digests of large files, so that an unchanged dump need not be read to be recognised."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

MAX_ENTRIES = 4096
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FingerprintCache:
    """A small JSON file: (device, inode, size, change times) → SHA-256 of a file's bytes.

    It holds no names and may be deleted at any time. It is only ever a shortcut: where it cannot be
    read or written the digest is computed again.
    """

    path: Path

    @classmethod
    def default(cls) -> FingerprintCache:
        """The one in the user's cache folder (XDG Base Directory Specification)."""
        root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
        try:
            root = root.expanduser()
        except RuntimeError:  # this user has no home
            root = Path(tempfile.gettempdir())
        return cls(root / "ingest-cli" / "fingerprints.json")

    def get(self, status: os.stat_result) -> str | None:
        """The digest remembered for the file of this status."""
        known = self._load().get(_key(status))
        return known if isinstance(known, str) and _DIGEST.fullmatch(known) else None

    def put(self, status: os.stat_result, digest: str) -> None:
        """Remember `digest`, and forget the oldest beyond `MAX_ENTRIES`."""
        entries = self._load()
        entries.pop(_key(status), None)
        entries[_key(status)] = digest
        text = json.dumps(dict(list(entries.items())[-MAX_ENTRIES:]))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile("w", dir=self.path.parent, delete=False) as file:
                file.write(text)
            Path(file.name).replace(self.path)
        except OSError:
            return  # a full or read-only disk costs one more reading next time, nothing else

    def _load(self) -> dict[str, object]:
        try:
            entries = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}


def _key(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
