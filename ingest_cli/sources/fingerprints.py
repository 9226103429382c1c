"""Remembered digests of large files, so that an unchanged dump need not be read to be recognised."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MAX_ENTRIES = 4096
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(slots=True)
class FingerprintCache:
    """A small JSON file: (device, inode, size, change times) → SHA-256 of a file's bytes.

    It holds no names and may be deleted at any time. It is only ever a shortcut: where it cannot be
    read or written the digest is computed again.
    """

    path: Path
    _held: dict[str, object] | None = None
    _is_changed: bool = False

    @classmethod
    def default(cls) -> FingerprintCache:
        """The one in the user's cache folder (XDG Base Directory Specification), or the one that is held."""
        if _holding:
            return _holding[-1]
        root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
        try:
            root = root.expanduser()
        except RuntimeError:  # this user has no home
            root = Path(tempfile.gettempdir())
        return cls(root / "ingest-cli" / "fingerprints.json")

    def get(self, status: os.stat_result) -> str | None:
        """The digest remembered for the file of this status."""
        known = self._entries().get(_key(status))
        return known if isinstance(known, str) and _DIGEST.fullmatch(known) else None

    def put(self, status: os.stat_result, digest: str) -> None:
        """Remember `digest`, and forget the oldest beyond `MAX_ENTRIES`."""
        entries = self._entries()
        entries.pop(_key(status), None)
        entries[_key(status)] = digest
        if self._held is None:
            self._store(entries)
        self._is_changed = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read and write the file once for all files that are looked up in the block, by whoever asks `default`."""
        self._held, self._is_changed = self._load(), False
        _holding.append(self)
        try:
            yield
        finally:
            _holding.remove(self)
            entries, self._held = self._held, None
            if self._is_changed:
                self._store(entries)

    def _entries(self) -> dict[str, object]:
        return self._load() if self._held is None else self._held

    def _store(self, entries: dict[str, object]) -> None:
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


_holding: list[FingerprintCache] = []
