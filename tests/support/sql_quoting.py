"""How each tool writes a value, for `sql_writers`."""

from __future__ import annotations

import re

Value = int | float | str | bytes | None

_MYSQL_ESCAPES = {
    "\0": "\\0", "\n": "\\n", "\r": "\\r", "\\": "\\\\", "'": "\\'", '"': '\\"', "\x1a": "\\Z",
}  # fmt: skip
_MYSQL_TABLE = str.maketrans(_MYSQL_ESCAPES)
_COPY_TABLE = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
)


def mysql_bytes(value: Value) -> bytes:
    """As mysqldump 8 does: binary columns raw, behind `_binary`."""
    if isinstance(value, bytes):
        escapes = {ord(raw): escaped.encode() for raw, escaped in _MYSQL_ESCAPES.items()}
        return b"_binary '" + b"".join(escapes.get(one, bytes([one])) for one in value) + b"'"
    return mysql_text(value).encode()


def mysql_text(value: Value) -> str:
    """With backslashes; binary columns in hexadecimal."""
    if isinstance(value, str):
        return f"'{value.translate(_MYSQL_TABLE)}'"
    if isinstance(value, bytes):
        return f"0x{value.hex().upper()}" if value else "''"
    return plain(value)


def doubled(value: Value) -> str:
    """With nothing but doubled quotes, and X'…' for bytes."""
    return f"X'{value.hex()}'" if isinstance(value, bytes) else plain(value)


def plain(value: Value) -> str:
    """What all of them agree upon."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    assert not isinstance(value, bytes)
    return "NULL" if value is None else str(value)


def postgresql(value: Value) -> str:
    """`bytea` as text in hexadecimal."""
    return f"'\\x{value.hex()}'" if isinstance(value, bytes) else plain(value)


def sql_server(value: Value) -> str:
    """`N'…'`, and a cast around a decimal."""
    if isinstance(value, str):
        return "N" + plain(value)
    if isinstance(value, bytes):
        return f"0x{value.hex().upper()}"
    return f"CAST({value} AS Decimal(18, 4))" if isinstance(value, float) else plain(value)


def sqlite(value: Value) -> str:
    """`replace(…)` around what has line ends."""
    if not isinstance(value, str):
        return doubled(value)
    text, before, after = plain(value), "", ""
    for end, names, code in (("\r", ("\\r", "\\015"), 13), ("\n", ("\\n", "\\012"), 10)):
        if end in value:
            name = next(name for name in (*names, *(f"({names[0]}{i})" for i in range(100))) if name not in value)
            text, before, after = text.replace(end, name), before + "replace(", f"{after},'{name}',char({code}))"
    return before + text + after


def sqlite_unistr(value: Value) -> str:
    r"""`unistr('\u000a')`, as SQLite writes from 3.50 on."""
    if not isinstance(value, str) or not re.search(r"[\x01-\x1f]", value):
        return doubled(value)
    escaped = re.sub(r"[\x01-\x1f]", lambda found: f"\\u{ord(found[0]):04x}", value.replace("\\", "\\\\"))
    return f"unistr({plain(escaped)})"


def oracle(value: Value) -> str:
    """Long texts in pieces, line feeds as a function."""
    if isinstance(value, bytes):
        return f"hextoraw('{value.hex().upper()}')"
    if not isinstance(value, str):
        return plain(value).lower()
    parts = [plain(part) for part in value.split("\n")]
    if len(value) > 40:  # 4,000 in truth, but rows are to stay small here
        half = len(value) // 2
        return f"TO_CLOB({plain(value[:half])})\n|| TO_CLOB({plain(value[half:])})"
    return "||CHR(10)||".join(parts)


def oracle_alternative(value: Value) -> str:
    """`q'[…]'`, with the brackets that do no harm."""
    if not isinstance(value, str):
        return oracle(value)
    pair = next((pair for pair in ("[]", "{}", "()", "<>", "!!", "||") if pair[1] + "'" not in value), None)
    return plain(value) if pair is None else f"q'{pair[0]}{value}{pair[1]}'"


def copied(value: Value) -> str:
    """A cell of COPY."""
    if value is None:
        return r"\N"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return str(value).translate(_COPY_TABLE)
