"""Masks: enough for the owner to recognize a value, too little for anyone else to use it.

A mask has one width per kind, whatever the value's length, and shows at most a fixed few characters. It is
replaced by stars alone where it would hide fewer than four of the value's letters and digits, or less than
60 % of them. Punctuation is not counted: hiding an `@` hides nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers.two_speed import bytes_of, count_before

STARS = "*" * 12
"""The mask that shows nothing."""

LEAST_HIDDEN = 4
LEAST_HIDDEN_PERCENT = 60

Counts = npt.NDArray[np.int64]


def alphanumeric_counts(values: pa.StringArray) -> Counts:
    """Count the ASCII letters and digits of each value: length n, no nulls, in; shape (n,) out."""
    offsets, data = bytes_of(values)
    # Below "0" and "a" a byte wraps around. 0x20 makes A to Z lower case, and makes no letter of anything else.
    is_alphanumeric = (data - np.uint8(ord("0")) < 10) | ((data | 0x20) - np.uint8(ord("a")) < 26)  # noqa: PLR2004
    counts: Counts = np.diff(offsets - count_before(~is_alphanumeric, offsets))
    return counts


def stars_unless_hidden(masks: pa.StringArray, total: Counts, shown: Counts | int) -> pa.StringArray:
    """Replace by stars alone every mask that would hide too little.

    Args:
        masks: length n, no nulls.
        total: shape (n,): letters and digits of each value.
        shown: shape (n,), or one number for all: how many of them its mask shows.
    """
    hidden = total - shown
    enough = (hidden >= LEAST_HIDDEN) & (hidden * 100 >= total * LEAST_HIDDEN_PERCENT)
    return masks if enough.all() else pc.if_else(pa.array(enough), masks, STARS)


def last_two(values: pa.StringArray) -> pa.StringArray:
    """Mask ids: ten stars and the last two characters. `values`: length n, letters and digits only."""
    masks = pc.binary_join_element_wise("*" * 10, pc.utf8_slice_codeunits(values, -2), "")
    return stars_unless_hidden(masks, pc.binary_length(values).to_numpy().astype(np.int64), 2)


def first_letter(values: pa.StringArray) -> pa.StringArray:
    """Give the first character of each value, a star for one that is no ASCII letter or digit."""
    first = pc.utf8_slice_codeunits(values, 0, 1)
    return pc.if_else(pc.and_(pc.string_is_ascii(first), pc.ascii_is_alnum(first)), first, "*")
