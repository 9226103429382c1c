"""Cache digests of large files, so that an unchanged dump is recognised without being read."""

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

    It holds no file names and may be deleted at any time. If it cannot be read or written, the digest is
    computed again.
    """

    path: Path
    _held: dict[str, object] | None = None
    _is_changed: bool = False

    @classmethod
    def default(cls) -> FingerprintCache:
        """Return the cache in the user's cache folder (XDG Base Directory Specification), or the one being held."""
        if _holding:
            return _holding[-1]
        root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
        try:
            root = root.expanduser()
        except RuntimeError:  # the user has no home folder
            root = Path(tempfile.gettempdir())
        return cls(root / "ingest-cli" / "fingerprints.json")

    def get(self, states: Sequence[os.stat_result]) -> str | None:
        """Return the cached digest of the concatenated files with these states, or None."""
        known = self._entries().get(_key(states))
        return known if isinstance(known, str) and _DIGEST.fullmatch(known) else None

    def put(self, states: Sequence[os.stat_result], digest: str) -> None:
        """Store `digest`, and remove the oldest entries beyond `MAX_ENTRIES`."""
        entries, key = self._entries(), _key(states)
        entries.pop(key, None)
        entries[key] = digest
        if self._held is None:
            self._store(entries)
        self._is_changed = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read and write the cache file once for all lookups through `default` in the block."""
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
            return  # a full or read-only disk only costs reading the file again next time

    def _load(self) -> dict[str, object]:
        try:
            entries = json.loads(read_file(self.path))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}


def _key(states: Sequence[os.stat_result]) -> str:
    """Return the key of a sequence of files; for several files, a digest of their keys."""
    key = "+".join(f"{one.st_dev}:{one.st_ino}:{one.st_size}:{one.st_mtime_ns}:{one.st_ctime_ns}" for one in states)
    return key if len(states) == 1 else hashlib.sha256(key.encode()).hexdigest()


_holding: list[FingerprintCache] = []
