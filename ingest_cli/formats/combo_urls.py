"""Find the address among the cells of a line, given that addresses contain delimiters, too."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SCHEME = rb"[A-Za-z][A-Za-z0-9+.\-]*"  # RFC 3986 §3.1
_MAX_PORT_DIGITS = 5
_HOST = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_@=")


def address_before(delimiters: Sequence[bytes]) -> re.Pattern[bytes]:
    """Return a pattern of the undivided start of an address: scheme, host, and a port before a path."""
    host = b"".join(re.escape(bytes([each])) for each in sorted(_HOST - {text[0] for text in delimiters}))
    literal = rb"\[[0-9A-Fa-f:.]*\]"
    return re.compile(rb"[ ]*(?:" + _SCHEME + rb"://)?(?:" + literal + rb"|[" + host + rb"]*)(?::[0-9]{1,5}(?=[/?#]))?")


class UrlRule:
    """Rule for the beginning and the end of an address among other cells.

    It begins at the start of the line if it is the first column, otherwise at the first scheme with `://` after enough
    delimiters. It ends at the first delimiter that is not

    * part of the `://` of its scheme or of an address within it, or before a port of the latter;
    * within the brackets of an IPv6 address;
    * before a port: 1 to 5 digits up to `/`, `?` or `#`; or up to a delimiter, if all following columns still find a
      cell after it (without a path, a user name of digits cannot be distinguished from a port);
    * within a path, query or fragment, as far as that can be detected: if the cell after the first possible end is no
      e-mail address but a later one is, with enough cells from there on, the address reaches to that one. User names
      are often e-mail addresses; passwords seldom are e-mail addresses with more text after them.

    `user:password@` before a host is not supported, since it equals a host, an e-mail address as user, and a password,
    which these lists consist of. `android://hash@package/` is supported.
    """

    def __init__(self, delimiter: bytes, place: int, width: int) -> None:
        """Compile the rule for the column number `place` of `width`."""
        escaped = re.escape(delimiter)
        other = _except(delimiter, rb"/?#")
        blanks = b"" if delimiter == b" " else b"[ ]*"
        self.place = place
        self.width = width
        self.delimiter = delimiter
        self._needed = width - place - 1
        self._begin = re.compile(escaped + rb"(?=" + blanks + _SCHEME + rb"://)")
        self._host = re.compile(
            blanks + rb"(?:" + _SCHEME + rb"://)?(?:\[[0-9A-Fa-f:.]*\]|" + other + rb")" + other + rb"*+"
        )
        self._port = re.compile(rb":[0-9]{1,%d}(?=([/?#])|%b)" % (_MAX_PORT_DIGITS, escaped))
        self._end = re.compile(escaped + (rb"(?!//)" if delimiter == b":" else b""))
        self._nested_port = re.compile(rb"://[^/?#:]*:[0-9]{1,%d}(?=[/?#])" % _MAX_PORT_DIGITS)
        user = _except(delimiter, rb"@\s/?#") + rb"++"
        domain = rb"[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"
        self._email = re.compile(escaped + rb"(?=" + user + rb"@" + domain + rb"(?:" + escaped + rb"|\Z))")

    def split(self, line: bytes) -> list[bytes]:
        """Return the cells of a line."""
        delimiter, place = self.delimiter, self.place
        begin = self._find_begin(line)
        if begin is None:
            return line.split(delimiter, self.width - 1)
        before = line[: begin - len(delimiter)].split(delimiter, place - 1) if place else []
        end = self._find_end(line, begin)
        after = line[end + len(delimiter) :].split(delimiter, self._needed - 1) if end < len(line) else []
        return [*before, line[begin:end], *after]

    def _find_begin(self, line: bytes) -> int | None:
        if not self.place:
            return 0
        at = -1
        for _ in range(self.place - 1):
            at = line.find(self.delimiter, at + 1)
            if at < 0:
                return None
        found = self._begin.search(line, at + 1)
        return found.end() if found else None

    def _find_end(self, line: bytes, begin: int) -> int:
        if not self._needed:
            return len(line)
        host = self._host.match(line, begin)
        at = host.end() if host else begin
        port = self._port.match(line, at)
        if port and (port[1] or line.count(self.delimiter, port.end()) >= self._needed):
            at = port.end()
        end = self._end.search(line, at)
        for nested in self._nested_port.finditer(line, at):
            if end is None or nested.end() < end.start():
                break
            if nested.start() < end.start():
                end = self._end.search(line, nested.end())
        if end is None:
            return len(line)
        if line[at : at + 1] not in (b"/", b"?", b"#") or self._email.match(line, end.start()):
            return end.start()
        for email in self._email.finditer(line, end.end()):
            enough = line.count(self.delimiter, email.end()) >= self._needed - 1
            return email.start() if enough else end.start()
        return end.start()


def _except(delimiter: bytes, others: bytes) -> bytes:
    """Return a pattern of one byte that is none of `others`, and does not begin a delimiter."""
    if len(delimiter) == 1:  # a class of bytes takes no memory to repeat
        return b"[^" + others + re.escape(delimiter) + b"]"
    return b"(?:(?!" + re.escape(delimiter) + b")[^" + others + b"])"
