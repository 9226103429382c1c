"""What a correct load of a dump must leave in the table: the slow, plain reference.

Nothing in here imports the program under test. The keyed hash is `hmac` from the standard library,
called once a value; masks and labels are written out letter by letter. It is meant to be compared with
the specification by reading, and with the program by running both.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict

Identifier = tuple[str, str]
"""(class, canonical form); the class is the namespace of the keyed hash."""

Outcome = Literal["kept", "rejected", "skipped"]

LOOKUP = frozenset({"id", "phone", "email", "username"})
"""Kinds that become items of their own unless a manifest says otherwise."""

CANON_VERSION = 1

DATA_CLASSES: list[str] = json.loads(Path(__file__).with_name("data_classes.json").read_text("utf-8"))["classes"]
"""Data classes with a number, which is the position here, from 1."""


@dataclass(frozen=True, slots=True)
class RowTruth:
    """What must become of one written row.

    Attributes:
        row, line: where it begins in its file, from 1; a header is a line but not a row.
        outcome: kept, rejected or skipped.
        reason: why, or None for a kept row.
        identifiers: sorted, unique; of every kind, but without the derived `email_base`.
        classes: sorted data classes exposed.
        refused: (kind, reason) of each identifier that was refused, in a kept or a rejected row.
    """

    row: int
    line: int
    outcome: Outcome
    reason: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    classes: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


class Item(TypedDict):
    """One item of the table as plain values, with its content in clear and sealed (base64)."""

    pk: str
    sk: str
    label: str
    classes: list[str]
    hints: dict[str, list[str]]
    sealed: str
    src: str
    canon: int


@dataclass(frozen=True, slots=True)
class Reference:
    """Builds the items of one dataset.

    Attributes:
        pepper: the secret, at least 32 bytes.
        kid: its id.
        dataset: id of the dataset.
        src: first 8 hex digits of the fingerprint of the dataset's sources.
        lookup: kinds that become items.
    """

    pepper: bytes
    kid: str
    dataset: str
    src: str
    lookup: frozenset[str] = LOOKUP

    def items(self, truth: RowTruth) -> list[Item]:
        """The items of one row, one for each distinct identifier; none unless the row is kept."""
        if truth.outcome != "kept":
            return []
        return [self._item(own, truth) for own in own_identifiers(truth, self.lookup)]

    def table(self, truths: Iterable[RowTruth]) -> dict[tuple[str, str], Item]:
        """The whole table by (pk, sk).

        Raises:
            ValueError: two rows give the same key with different content.
        """
        table: dict[tuple[str, str], Item] = {}
        for truth in truths:
            for item in self.items(truth):
                if table.setdefault((item["pk"], item["sk"]), item) != item:
                    raise ValueError(f"one key, two contents: {item['pk']} {item['sk']}")
        return table

    def subkey(self, kind: str) -> bytes:
        """The key of one class: NIST SP 800-108 in counter mode, one block of HMAC-SHA256."""
        return _subkey(self.pepper, self.kid, kind)

    def pk(self, own: Identifier) -> str:
        """Partition key of the items of an identifier."""
        kind, canonical = own
        return f"{self.kid}.{_base64url(_hmac(self.subkey(kind), canonical.encode()))}"

    def sk(self, own: Identifier, truth: RowTruth) -> str:
        """Sort key of the item of an identifier found in a row."""
        message = _joined(own) + b"\x02" + record_bytes(truth)
        return f"{self.dataset}#{_base64url(_hmac(self.subkey('record'), message)[:12])}"

    def _item(self, own: Identifier, truth: RowTruth) -> Item:
        named, classes, masks = label(own), sorted(set(truth.classes)), hints(own, truth)
        sk = self.sk(own, truth)
        return {
            "pk": self.pk(own),
            "sk": sk,
            "label": named,
            "classes": classes,
            "hints": masks,
            "sealed": base64.b64encode(seal(self.seal_key(own, sk), plaintext(named, classes, masks))).decode(),
            "src": self.src,
            "canon": CANON_VERSION,
        }

    def opened(
        self, item: Mapping[str, Mapping[str, str]], owners: Iterable[Identifier]
    ) -> tuple[str, list[str], dict[str, list[str]]]:
        """Label, data classes and hints of an item as DynamoDB stores it, which belongs to one of the `owners`."""
        own = next(one for one in owners if self.pk(one) == item["pk"]["S"])
        return unseal(self.seal_key(own, item["sk"]["S"]), base64.b64decode(item["sealed"]["B"]))

    def seal_key(self, own: Identifier, sk: str) -> bytes:
        """The key of the seal of one item."""
        kind, canonical = own
        return _hmac(self.subkey(f"seal:{kind}"), canonical.encode() + b"\x00" + sk.encode())


@cache
def _subkey(pepper: bytes, kid: str, kind: str) -> bytes:
    context = b"ingest-cli:v1:" + kind.encode() + b"\x00" + kid.encode()
    return _hmac(pepper, b"\x00\x00\x00\x01" + context + b"\x00\x00\x01\x00")


@dataclass
class Tally:
    """The counts a load of some rows must report.

    With `distinct=False` it needs no memory that grows with the rows.
    """

    lookup: frozenset[str] = LOOKUP
    distinct: bool = True
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: {"rejected": Counter(), "skipped": Counter()})
    built: int = 0
    _keys: set[tuple[Identifier, bytes]] = field(default_factory=set)

    def add(self, truth: RowTruth) -> None:
        """Count one row."""
        self.outcomes[truth.outcome] += 1
        if truth.outcome != "kept":
            self.reasons[truth.outcome][str(truth.reason)] += 1
            return
        own = own_identifiers(truth, self.lookup)
        self.built += len(own)
        if self.distinct:
            record = record_bytes(truth)
            self._keys.update((identifier, record) for identifier in own)

    def expected(self) -> dict[str, object]:
        """Rows read, kept, rejected and skipped, items before and after merging, as JSON values."""
        items = {"built": self.built}
        if self.distinct:
            items["distinct"] = len(self._keys)
        return {
            "rows": {
                "read": self.outcomes.total(),
                **{outcome: self.outcomes[outcome] for outcome in ("kept", "rejected", "skipped")},
            },
            "rejected_by_reason": dict(sorted(self.reasons["rejected"].items())),
            "skipped_by_reason": dict(sorted(self.reasons["skipped"].items())),
            "items": items,
        }


def own_identifiers(truth: RowTruth, lookup: frozenset[str] = LOOKUP) -> list[Identifier]:
    """The identifiers of a row that become items: those looked up, and the e-mail base addresses."""
    own = {identifier for identifier in truth.identifiers if identifier[0] in lookup}
    if "email" in lookup:
        own |= {
            ("email_base", email_base(canonical))
            for kind, canonical in truth.identifiers
            if kind == "email" and email_base(canonical) != canonical
        }
    return sorted(own)


def email_base(canonical: str) -> str:
    """The address without its +tag and, at Google, without dots and with one domain."""
    local, _, domain = canonical.rpartition("@")
    local = local.split("+", 1)[0]
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def record_bytes(truth: RowTruth) -> bytes:
    """The identifiers and data classes of a row, in the form that the record tag is made from."""
    found = b"".join(_joined(identifier) for identifier in sorted(set(truth.identifiers)))
    return found + b"\x01" + b"".join(name.encode() + b"\x00" for name in sorted(set(truth.classes)))


def hints(own: Identifier, truth: RowTruth) -> dict[str, list[str]]:
    """Masks of the other identifiers of a row, by class.

    "Other" leaves out the identifier itself and, for a base address, the addresses it is the base of.
    """
    others: dict[str, set[str]] = {}
    for kind, canonical in truth.identifiers:
        is_own = (kind, canonical) == own
        is_source = own[0] == "email_base" and kind == "email" and email_base(canonical) == own[1]
        if not is_own and not is_source:
            others.setdefault(kind, set()).add(mask(kind, canonical))
    return {kind: sorted(masks) for kind, masks in sorted(others.items())}


def as_dynamodb_json(item: Item) -> dict[str, object]:
    """The item with DynamoDB's type descriptors."""
    typed: dict[str, object] = {name: {"S": item[name]} for name in ("pk", "sk", "src")}
    return {**typed, "sealed": {"B": item["sealed"]}, "canon": {"N": str(item["canon"])}}


def plaintext(named: str, classes: list[str], masks: dict[str, list[str]]) -> bytes:
    """What is sealed: label, data classes and hints as JSON, filled up with spaces."""
    numbers = sorted(DATA_CLASSES.index(name) + 1 for name in classes if name in DATA_CLASSES)
    others = sorted(name for name in classes if name not in DATA_CLASSES)
    content = [named, [*numbers, *others], masks]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    size = next(size for size in (32, 64, 96, *(2**power for power in range(7, 40))) if size >= len(text))
    return text.ljust(size)


def seal(key: bytes, text: bytes) -> bytes:
    """The text encrypted under the key of its item, behind what authenticates it."""
    first = _hmac(key, b"\x00" + text)[:16]
    stream = b"".join(_hmac(key, b"\x01" + first + part.to_bytes(4, "big")) for part in range(len(text) // 32))
    return first + bytes(one ^ other for one, other in zip(text, stream, strict=True))


def unseal(key: bytes, sealed: bytes) -> tuple[str, list[str], dict[str, list[str]]]:
    """Label, data classes and hints of a seal.

    Raises:
        ValueError: it is not one under this key.
    """
    first, encrypted = sealed[:16], sealed[16:]
    stream = b"".join(_hmac(key, b"\x01" + first + part.to_bytes(4, "big")) for part in range(len(encrypted) // 32))
    text = bytes(one ^ other for one, other in zip(encrypted, stream, strict=True))
    if _hmac(key, b"\x00" + text)[:16] != first:
        raise ValueError("the seal is broken")
    named, classes, masks = json.loads(text)
    return named, sorted(DATA_CLASSES[one - 1] if isinstance(one, int) else one for one in classes), masks


STARS_ONLY = "*" * 12
"""The mask of a value of which too little would be hidden."""


def mask(kind: str, canonical: str) -> str:
    """What the owner of another identifier may be shown of this one."""
    if kind == "email":
        return _email_mask(canonical)
    if kind == "phone":
        code = country_code(canonical)
        return _unless_bare(f"+{code}*******{canonical[-2:]}", canonical, len(code) + 2)
    if kind == "username":
        first = canonical[0]
        return _unless_bare((first if first.isalnum() else "*") + "*" * 11, canonical, int(first.isalnum()))
    return _unless_bare("*" * 10 + canonical[-2:], canonical, 2)


# ITU-T E.164 assigns country codes so that none begins another: two of one digit, these of two, the
# rest of three.
_TWO_DIGIT_CODES = frozenset(
    str(code)
    for codes in (
        (20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59)),
        (*range(60, 67), 81, 82, 84, 86, *range(90, 96), 98),
    )
    for code in codes
)


def country_code(canonical: str) -> str:
    """The country code of an E.164 number with its plus sign."""
    digits = canonical.removeprefix("+")
    if digits[0] in "17":
        return digits[0]
    return digits[:2] if digits[:2] in _TWO_DIGIT_CODES else digits[:3]


def _email_mask(canonical: str) -> str:
    local, _, domain = canonical.rpartition("@")
    last = domain.rpartition(".")[2]
    firsts = [first if first.isalnum() else "*" for first in (local[0], domain[0])]
    shown = sum(first != "*" for first in firsts) + _alphanumerics(last)
    return _unless_bare(f"{firsts[0]}***@{firsts[1]}***.{last}", canonical, shown)


def _unless_bare(masked: str, canonical: str, shown: int) -> str:
    """`masked`, or stars if fewer than 4 or less than 60 % of the letters and digits were hidden."""
    total = _alphanumerics(canonical)
    hidden = total - shown
    return STARS_ONLY if hidden < 4 or 10 * hidden < 6 * total else masked


def _alphanumerics(text: str) -> int:
    return sum(map(str.isalnum, text))


# Birthplace codes the National Registration Department of Malaysia has assigned, as python-stdnum lists them.
_BIRTHPLACES = frozenset(
    f"{code:02d}" for code in (*range(1, 17), *range(21, 69), 71, 72, *range(74, 80), *range(82, 94), 98, 99)
)


def label(own: Identifier) -> str:
    """The fine label of an identifier, from its canonical form alone.

    Complete for what `people` makes; passports are Malaysian (a letter for the place of issue, 8 digits).
    """
    kind, canonical = own
    if kind != "id":
        return kind
    if re.fullmatch(r"[0-9]{12}", canonical):
        return "mykad" if _is_mykad(canonical) else "other_id"
    if re.fullmatch(r"[AHK][0-9]{8}", canonical):
        return "passport"
    return "old_ic" if re.fullmatch(r"[0-9]{7}", canonical) else "other_id"


def loosened(truth: RowTruth) -> RowTruth:
    """What must become of a row that is read by a rule of the manifest, and whose checked identifiers are all valid.

    It has no user name, and of ids only identity card numbers of today.
    """
    if truth.outcome != "kept":
        return truth
    identifiers = tuple(
        own for own in truth.identifiers if own[0] != "username" and (own[0] != "id" or label(own) == "mykad")
    )
    if any(kind in LOOKUP for kind, _ in identifiers):
        return replace(truth, identifiers=identifiers)
    return replace(truth, outcome="rejected", reason="misaligned", identifiers=identifiers)


def _is_mykad(digits: str) -> bool:
    year, month, day = int(digits[:2]), int(digits[2:4]), int(digits[4:6])
    return digits[6:8] in _BIRTHPLACES and any(_is_date(century + year, month, day) for century in (1900, 2000))


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _joined(identifier: Identifier) -> bytes:
    kind, canonical = identifier
    return kind.encode() + b"\x00" + canonical.encode() + b"\x00"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
