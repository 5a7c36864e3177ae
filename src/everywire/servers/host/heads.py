# cython: nonecheck=True
"""Heads of responses as ASGI applications give them: checked, with what a server adds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any

from everywire.http.head import splits
from everywire.http.raw import Head

__all__ = ["Common", "checked", "head"]

Pair = tuple[bytes, bytes]

_name = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z").match  # RFC 9110 5.6.2
_suspect = re.compile(rb"[^\t\x20-\x7e\x80-\x84\x86-\xff]").search  # RFC 9110 5.5; 0x85 is looked at again
_SPECIAL = frozenset({b"connection", b"content-length", b"date", b"server", b"transfer-encoding"})
_MOST_NAMES = 1024

_names: dict[bytes, bytes] = {}  # those that were found good, in lower case


class Common:
    """The fields of every response that does not have them already: Server and Date (RFC 9110 6.6.1), which is written once a second."""

    def __init__(self, server: bytes | None, clock: Callable[[], float]) -> None:
        self._server = [] if server is None else [(b"server", server)]
        self._clock = clock
        self._second = -1
        self.fields: list[Pair] = []
        self.written = b""

    def now(self) -> None:
        """Have `fields`, and the same as lines in `written`, be those of this second."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self.fields = [(b"date", formatdate(second, usegmt=True).encode()), *self._server]
            self.written = b"".join([b"%b: %b\r\n" % field for field in self.fields])

    def without(self, names: set[bytes]) -> tuple[list[Pair], bytes]:
        """Give those that are not called one of `names`."""
        self.now()
        fields = [field for field in self.fields if field[0] not in names]
        return fields, b"".join([b"%b: %b\r\n" % field for field in fields])


def _lowered(name: bytes) -> bytes:
    """Check a name; give it in lower case."""
    if not _name(name):
        raise ValueError(f"no name of a header field: {name!r}")
    lower = name.lower()
    if len(_names) < _MOST_NAMES:
        _names[name] = lower
    return lower


def _breaks(value: bytes) -> bool:
    """Say of a value with a suspect byte whether it is more than the 0x85 of a UTF-8 character."""
    return b"\x85" not in value or bool(_suspect(value.replace(b"\x85", b""))) or splits(value)


def checked(headers: Iterable[Any]) -> list[Pair]:
    """Check header fields; ValueError for one that is malformed, or would be more than one to somebody (CVE-2026-44546), TypeError for other than bytes."""
    found: list[Pair] = []
    field = None
    try:
        for field in headers:
            name, value = field
            lower = _names.get(name) or _lowered(name)
            if _suspect(value) and _breaks(value):
                raise ValueError(f"the value of {name!r} has characters that a header field must not have")
            found.append((lower, value))
    except TypeError as error:
        raise TypeError(f"a header field is a name and a value, both bytes, not {field!r}") from error
    return found


def head(status: int, headers: Iterable[Any], common: Common) -> Head:
    """Make the head of a response; ValueError as `checked` has it, and for a status or length that is none."""
    if not 200 <= status <= 999:
        raise ValueError(f"no status of a response: {status!r}")
    fields = checked(headers)
    common.now()
    made = Head(status, fields, common.fields, common.written)
    special = None
    for field in fields:
        if field[0] in _SPECIAL:
            special = _heed(made, field, special or set())
    if special:
        _settle(made, special, common)
    return made


def _heed(made: Head, field: Pair, special: set[bytes]) -> set[bytes]:
    """Heed what a field says of the connection and the body; give the names of those that say such things."""
    name, value = field
    if name == b"content-length":
        if not value.isdigit():
            raise ValueError(f"no Content-Length: {value!r}")
        if made.length is not None:
            raise ValueError("more than one Content-Length")
        made.length = int(value)
    elif name == b"connection":
        made.closes = made.closes or b"close" in [token.strip().lower() for token in value.split(b",")]
    special.add(name)
    return special


def _settle(made: Head, names: set[bytes], common: Common) -> None:
    """Leave out what is the server's to say (`names` are the special fields that are there), and of the server's what the application has said."""
    if b"transfer-encoding" in names:
        made.fields = [field for field in made.fields if field[0] != b"transfer-encoding"]
    if made.status == 204:  # RFC 9110 8.6
        made.fields = [field for field in made.fields if field[0] != b"content-length"]
    if b"date" in names or b"server" in names:
        made.common, made.written = common.without(names)
