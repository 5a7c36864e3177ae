"""Header fields as ASGI applications give them, pairs of bytes, made those of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["OF_BODY", "fields"]

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")  # RFC 9110 5.6.2
# Whatever some reader takes for a line's end, as Python's splitlines does with the last four: it would split the head. RFC 9110 5.5
_SPLITTING = re.compile(rb"[\x00\n\r\x0b\x0c\x1c-\x1e\x85]")

OF_BODY = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length"}
)  # the server's to say


def fields(headers: Iterable[Any], without: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """Check and decode `headers`, but for those that `without` names in lower case.

    ValueError for one that would split the head, TypeError for other than bytes.
    """
    found = []
    for name, value in headers:
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise TypeError("a header is a pair of bytes")
        if not _NAME.match(name):
            raise ValueError(f"not a header's name: {name!r}")
        if _SPLITTING.search(value):
            raise ValueError(f"the value of {name.decode()} would split the head")
        if (text := name.decode()).lower() not in without:
            found.append((text, value.decode("latin-1").strip(" \t")))
    return found
