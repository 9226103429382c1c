"""MACs of data that a later run trusts: reserved rows of the table, and state files.

Write access to the table or to a folder must not suffice to decide what a load considers done or a prune stale: that
requires the pepper. The key is `subkey("state")` of the pepper. The MAC of a row is HMAC-SHA256 over

    pk 00 sk 00 canonical

where `canonical` is the JSON of its other attributes but `mac` itself, in DynamoDB's typed form, as UTF-8 with sorted
keys and without spaces; numbers normalized, since DynamoDB returns them in another spelling than it received; sets
sorted; bytes in base64. That of a file is over its name, 00, and its bytes. Both name the key id (`kid`), in a row as
an attribute that the MAC covers. A row also names the table it was written to (`table`): a row copied from another
table, or restored with a backup into a new one, is recognized by it.

An earlier version of a row, restored, is authentic; deletion and rollback are not detected.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ingest_cli.errors import UntrustedStateError

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper

MAC, KID, TABLE = "mac", "kid", "table"

MAX_NESTING = 32
"""Levels of lists and maps that DynamoDB allows in an item (Developer Guide, "Service, account, and table quotas")."""

_KEYS = ("pk", "sk")
_KID = re.compile(r"[a-z0-9]{1,8}")
_MAX_NUMBER_CHARACTERS = 200  # 38 digits, an exponent down to -130, and the rest of its spelling
_FILE_HEAD = re.compile(rb"ingest-cli state ([a-z0-9]{1,8}) ([0-9a-f]{64})\n")
_MAX_HEAD_BYTES = 128


@dataclass(frozen=True, slots=True)
class StateKey:
    """Authentication key of rows and state files.

    Attributes:
        table: identity of the table whose rows it signs and accepts; None: rows of any table are accepted, for display
            only.
    """

    kid: str
    _secret: bytes = field(repr=False)
    table: str | None = None

    @classmethod
    def of(cls, pepper: Pepper) -> StateKey:
        """Derive the key from a pepper."""
        return cls(pepper.kid, pepper.subkey("state"))

    def for_table(self, identity: str) -> StateKey:
        """Return the key for the rows of one table; `identity` as `Table.identity` returns it."""
        return replace(self, table=identity)

    def is_elsewhere(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row names another table than this key, or none."""
        return self.table is not None and _member(row, TABLE, "S") != self.table

    def signed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with the key id, the table and the MAC, in DynamoDB's typed form, ready to be put."""
        named = {**row, KID: {"S": self.kid}}
        if self.table is not None:
            named[TABLE] = {"S": self.table}
        return {**named, MAC: {"B": self._mac_of_row(named)}}

    def signed_file(self, name: str, content: bytes) -> bytes:
        """Return the bytes of a file: a line with the key id and the MAC, followed by the content."""
        mac = self._mac_of_file(name, content).hex()
        return f"ingest-cli state {self.kid} {mac}\n".encode("ascii") + content

    def _mac_of_row(self, row: Mapping[str, Any]) -> bytes:
        pk, sk = (str(row[name]["S"]).encode("utf-8", "surrogatepass") for name in _KEYS)
        return hmac.digest(self._secret, b"\0".join([pk, sk, _canonical(row)]), "sha256")

    def _mac_of_file(self, name: str, content: bytes) -> bytes:
        return hmac.digest(self._secret, b"\0".join([name.encode(), content]), "sha256")

    def is_authentic_row(self, row: Mapping[str, Any]) -> bool:
        """Return whether the MAC of a row is valid; False for a row without a canonical form."""
        mac = _member(row, MAC, "B")
        try:
            return isinstance(mac, bytes) and hmac.compare_digest(mac, self._mac_of_row(row))
        except ValueError:
            return False

    def is_authentic_file(self, name: str, mac: bytes, content: bytes) -> bool:
        """Return whether `mac` is valid for a file with that name and content."""
        return hmac.compare_digest(mac, self._mac_of_file(name, content))


def authenticate(row: Mapping[str, Any], key: StateKey | None, place: str, advice: str) -> bool:
    """Check the MAC of a row before anything in it is used.

    Args:
        key: key to check it with; None: no key.
        place: name of the row in messages.
        advice: what to try, for messages.

    Returns:
        Whether it is authentic; False if there is no key, or the row names another one: it cannot be checked then.

    Raises:
        UntrustedStateError: the row names this key, or none, and its MAC is not valid.
    """
    kid = _member(row, KID, "S")
    if key is None:
        return False
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise UntrustedStateError(f"{place} is not authentic: it names no pepper; {advice}")
    if kid != key.kid:
        return False
    if not key.is_authentic_row(row):
        raise _refused(place, kid, advice)
    return True


@dataclass(frozen=True, slots=True)
class RowSigner:
    """Authentication of the reserved rows of one table; its identity is read when first needed.

    Attributes:
        key: authentication key; None: rows can only be read, and none is authentic.
        only_shows: whether rows are shown and nothing else: those of other tables are accepted, and the table need not
            be described, which a role that only reads may not do.
    """

    table: Table
    key: StateKey | None
    only_shows: bool = False

    @property
    def _key(self) -> StateKey:
        if self.key is None:
            raise AssertionError("without a key nothing is signed or authentic")
        return self.key if self.only_shows else self.key.for_table(self.table.identity)

    def check(self, row: Mapping[str, Any], place: str, advice: str) -> tuple[bool, bool]:
        """Check the MAC of a row: return whether it is authentic, and whether it is, but of another table.

        Raises:
            UntrustedStateError: as for `authenticate`.
        """
        is_valid = authenticate(row, self.key, place, advice)
        is_elsewhere = is_valid and self._key.is_elsewhere(row)
        return is_valid and not is_elsewhere, is_elsewhere

    def signed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with the key id, the table and the MAC, ready to be put."""
        if self.only_shows:
            raise AssertionError("a row is signed for its table")
        return self._key.signed(row)


@dataclass(frozen=True, slots=True)
class FileContent:
    """Content of a state file.

    Attributes:
        content: bytes after its first line.
        is_authentic: whether its MAC is valid; False without a key to check it, or if it names another one.
    """

    content: bytes
    kid: str
    is_authentic: bool


def authenticated_file(data: bytes, name: str, key: StateKey | None, place: str, advice: str) -> FileContent:
    """Check the MAC of a file before anything in it is used.

    Args:
        data: all of its bytes.
        name: file name, without its folder.
        key: key to check it with; None: no key.
        place: name of the file in messages.
        advice: what to try, for messages.

    Raises:
        UntrustedStateError: the file names this key, or none, and its MAC is not valid.
    """
    head = _FILE_HEAD.match(data[:_MAX_HEAD_BYTES])
    if head is None:
        raise UntrustedStateError(f"{place} is damaged, or none that this program wrote; {advice}")
    kid, content = head[1].decode(), data[head.end() :]
    is_ours = key is not None and key.kid == kid
    if key is not None and is_ours and not key.is_authentic_file(name, bytes.fromhex(head[2].decode()), content):
        raise _refused(place, kid, advice)
    return FileContent(content, kid, is_ours)


def _refused(place: str, kid: str, advice: str) -> UntrustedStateError:
    return UntrustedStateError(
        f'{place} is not authentic: its MAC does not match the pepper "{kid}", so it was changed without it or '
        f"damaged; {advice}"
    )


def _member(row: Mapping[str, Any], name: str, kind: str) -> Any:
    value = row.get(name)
    return value.get(kind) if isinstance(value, Mapping) else None


def _canonical(row: Mapping[str, Any]) -> bytes:
    """Encode all attributes except the key and the MAC, equal rows as equal bytes.

    Raises:
        ValueError: an attribute has a type that DynamoDB does not have.
    """
    plain = {name: _plain(value, MAX_NESTING) for name, value in row.items() if name != MAC and name not in _KEYS}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _plain(value: Any, levels: int) -> dict[str, Any]:
    """Convert one attribute value for JSON."""
    if not isinstance(value, Mapping) or len(value) != 1 or levels < 0:
        raise ValueError("no attribute value")
    ((kind, inner),) = value.items()
    if kind == "L" and isinstance(inner, list):
        return {kind: [_plain(one, levels - 1) for one in inner]}
    if kind == "M" and isinstance(inner, Mapping):
        return {kind: {str(name): _plain(one, levels - 1) for name, one in inner.items()}}
    if kind in _SETS and isinstance(inner, list):
        return {kind: sorted(_SCALARS[kind[0]](one) for one in inner)}
    if kind not in _SCALARS:
        raise ValueError("no type of DynamoDB's")
    return {kind: _SCALARS[kind](inner)}


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no string")  # noqa: TRY004 - one exception type for all invalid values
    return value


def _number(value: Any) -> str:
    """Normalize a number: its digits without zeros at either end, and the power of ten they are multiplied by."""
    if not isinstance(value, str) or len(value) > _MAX_NUMBER_CHARACTERS:
        raise ValueError("no number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("no number") from None
    if not number.is_finite():
        raise ValueError("no number")
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    significant = text.rstrip("0")
    if not significant:
        return "0"
    return f"{'-' if sign else ''}{significant}E{int(exponent) + len(text) - len(significant)}"


def _bytes(value: Any) -> str:
    if not isinstance(value, bytes | bytearray):
        raise ValueError("no bytes")  # noqa: TRY004 - one exception type for all invalid values
    return base64.b64encode(value).decode()


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("no truth value")  # noqa: TRY004 - one exception type for all invalid values
    return value


_SETS = ("SS", "NS", "BS")
_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "S": _string,
    "N": _number,
    "B": _bytes,
    "BOOL": _truth,
    "NULL": _truth,
}
