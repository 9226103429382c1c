"""Order the parts of a split file by their names, and detect missing parts.

Splitting tools number the parts in decimal (`.001`, `part-00000`, `split -d`), hexadecimal (`split -x`) or letters
(`split`: `aa`, `ab` … `yz`, `zaaa`). An order that the names do not determine is never guessed: parts joined in the
wrong order produce values that are not in the original.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest_cli.errors import DamagedError, SourceError

_DIGITS = "0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALPHABETS = (_LETTERS, _LETTERS.upper(), "0123456789abcdef", "0123456789ABCDEF")
_MOST_LETTERS = 2  # default suffix length of `split`
_NUMBER = re.compile("([0-9]+)")
_LAST_WORD = re.compile("[0-9A-Za-z]+$")
_LAST_WORDS = re.compile(r"[^0-9A-Za-z].*$")
_PART = re.compile(
    r"\.(?:[0-9]{1,6}|aa?[a-z])$|(?:(?<=/)|^)xa[a-z]$|[ ._-]?part[ ._-]?[0-9]+(?:of[0-9]+)?(?:\.[a-z0-9]+)?$",
    re.IGNORECASE,
)
_LIST_THEM = "list the parts one by one in `sources`, in their order"


JOIN = "set `join = true` in [dataset] if these are parts of one file"
"""Advice for a file that ends in the middle of a structure and is followed by another file."""

OTHER_PARTS = (
    "By its name it is a part of a split file: name all parts in `sources`, and set `join = true` in [dataset]"
)
"""Advice for a file that ends in the middle of a structure and is read alone."""


TAIL_BYTES = 256
"""Number of bytes examined at the end of a source."""


@dataclass(frozen=True, slots=True)
class WholeEnd:
    """Check the end of a packed source's text where the next source may be its continuation.

    Attributes:
        after: first bytes of the next source.
        is_whole: returns whether the end of the text is complete.
    """

    after: str
    is_whole: Callable[[bytes], bool]

    def checked(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the same pieces of text.

        Raises:
            SourceError: the end is not complete.
        """
        tail = b""
        for piece in pieces:
            tail = (tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
            yield piece
        if tail and not self.is_whole(tail):
            raise SourceError(f'it ends in the middle of a line, and "{self.after}" follows it; {JOIN}')


def with_advice(error: SourceError, name: str) -> SourceError:
    """Return the same error naming its source, with advice if a part is damaged."""
    return DamagedError(error.what, OTHER_PARTS) if isinstance(error, DamagedError) and is_part(name) else error


def in_order(names: Sequence[str], *, is_begun: bool = False) -> list[int]:
    """Return the indexes of `names`, the parts of one file, in the order of the parts.

    Args:
        is_begun: whether other parts precede them.

    Raises:
        SourceError: the names do not determine the order, or a part between them is missing.
    """
    if len(names) < 2:  # noqa: PLR2004 - a single part is in order
        return list(range(len(names)))
    order = _by_numbers(names, is_begun=is_begun)
    if order is None:
        order = _by_words(names, is_begun=is_begun)
    if order is None:
        raise SourceError(
            f'the names of the parts, such as "{names[0]}" and "{names[1]}", do not determine their order; {_LIST_THEM}'
        )
    return order


def neighbours(names: Sequence[str]) -> list[int]:
    """Return the order as `in_order` does, or the given order if the names do not determine one."""
    try:
        return in_order(names)
    except SourceError:
        numbers = [[int(each) for each in _NUMBER.findall(name)] for name in names]
        if len({_NUMBER.sub("0", name) for name in names}) == 1:
            return sorted(range(len(names)), key=lambda at: numbers[at])
        return list(range(len(names)))


def is_part(name: str) -> bool:
    """Return whether the name is that of a part of a split file: `x.gz.001`, `x.csv.aa`, `x.part2`."""
    return _PART.search(name) is not None


def are_siblings(name: str, other: str) -> bool:
    """Return whether the names are those of parts of the same file."""
    return is_part(name) and is_part(other) and _PART.sub("", name) == _PART.sub("", other)


def _by_numbers(names: Sequence[str], *, is_begun: bool) -> list[int] | None:
    """Return the order of names that differ only in numbers, each number written in one way."""
    if len({_NUMBER.sub("0", name) for name in names}) > 1:
        return None
    written = [_NUMBER.findall(name) for name in names]
    numbers = [tuple(map(int, each)) for each in written]
    if len(set(numbers)) < len(numbers):
        return None
    order = sorted(range(len(names)), key=lambda at: numbers[at])
    differing = [at for at in range(len(numbers[0])) if len({each[at] for each in numbers}) > 1]
    if len(differing) == 1:  # otherwise they are in several folders, say, and the last part of each is unknown
        pieces, at = _NUMBER.split(names[0]), 2 * differing[0] + 1
        around = "".join(pieces[:at]), "".join(pieces[at + 1 :])
        counters = [written[place][differing[0]] for place in order]
        if int(counters[0]) > 1 and not is_begun:
            raise _missing(around, "1".zfill(len(counters[0])))
        for counter, after in pairwise(counters):
            if int(after) != int(counter) + 1 and after not in _successors(counter, _DIGITS):
                raise _missing(around, str(int(counter) + 1).zfill(len(counter)))
    return order


def _by_words(names: Sequence[str], *, is_begun: bool) -> list[int] | None:
    """Return the order of names that differ in their last word, before a common ending: `users_aa.csv`."""
    ending = _LAST_WORDS.search(_common_ending(names))
    after = ending[0] if ending else ""
    bare = [name[: len(name) - len(after)] for name in names]
    words = [found[0] if (found := _LAST_WORD.search(name)) else "" for name in bare]
    if len({name[: len(name) - len(word)] for name, word in zip(bare, words, strict=True)}) > 1:
        return None
    before = _common_beginning(bare)
    counters = [name[len(before) :] for name in bare]
    alphabet = next((each for each in _ALPHABETS if all(one and set(one) <= set(each) for one in counters)), None)
    if alphabet is None or all(one.isdigit() for one in counters):
        return None
    order = sorted(range(len(names)), key=lambda at: counters[at])
    first = counters[order[0]]
    if first != alphabet[0] * len(first) and not is_begun:
        if len(first) > _MOST_LETTERS:  # natural-language words, not counters
            return None
        raise _missing((before, after), alphabet[0] * len(first))
    for place, following in pairwise(order):
        if counters[following] not in (expected := _successors(counters[place], alphabet)):
            raise _missing((before, after), expected[0] if expected else alphabet[0] * (len(counters[place]) + 1))
    return order


def _common_ending(names: Sequence[str]) -> str:
    return _common_beginning([name[::-1] for name in names])[::-1]


def _common_beginning(names: Sequence[str]) -> str:
    """Return the common prefix of all names, without folders."""
    first, last = min(names), max(names)
    return first[: next((at for at, sign in enumerate(first) if sign != last[at : at + 1]), len(first))]


def _successors(counter: str, alphabet: str) -> tuple[str, ...]:
    """Return the possible successors: the next counter, or the longer one that `split` uses at the last prefix.

    For example `yz` → `zaaa` and `89` → `9000`: the parts stay in alphabetical order.
    """
    inner = counter.lstrip(alphabet[-1])
    digits = [alphabet.index(sign) for sign in inner]
    at = len(digits) - 1
    while at >= 0 and digits[at] == len(alphabet) - 1:
        digits[at] = 0
        at -= 1
    if at < 0:
        return ()
    digits[at] += 1
    one_more = counter[: len(counter) - len(inner)] + "".join(alphabet[digit] for digit in digits)
    if digits[0] < len(alphabet) - 1:
        return (one_more,)
    return one_more, counter[: len(counter) - len(inner)] + alphabet[-1] + alphabet[0] * (len(inner) + 1)


def _missing(around: tuple[str, str], counter: str) -> SourceError:
    before, after = around
    return SourceError(
        f'the part "{before}{counter}{after}" is missing; get it, or, if it does not exist, {_LIST_THEM}'
    )
