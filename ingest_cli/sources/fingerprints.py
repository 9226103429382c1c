"""Remembered digests of large files, so that an unchanged dump need not be read to be recognised."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest_cli.runtime.output_files import new_file_for, read_file

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

    def get(self, states: Sequence[os.stat_result]) -> str | None:
        """The digest remembered for the files of these states, one after another."""
        known = self._entries().get(_key(states))
        return known if isinstance(known, str) and _DIGEST.fullmatch(known) else None

    def put(self, states: Sequence[os.stat_result], digest: str) -> None:
        """Remember `digest`, and forget the oldest beyond `MAX_ENTRIES`."""
        entries, key = self._entries(), _key(states)
        entries.pop(key, None)
        entries[key] = digest
        if self._held is None:
            self._store(entries)
        self._is_changed = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read and write the file once for all files that are looked up in the block through `default`."""
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
            with new_file_for(self.path, make_folders=True) as new:
                new.file.write(text.encode("ascii"))
                new.put_in_place()
        except OSError:
            return  # a full or read-only disk costs one more reading next time, nothing else

    def _load(self) -> dict[str, object]:
        try:
            entries = json.loads(read_file(self.path))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}


def _key(states: Sequence[os.stat_result]) -> str:
    """What tells some files in this order from others; of many, a digest of that."""
    key = "+".join(f"{one.st_dev}:{one.st_ino}:{one.st_size}:{one.st_mtime_ns}:{one.st_ctime_ns}" for one in states)
    return key if len(states) == 1 else hashlib.sha256(key.encode()).hexdigest()


_holding: list[FingerprintCache] = []
