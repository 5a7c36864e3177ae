"""Requests, responses and their headers, as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from everywire.http.incoming import Incoming
from everywire.http.redaction import shown

__all__ = ["Exchange", "Headers", "Request", "Response", "one_head", "phrase"]

Address = tuple[str, int] | str | None


class Headers:
    """Header fields in their order; looked up without regard to case, repeated names kept (RFC 9110 5).

    Invariants: `_list` gives the fields; `_fields` is None only while they stand in `_head` alone, as bytes.
    """

    __slots__ = ("_fields", "_head", "_index")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: list[tuple[str, str]] | None = list(fields)
        self._index: dict[str, list[str]] | None = None
        self._head: bytes | None = None

    @classmethod
    def from_head(cls, head: bytes) -> Headers:
        """Read those of a request's raw `head`, which was found valid before."""
        headers = cls()
        headers._head, headers._fields = head, None
        return headers

    def fold(self) -> None:
        """Keep no more than the bytes they came as, where those are known: read again, they cost as much as the first time."""
        self._index = None
        if self._head is not None:
            self._fields = None

    def _list(self) -> list[tuple[str, str]]:
        fields = self._fields
        if fields is None:
            assert self._head is not None
            _, _, rest = self._head.decode("latin-1").partition("\r\n")
            pairs = (line.partition(":") for line in rest.split("\r\n") if line)
            fields = self._fields = [(name, value.strip(" \t")) for name, _, value in pairs]
        return fields

    def _by_name(self) -> dict[str, list[str]]:
        index = self._index
        if index is None:
            index = self._index = {}
            for name, value in self._list():
                index.setdefault(name.lower(), []).append(value)
        return index

    def get_all(self, name: str) -> list[str]:
        """Give every value of `name`, in order; empty where there is none."""
        return list(self._by_name().get(name.lower(), ()))

    def get(self, name: str, default: str | None = None) -> str | None:
        """Give the first value of `name`."""
        values = self._by_name().get(name.lower())
        return values[0] if values else default

    def tokens(self, name: str) -> list[str]:
        """Give the comma-separated members of all values of `name`, lower-cased (RFC 9110 5.6.1)."""
        values = self._by_name().get(name.lower())
        if values is None:
            return []
        if len(values) == 1 and "," not in values[0]:
            token = values[0].strip().lower()
            return [token] if token else []
        parts = (part.strip().lower() for value in values for part in value.split(","))
        return [part for part in parts if part]

    def __getitem__(self, name: str) -> str:
        return self._by_name()[name.lower()][0]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._list())

    def __len__(self) -> int:
        return len(self._list())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._list() == other._list()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self._list()!r})"


class Facts(Protocol):
    """Who knows the connection that a request came by."""

    def extra(self, name: str) -> object:
        """Tell "peername", "sockname" or "ssl_object"; None where unknown."""
        ...


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
        return cls(method, target, Headers.from_head(head), version=version.removeprefix("HTTP/"))

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
