"""Base class of seekable files of known size."""

from __future__ import annotations

import io
import os


class SeekableFile(io.RawIOBase):
    """Position in a seekable file; subclasses implement reading, and are wrapped in a buffer."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self._size_bytes = size_bytes
        self._at = 0

    def readable(self) -> bool:
        """See `io.IOBase.readable`."""
        return True

    def seekable(self) -> bool:
        """See `io.IOBase.seekable`."""
        return True

    def tell(self) -> int:
        """See `io.IOBase.tell`."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """See `io.IOBase.seek`; a negative position raises `ValueError`, as for other files."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size_bytes}[whence]
        if start + offset < 0:
            raise ValueError("there is nothing before the first byte")
        self._at = start + offset
        return self._at
