"""E-mail addresses: lower case, with the domain in its DNS form.

An address is a dot-atom, `@` and a domain name of at least two labels (RFC 5322 section 3.4.1, RFC 5321
section 4.1.2), at most 64 + 1 + 189 characters (RFC 5321 section 4.5.3.1). Quoted local parts and address
literals, which sites do not accept, are not addresses here. A domain in another script is converted to ASCII
by UTS #46 and IDNA 2008 (`idna`). Local parts are lower-cased although RFC 5321 lets a host distinguish `A` from
`a`: no relevant host does, and users type either.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

import idna
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import masks, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized, IndexArray
from ingest_cli.identifiers.lists import BROKEN_LIST
from ingest_cli.identifiers.two_speed import CellResult, Decided, decided, of_unwrapped, truth
from ingest_cli.identifiers.wrapping import JOINERS, unwrapped
from ingest_cli.model.arrow_bytes import BoolArray, Bytes, Positions, bytes_of, count_before, gathered, text

REASONS = ("not_an_address", "non_ascii_local", BROKEN_LIST)

LONGEST_LOCAL = 64
"""Octets before the `@`: RFC 5321 section 4.5.3.1.1."""
LONGEST_ADDRESS = 254
"""Octets: a path has 256 (RFC 5321 section 4.5.3.1.3), including `<` and `>` (RFC 3696 erratum 1690)."""

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
# The standard allows a leading "{"; in a dump it is a fragment of a list.
_LOCAL = re.compile(rf"(?!\{{){_ATOM}(?:\.{_ATOM})*")
# Labels by RFC 1035 section 2.3.1 and RFC 1123 section 2.1; the last one alphabetic or an A-label (RFC 3696
# section 2), which excludes 127.0.0.1.
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{1,63}|xn--[a-z0-9-]{0,58}[a-z0-9])")
# Accepted by the kernels: ordinary characters only, and so short that no part can be too long.
_COMMON = r"^[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]+$"
# An address copied from a mail or a web page, in one pair of delimiters.
_WRAPPED = r"^(?:<([^<>@]+@[a-z0-9.-]+)>|mailto:([^<>@]+@[a-z0-9.-]+))$"

_MAILTO = re.compile(r"mailto:([^?\s<>;|]*)(?:\?[^\s>]*)?", re.IGNORECASE)  # RFC 6068
_BRACKETED = re.compile(r"<([^<>]*)>")
_SEPARATORS = re.compile(r"[\s;,/|<>]+")
_WRAPPING = f"'\" \t{JOINERS}"
_JOINERS = dict.fromkeys(map(ord, JOINERS))

_GMAIL = ("gmail.com", "googlemail.com")  # the second contains the first: deleting letters suffices
_AT, _DOT, _PLUS, _HYPHEN = b"@.+-"
_WRAPPERS = np.frombuffer(b"<:", np.uint8)
"""Characters that occur only around an address."""


def _address(text: str) -> tuple[str | None, str]:
    """Return the address in `text`, or the reason for its absence."""
    local, at, domain = text.strip(_WRAPPING).rpartition("@")
    if not at or len(domain) > LONGEST_ADDRESS:
        return None, "not_an_address"
    local = _without_joiners(local)
    if not local.isascii() and "@" not in local:
        return None, "non_ascii_local"
    local, domain = local.lower(), domain.lower()
    if not domain.isascii():
        bare = _without_joiners(domain)
        domain = bare if bare.isascii() else domain
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except UnicodeError:  # idna.IDNAError is one
            return None, "not_an_address"
    is_address = (
        _LOCAL.fullmatch(local)
        and _DOMAIN.fullmatch(domain)
        and len(local) <= LONGEST_LOCAL
        and len(local) + 1 + len(domain) <= LONGEST_ADDRESS
    )
    return (f"{local}@{domain}", "") if is_address else (None, "not_an_address")


def _without_joiners(text: str) -> str:
    return text if text.isascii() else text.translate(_JOINERS)


_BETWEEN = frozenset({"or", "and", "atau", "dan", "&"})


def _candidates(text: str) -> list[str]:
    """Split a cell that is not one plain address into candidate addresses.

    Words outside `<>` are a display name if `<>` holds an address. Otherwise a cell is split only if every word
    may be an address: the last word of `ahmad ali@example.com` is not one.
    """
    text = _MAILTO.sub(lambda link: f" {unquote(link[1])} ", text)
    bracketed = [content for content in _BRACKETED.findall(text) if "@" in content]
    outside = _SEPARATORS.split(_BRACKETED.sub(" ", text) if bracketed else text)
    words = [word for word in outside if word.strip(_WRAPPING)]
    if bracketed:
        inside = [word for content in bracketed for word in _SEPARATORS.split(content) if word]
        return inside + [word for word in words if "@" in word]
    words = [word for word in words if word.casefold() not in _BETWEEN]
    return words if words and all("@" in word for word in words) else [text]


def canonical_emails(text: str) -> CellResult:
    """Return every address of a cell, by the careful rule."""
    if len(text) > spreadsheet.LONGEST_CELL:
        return CellResult(reasons=("not_an_address",))
    whole, _ = _address(text)  # first: / and | separate addresses, but may also occur in one
    if whole is not None:
        return CellResult(values=((whole, 0),))
    values: dict[str, None] = {}
    reasons: list[str] = []
    for candidate in _candidates(text):
        address, reason = _address(candidate)
        if address is None:
            reasons.append(reason)
        else:
            values[address] = None
    return CellResult(tuple((value, 0) for value in values), tuple(reasons))


def _decide(cells: pa.StringArray) -> Decided:
    lower = pc.ascii_lower(cells)
    _, data = bytes_of(lower)
    if np.isin(data, _WRAPPERS).any():
        wrapped = pc.match_substring_regex(lower, _WRAPPED)
        bare = pc.replace_substring_regex(lower.filter(wrapped), _WRAPPED, r"\1\2")
        lower = pc.replace_with_mask(lower, wrapped, bare)
    taken = truth(pc.match_substring_regex(lower, _COMMON))
    taken &= truth(pc.less_equal(pc.binary_length(lower), LONGEST_LOCAL))
    return decided(lower, taken, 0)


def email_base(values: pa.StringArray) -> pa.StringArray:
    """Return the mailbox behind each address, i.e. without its tag.

    `+tag` is removed (RFC 5233 calls it the detail). For gmail.com and googlemail.com, which deliver to one
    mailbox regardless of dots (Gmail Help, "Dots don't matter in Gmail addresses"), dots are removed and the
    domain is gmail.com.

    Args:
        values: length n, no nulls: canonical addresses.

    Returns:
        Length n; null if the mailbox is the address itself, or its local part would be empty.
    """
    offsets, data = bytes_of(values)
    at = np.flatnonzero(data == _AT)
    deleted = np.zeros(len(data), np.bool_)
    _mark_tags(deleted, offsets, data, at)
    _mark_gmail(deleted, offsets, data, at)
    changed = np.zeros(len(values), np.bool_)
    changed[np.searchsorted(offsets, np.flatnonzero(deleted), side="right") - 1] = True
    return text(offsets - count_before(deleted, offsets), data[~deleted], valid=changed)


def _mark_tags(deleted: BoolArray, offsets: IndexArray, data: Bytes, at: Positions) -> None:
    """Mark `+tag`; the rest must be a dot-atom: not empty, and not ending in a dot."""
    plus = np.flatnonzero(data == _PLUS)  # never in a domain
    if not len(plus):
        return
    row = np.searchsorted(at, plus)
    first = np.diff(row, prepend=-1) > 0
    plus, row = plus[first], row[first]
    whole = (plus > offsets[row]) & (data[plus - 1] != _DOT)
    plus, length = plus[whole], (at[row] - plus)[whole]
    deleted[np.arange(length.sum()) + np.repeat(plus - np.cumsum(length) + length, length)] = True


def _mark_gmail(deleted: BoolArray, offsets: IndexArray, data: Bytes, at: Positions) -> None:
    """Mark the dots of local parts at Gmail, and the letters that googlemail.com has in addition to gmail.com."""
    domain_bytes = offsets[1:] - at - 1
    for domain in _GMAIL:
        rows = np.flatnonzero((domain_bytes == len(domain)) & (data[at + 1] == ord(domain[0])))
        rows = rows[(gathered(data, at[rows] + 1, len(domain)) == np.frombuffer(domain.encode(), np.uint8)).all(axis=1)]
        length = at[rows] - offsets[rows]
        local = np.arange(length.sum()) + np.repeat(offsets[rows] - np.cumsum(length) + length, length)
        deleted[local] |= data[local] == _DOT
        if domain != _GMAIL[0]:
            deleted[at[rows, np.newaxis] + 2 + np.arange(len(domain) - len(_GMAIL[0]))] = True


class Email:
    """Kind `email`."""

    kind: str = "email"
    labels: tuple[str, ...] = ("email",)
    reasons: tuple[str, ...] = REASONS

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:  # noqa: ARG002 - addresses have none
        """Convert `cells` to `local@domain`; a cell with several addresses yields each once."""
        return of_unwrapped(unwrapped(cells, keeps_joiners=True), _decide, canonical_emails)

    def mask(self, values: pa.StringArray) -> pa.DictionaryArray:
        """Return masks of the first letter of the local part, that of the domain, and the top-level domain."""
        offsets, data = bytes_of(values)
        dots, ends = np.flatnonzero(data == _DOT), offsets[1:]
        top_bytes = ends - dots[np.searchsorted(dots, ends) - 1] - 1
        # Inputs of a mask, in rows of bytes: whether it hides enough, two letters, the top-level domain.
        width = int(top_bytes.max(initial=0))
        seen = np.zeros((len(values), 3 + width), np.uint8)
        top = gathered(data, np.maximum(ends - width, 0), width)  # no address is shorter than its last label
        seen[:, 3:] = top * (np.arange(width, 0, -1) <= top_bytes[:, np.newaxis])
        seen[:, 1], seen[:, 2] = data[offsets[:-1]], data[np.flatnonzero(data == _AT) + 1]
        letters = masks.is_alphanumeric(seen[:, 1:3]).sum(axis=1)
        shown = letters + top_bytes * ~(seen[:, 3:] == _HYPHEN).any(axis=1)
        seen[:, 0] = masks.is_hidden(masks.alphanumeric_counts(values), shown)
        return masks.of_few(seen, _mask)


@lru_cache(maxsize=masks.MOST_REMEMBERED)
def _mask(seen: bytes) -> str:
    if not seen[0]:
        return masks.STARS
    local, domain = (chr(letter) if chr(letter).isalnum() else "*" for letter in seen[1:3])
    top = seen[3:].lstrip(b"\0").decode()
    # A top-level domain in another script is an A-label, which has a hyphen.
    return f"{local}***@{domain}***.{top if top.isalpha() else '***'}"
