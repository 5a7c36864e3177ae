# cython: nonecheck=True
"""Requests, responses and their headers, as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from everywire.http.incoming import Incoming
from everywire.http.redaction import shown

__all__ = ["Exchange", "Facts", "Headers", "KnownFacts", "Request", "Response", "one_head", "phrase"]

Address = tuple[str, int] | str | None

_keys: dict[str, bytes] = {}  # names that were looked up, as bytes in lower case
_MOST_KEYS = 256


def _key(name: str) -> bytes:
    """Give a name as it is compared with those that came as bytes."""
    key = name.lower().encode("latin-1", "replace")
    if len(_keys) < _MOST_KEYS:
        _keys[name] = key
    return key


def _cut(head: bytes | None) -> list[tuple[bytes, bytes]]:
    """Give the fields of a request's head, which was found valid before."""
    assert head is not None
    _, _, rest = head.partition(b"\r\n")
    pairs = (line.partition(b":") for line in rest.split(b"\r\n") if line)
    return [(name, value.strip(b" \t")) for name, _, value in pairs]


def _encoded(fields: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


def _members(values: list[str]) -> list[str]:
    """Give the members of several lists, in lower case."""
    parts = (part.strip().lower() for value in values for part in value.split(","))
    return [part for part in parts if part]


class Headers:
    """Header fields in their order; looked up without regard to case, repeated names kept (RFC 9110 5).

    Invariants: one of `_fields`, `_raw` (the same as bytes) and `_head` (a request's, with them in it) is set at least; all that are set say the same.
    """

    __slots__ = ("_fields", "_head", "_raw")

    def __init__(
        self,
        fields: Iterable[tuple[str, str]] = (),
        raw: list[tuple[bytes, bytes]] | None = None,
        head: bytes | None = None,
    ) -> None:
        """Take `fields`, or those that were read as bytes and found valid: as they are (`raw`), or in a request's `head`."""
        bare = raw is None and head is None
        self._fields: list[tuple[str, str]] | None = list(fields) if bare else None
        self._raw = raw
        self._head = head

    def fold(self) -> None:
        """Keep no more than the bytes they came as, where those are known: read again, they cost as much as the first time."""
        if self._head is not None:
            self._fields = self._raw = None

    def _list(self) -> list[tuple[str, str]]:
        fields = self._fields
        if fields is None:
            fields = self._fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw()]
        return fields

    def raw(self) -> list[tuple[bytes, bytes]]:
        """Give the fields as bytes, in their order."""
        raw = self._raw
        if raw is None:
            raw = self._raw = _cut(self._head) if self._fields is None else _encoded(self._fields)
        return raw

    def _values(self, name: str) -> list[str]:
        """Give every value of `name`; its length tells most of the others from it."""
        size = len(name)
        if self._fields is not None:
            lower = name.lower()
            return [value for key, value in self._fields if len(key) == size and key.lower() == lower]
        wanted = _keys.get(name) or _key(name)
        found = []
        for pair in self.raw():
            other = pair[0]
            if len(other) == size and (other == wanted or other.lower() == wanted):
                found.append(pair[1].decode("latin-1"))
        return found

    def get_all(self, name: str) -> list[str]:
        """Give every value of `name`, in order; empty where there is none."""
        return self._values(name)

    def get(self, name: str, default: str | None = None) -> str | None:
        """Give the first value of `name`."""
        values = self._values(name)
        return values[0] if values else default

    def tokens(self, name: str) -> list[str]:
        """Give the comma-separated members of all values of `name`, lower-cased (RFC 9110 5.6.1)."""
        values = self._values(name)
        if not values:
            return values
        if len(values) == 1 and "," not in values[0]:
            token = values[0].strip().lower()
            return [token] if token else []
        return _members(values)

    def wire(self) -> list[tuple[bytes, bytes]]:
        """Give the fields as bytes, in their order, with names in lower case: a new list."""
        return [(name.lower(), value) for name, value in self.raw()]

    def __getitem__(self, name: str) -> str:
        values = self._values(name)
        if not values:
            raise KeyError(name)
        return values[0]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._values(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._list())

    def __len__(self) -> int:
        return len(self.raw() if self._fields is None else self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self._list()!r})"


class Facts(Protocol):
    """Who knows the connection that a request came by."""

    def extra(self, name: str) -> object:
        """Tell "peername", "sockname" or "ssl_object"; None where unknown."""
        ...


class KnownFacts:
    """What is known of a connection, asked once: many requests may come by it."""

    __slots__ = ("_below", "_own", "_peer")

    def __init__(self, below: Facts) -> None:
        self._below = below
        self._own: object = None
        self._peer: object = None

    def extra(self, name: str) -> object:
        """Tell "peername", "sockname" or "ssl_object"; None where unknown."""
        if name == "peername":
            if self._peer is None:
                self._peer = self._below.extra(name)
            return self._peer
        if name == "sockname":
            if self._own is None:
                self._own = self._below.extra(name)
            return self._own
        return self._below.extra(name)


class Exchange(Protocol):
    """The means to answer a request, as far as whoever answers it may use them beside the answer. `parting`: the client has said its last word."""

    parting: bool

    def inform(self, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Send an informational response (RFC 9110 15.2), where the client's version has those."""
        ...


class Request:
    """One HTTP request: `target` as it came, `path` decoded, `headers`, `body`.

    `remote` is (host, port), a Unix socket's name, or None; `secure` says whether TLS carries it; `user` is whom `process_request`
    found it to be; `version` is "1.0", "1.1" or "2". `held` is set where the answer is held back until there is something to say, so that who half-closes
    meanwhile is gone for it. `scope` is the ASGI scope that it came as, where another server took it, with what middleware put there; else None.
    Where bodies are streamed, `incoming` is what had not come of it yet, and `exchange` is set.
    """

    __slots__ = (
        "body",
        "exchange",
        "facts",
        "headers",
        "held",
        "incoming",
        "method",
        "scope",
        "target",
        "user",
        "version",
    )

    def __init__(self, method: str, target: str, headers: Headers, *, version: str = "1.1", body: bytes = b"") -> None:
        self.method = method
        self.target = target
        self.version = version
        self.body = body
        self.user: object = None
        self.held = False
        self.facts: Facts | None = None
        self.scope: Mapping[str, Any] | None = None
        self.incoming: Incoming | None = None
        self.exchange: Exchange | None = None
        self.headers = headers

    @classmethod
    def from_head(cls, head: bytes) -> Request:
        """Read a request from its raw `head`, which was found valid before (a long-lived connection keeps no more than that)."""
        method, target, version = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        return cls(method, target, Headers(head=head), version=version.removeprefix("HTTP/"))

    def fold(self) -> None:
        """Keep no more of the header than the bytes it came as: whoever still asks has it read again."""
        self.headers.fold()

    def _fact(self, name: str) -> object:
        return None if self.facts is None else self.facts.extra(name)

    @property
    def remote(self) -> Address:
        """The peer's address, while its connection lives."""
        return self._fact("peername")  # type: ignore[return-value]

    @property
    def secure(self) -> bool:
        """Whether TLS carries it."""
        return self._fact("ssl_object") is not None

    @property
    def path(self) -> str:
        """The decoded path, without the query."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        """The query string, still encoded."""
        return self.target.partition("?")[2]

    @property
    def params(self) -> dict[str, list[str]]:
        """The query's parameters, decoded."""
        return parse_qs(self.query, keep_blank_values=True)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that came with the request (RFC 6265 5.4)."""
        pairs = (part.strip().partition("=") for value in self.headers.get_all("cookie") for part in value.split(";"))
        return {name: value.strip('"') for name, found, value in pairs if found}

    def __repr__(self) -> str:
        return f"<Request {self.method} {shown(self.target)}>"


class Response:
    """One HTTP response with its whole body."""

    __slots__ = ("body", "headers", "reason", "status")

    def __init__(
        self, status: int, body: bytes | str = b"", headers: Iterable[tuple[str, str]] = (), reason: str | None = None
    ) -> None:
        self.status = status
        self.headers = Headers(headers)
        self.reason = reason if reason is not None else phrase(status)
        self.body = body.encode() if isinstance(body, str) else body
        if isinstance(body, str) and "content-type" not in self.headers:
            self.headers = Headers([*self.headers, ("Content-Type", "text/plain; charset=utf-8")])

    @property
    def closes(self) -> bool:
        """Whether the connection is to end with it: as it says, or as it follows a request that nobody should send like this again."""
        return self.status >= 500 or self.status in (400, 426) or "close" in self.headers.tokens("connection")

    def encode(self, *, close: bool = False, head_only: bool = False) -> bytes:
        """Write it as HTTP/1.1 bytes; `close` tells the peer that the connection ends, `head_only` answers a HEAD request.

        ValueError for a field that would split the head, or say of the body what is not so: the peer would take the rest for the next answer.
        """
        bare = head_only or self.status < 200 or self.status in (204, 304)  # RFC 9112 6.3
        if not bare and self.headers.get("content-length", str(len(self.body))) != str(len(self.body)):
            raise ValueError("a Content-Length that is not the body's")
        if "transfer-encoding" in self.headers:
            raise ValueError("a body that is there whole has no Transfer-Encoding")
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status >= 200 and self.status not in (204, 304) and "content-length" not in self.headers:
            lines.append(f"Content-Length: {len(self.body)}")
        if close and self.status != 101 and "close" not in self.headers.tokens("connection"):
            lines.append("Connection: close")
        return one_head(lines) + (b"" if bare else self.body)

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"


def one_head(lines: list[str]) -> bytes:
    """Join the lines of a head; ValueError where one of them would split it (RFC 9110 5.5)."""
    head = "\r\n".join(lines)
    if head.count("\r") != len(lines) - 1 or head.count("\n") != len(lines) - 1 or "\0" in head:
        raise ValueError("a header must not hold CR, LF or NUL")
    return (head + "\r\n\r\n").encode("latin-1")


def phrase(status: int) -> str:
    """Give the reason phrase of a status, as far as it is known."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
