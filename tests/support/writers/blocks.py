"""Writers of blocks of lines with a key each: logs of stealers, address books, LDIF, and what `mysql -E` prints."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterator, Mapping

from tests.support.writers.table import Table, Written, one_line

KEYS = {"url": "URL", "user": "USER", "email": "Login", "password": "PASS"}
CARDS = {"NAMA": "FN", "NO_KP": "X-IC", "NO_TEL": "TEL", "EMEL": "EMAIL", "ALAMAT": "ADR", "KATA_LALUAN": "X-PASSWORD"}
ATTRIBUTES = {
    "NAMA": "cn",
    "NO_KP": "employeeNumber",
    "NO_TEL": "mobile",
    "EMEL": "mail",
    "ALAMAT": "postalAddress",
    "KATA_LALUAN": "userPassword",
}
_CARD_COLUMNS = 75
_LDIF_COLUMNS = 76


def stealer(table: Table) -> Written:
    """A log with a line of `=` behind each login; keys change their case."""
    out = list[str]()
    for number, row in enumerate(table.rows):
        keys = [KEYS.get(name, name) for name in table.columns]
        keys = [key.title() if number % 2 else key for key in keys]
        out += [f"{key}: {one_line(cell)}\n" for key, cell in zip(keys, row, strict=True)]
        out.append(f"Application: Demo [{number}]\n===============\n")
    names = {name: KEYS.get(name, name) for name in table.columns}
    return Written("".join(out), {"name": "blocks"}, names)


def vcard(table: Table) -> Written:
    """Cards of version 2.1 and 3.0 by turns: folded, in quoted-printable, with groups and parameters."""
    out = list[str]()
    for number, row in enumerate(table.rows):
        old = number % 2 == 0
        lines = ["BEGIN:VCARD", f"VERSION:{'2.1' if old else '3.0'}"]
        for name, cell in zip(table.columns, row, strict=True):
            lines += _property(_called(CARDS, name), cell, old=old)
        out += [f"{line}\r\n" for line in [*lines, "END:VCARD"]]
    return Written("".join(out), {"name": "blocks", "separator": "BEGIN:VCARD"}, _names(CARDS, table))


def _property(key: str, cell: str, *, old: bool) -> Iterator[str]:
    if old and not cell.isascii():
        lines = quopri.encodestring(cell.encode().replace(b"\n", b"\r")).decode("ascii").split("\n")
        head, *more = lines
        yield f"{key};CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{head}"
        yield from more
        return
    escaped = cell.replace("\\", "\\\\").replace("\n", "\\n").replace(",", "\\,").replace(";", "\\;")
    line = f"{key};TYPE=HOME:{escaped}" if old else f'item1.{key};X-NOTE="a:b;c":{escaped}'
    yield line[:_CARD_COLUMNS]
    for at in range(_CARD_COLUMNS, len(line), _CARD_COLUMNS - 1):
        yield f" {line[at : at + _CARD_COLUMNS - 1]}"


def ldif(table: Table) -> Written:
    """Entries of a directory; what is not plain ASCII is in base64, and long lines are folded."""
    out = list[str]()
    for number, row in enumerate(table.rows):
        lines = [f"dn: uid=u{number},dc=contoh", "objectClass: top", "objectClass: person"]
        lines += [_attribute(_called(ATTRIBUTES, name), cell) for name, cell in zip(table.columns, row, strict=True)]
        for line in lines:
            out.append(f"{line[:_LDIF_COLUMNS]}\n")
            places = range(_LDIF_COLUMNS, len(line), _LDIF_COLUMNS - 1)
            out += [f" {line[at : at + _LDIF_COLUMNS - 1]}\n" for at in places]
        out.append("\n")
    return Written("".join(out), {"name": "blocks", "separator": "dn:"}, _names(ATTRIBUTES, table))


def _attribute(key: str, cell: str) -> str:
    safe = cell.isascii() and cell.isprintable() and cell[:1] not in {" ", ":", "<"} and not cell.endswith(" ")
    return f"{key}: {cell}" if safe else f"{key}:: {base64.b64encode(cell.encode()).decode('ascii')}"


def mysql_vertical(table: Table) -> Written:
    """What `mysql -E` prints: keys flush right, values of several lines as they are."""
    columns = ("id", *table.columns)
    width = max(map(len, columns))
    out = list[str]()
    for number, row in enumerate(table.rows, 1):
        out.append(f"*************************** {number}. row ***************************\n")
        out += [f"{key.rjust(width)}: {cell}\n" for key, cell in zip(columns, (str(number), *row), strict=True)]
    return Written("".join(out), {"name": "blocks", "separator": "***"})


def _called(names: Mapping[str, str], name: str) -> str:
    return names.get(name, name)


def _names(names: Mapping[str, str], table: Table) -> dict[str, str]:
    return {name: names[name] for name in table.columns if name in names}
