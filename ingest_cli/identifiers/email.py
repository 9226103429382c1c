"""E-mail addresses: lower case, the domain as DNS has it.

An address is a dot-atom, `@` and a domain name of at least two labels (RFC 5322 section 3.4.1, RFC 5321
section 4.1.2), at most 64 + 1 + 189 characters (RFC 5321 section 4.5.3.1). Quoted local parts and address
literals, which no site lets anyone register, are not addresses here. A domain in another script is written
in ASCII as UTS #46 and IDNA 2008 do (`idna`). Local parts are lower-cased although RFC 5321 lets a host tell
`A` from `a`: no host that mattered does, and a person types either.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import idna
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import masks, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.two_speed import CellResult, Decided, complete, decided, truth

REASONS = ("not_an_address", "non_ascii_local")

LONGEST_LOCAL = 64
"""Octets before the `@`: RFC 5321 section 4.5.3.1.1."""
LONGEST_ADDRESS = 254
"""Octets: a path has 256 (RFC 5321 section 4.5.3.1.3), `<` and `>` among them (RFC 3696 erratum 1690)."""

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
# Labels by RFC 1035 section 2.3.1 and RFC 1123 section 2.1; the last one alphabetic or an A-label (RFC 3696
# section 2), which keeps 127.0.0.1 out.
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{1,63}|xn--[a-z0-9-]{0,58}[a-z0-9])")
# What the kernels decide: ordinary characters only, and so short that no part can be too long.
_COMMON = r"^[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]+$"
# An address copied from a mail or a web page, with one thing around it.
_WRAPPED = r"^(?:<([^<>@]+@[a-z0-9.-]+)>|mailto:([^<>@]+@[a-z0-9.-]+))$"

_MAILTO = re.compile(r"mailto:([^?\s<>;|]*)(?:\?[^\s>]*)?", re.IGNORECASE)  # RFC 6068
_BRACKETED = re.compile(r"<([^<>]*)>")
_SEPARATORS = re.compile(r"[\s;,/|<>]+")
# Quotes, and what an editor leaves invisibly around a pasted address.
_WRAPPING = "'\" \t\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

_GMAIL = ("gmail.com", "googlemail.com")


def _address(text: str) -> tuple[str | None, str]:
    """Give the address that `text` is, or why it is none."""
    local, at, domain = text.strip(_WRAPPING).rpartition("@")
    if not at or len(domain) > LONGEST_ADDRESS:
        return None, "not_an_address"
    if not local.isascii() and "@" not in local:
        return None, "non_ascii_local"
    local, domain = local.lower(), domain.lower()
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


_BETWEEN = frozenset({"or", "and", "atau", "dan", "&"})


def _candidates(text: str) -> list[str]:
    """Split a cell that is not one plain address into what may be addresses.

    Words outside `<>` are somebody's name where `<>` holds an address. Where it does not, a cell is split only if
    each of its words may be one: the last word of `ahmad ali@example.com` is not the address of anybody here.
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
    """Give every address of a cell, by the careful rule."""
    if len(text) > spreadsheet.LONGEST_CELL:
        return CellResult(reasons=("not_an_address",))
    whole, _ = _address(text)  # first: / and | separate addresses, but may also stand in one
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
    text = pc.ascii_lower(cells)
    if pc.any(pc.match_substring_regex(text, _WRAPPED)).as_py():
        text = pc.replace_substring_regex(text, _WRAPPED, r"\1\2")
    taken = truth(pc.match_substring_regex(text, _COMMON))
    taken &= truth(pc.less_equal(pc.binary_length(text), LONGEST_LOCAL))
    return decided(text, taken, 0)


def email_base(values: pa.StringArray) -> pa.StringArray:
    """Give the mailbox behind each address: what it was before somebody added a tag to it.

    `+tag` is removed (RFC 5233 calls it the detail). For gmail.com and googlemail.com, which deliver to one
    mailbox whatever the dots (Gmail Help, "Dots don't matter in Gmail addresses"), dots are removed and the
    domain is gmail.com.

    Args:
        values: length n, no nulls: canonical addresses.

    Returns:
        Length n; null where the mailbox is the address itself, or where nothing is left of its local part.
    """
    # What is left must be a dot-atom: not empty, and not ending in a dot.
    base = values
    if pc.any(pc.match_substring(values, "+")).as_py():
        tag = r"^([^+@]*[^+@.])\+[^@]*@"
        base = pc.replace_substring_regex(values, tag, r"\1@", max_replacements=1)
    for domain in _GMAIL:
        at_gmail = pc.ends_with(base, f"@{domain}")
        if pc.any(at_gmail).as_py():
            local = pc.utf8_slice_codeunits(base.filter(at_gmail), 0, -len(domain) - 1)
            mailbox = pc.binary_join_element_wise(pc.replace_substring(local, ".", ""), _GMAIL[0], "@")
            base = pc.replace_with_mask(base, at_gmail, mailbox)
    return pc.if_else(pc.equal(base, values), pa.scalar(None, pa.string()), base)


class Email:
    """The kind `email`."""

    kind: str = "email"
    labels: tuple[str, ...] = ("email",)
    reasons: tuple[str, ...] = REASONS
    exposes: str = "Email addresses"
    lookup: bool = True

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:  # noqa: ARG002 - addresses have none
        """Bring `cells` to `local@domain`; a cell that holds several addresses yields each once."""
        return complete(cells, _decide(cells), canonical_emails)

    def mask(self, values: pa.StringArray) -> pa.StringArray:
        """First letter of the local part, first letter of the domain, and the top-level domain."""
        halves = pc.split_pattern(values, "@")
        at_end = pc.split_pattern(values, ".", max_splits=1, reverse=True)
        local, domain = (masks.first_letter(pc.list_element(halves, half)) for half in (0, 1))
        top, shown_of_top = _printable(pc.list_element(at_end, 1))
        mask = pc.binary_join_element_wise(local, "***@", domain, "***.", top, "")
        shown = masks.alphanumeric_counts(local) + masks.alphanumeric_counts(domain) + shown_of_top
        return masks.stars_unless_hidden(mask, masks.alphanumeric_counts(values), shown)


def _printable(top: pa.StringArray) -> tuple[pa.StringArray, masks.Counts]:
    """Star top-level domains in another script, whose A-label has a hyphen; and count what is shown."""
    top = pc.if_else(pc.ascii_is_alpha(top), top, "***")
    return top, masks.alphanumeric_counts(top)
