"""Mask values so that only their owner recognises them.

A mask has a fixed width per kind and shows at most a few characters. It is replaced by stars alone if it would hide
fewer than four of the value's letters and digits, or less than 60 % of them. Punctuation is not counted: hiding an `@`
hides nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.model.arrow_bytes import BoolArray, Bytes, bytes_of, count_before, encoded, gathered

STARS = "*" * 12
"""Mask that shows nothing."""

MOST_REMEMBERED = 4096
"""Maximum number of cached masks of a kind."""

LEAST_HIDDEN = 4
LEAST_HIDDEN_PERCENT = 60

Counts = npt.NDArray[np.int64]


def alphanumeric_counts(values: pa.StringArray) -> Counts:
    """Count the ASCII letters and digits of each value: length n, no nulls, in; shape (n,) out."""
    offsets, data = bytes_of(values)
    counts: Counts = np.diff(offsets - count_before(~is_alphanumeric(data), offsets))
    return counts


def is_alphanumeric(data: Bytes) -> BoolArray:
    """Return whether each byte is an ASCII letter or digit; shape of `data`."""
    # Below "0" and "a" a byte wraps around. 0x20 lower-cases A to Z, and turns nothing else into a letter.
    return (data - np.uint8(ord("0")) < 10) | ((data | 0x20) - np.uint8(ord("a")) < 26)  # noqa: PLR2004


def stars_unless_hidden(masks: pa.StringArray, total: Counts, shown: Counts | int) -> pa.StringArray:
    """Replace every mask that would hide too little by stars alone.

    Args:
        masks: length n, no nulls.
        total: shape (n,): number of letters and digits of each value.
        shown: shape (n,), or one number for all: number of them shown by the mask.
    """
    enough = is_hidden(total, shown)
    return masks if enough.all() else pc.if_else(pa.array(enough), masks, STARS)


def last_two(values: pa.StringArray) -> pa.DictionaryArray:
    """Mask ids: ten stars and the last two characters. `values`: length n, letters and digits only."""
    offsets, data = bytes_of(values)
    endings = gathered(data, offsets[1:] - 2, 2).view(np.uint16).ravel()
    length = np.diff(offsets).astype(np.int64)
    return of_few(endings * is_hidden(length, 2), _stars_and_two)


@lru_cache(maxsize=MOST_REMEMBERED)
def _stars_and_two(ending: int) -> str:
    return STARS[:-2] + int(ending).to_bytes(2, sys.byteorder).decode() if ending else STARS


def of_few(seen: npt.NDArray[np.integer], mask: Callable[[Any], str]) -> pa.DictionaryArray:
    """Build the masks of n values with few distinct mask inputs; the dictionary has no duplicates.

    Args:
        seen: shape (n,) or, of bytes, (n, width): input of each mask.
        mask: builds a mask from its input, a number or bytes.
    """
    if seen.ndim == 1:
        rows = pa.array(seen)
    else:
        rows = pa.FixedSizeBinaryArray.from_buffers(pa.binary(seen.shape[1]), len(seen), [None, pa.py_buffer(seen)])
    which, distinct = encoded(rows)
    place, texts = encoded(pa.array(map(mask, distinct.to_pylist()), pa.string()))  # several may be equal
    return pa.DictionaryArray.from_arrays(place[which], texts)


def is_hidden(total: Counts, shown: Counts | int) -> npt.NDArray[np.bool_]:
    """Return whether a mask hides enough: shape (n,), as for `stars_unless_hidden`."""
    hidden = total - shown
    return (hidden >= LEAST_HIDDEN) & (hidden * 100 >= total * LEAST_HIDDEN_PERCENT)


def first_letter(values: pa.StringArray) -> pa.StringArray:
    """Return the first character of each value, or a star if it is no ASCII letter or digit."""
    first = pc.utf8_slice_codeunits(values, 0, 1)
    return pc.if_else(pc.and_(pc.string_is_ascii(first), pc.ascii_is_alnum(first)), first, "*")
