"""Header fields as ASGI applications give them, pairs of bytes, made those of an answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from everywire.servers.host.heads import checked

__all__ = ["OF_BODY", "fields"]

OF_BODY = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length"}
)  # the server's to say


def fields(headers: Iterable[Any], without: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """Check and decode `headers`, but for those that `without` names in lower case; ValueError and TypeError as `heads.checked` has them."""
    pairs = [(name.decode(), value.decode("latin-1").strip(" \t")) for name, value in checked(headers)]
    return [pair for pair in pairs if pair[0] not in without]
