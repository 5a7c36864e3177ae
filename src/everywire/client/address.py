"""WebSocket addresses: what a URI says (RFC 6455 3), and where a redirect leads."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace
from urllib.parse import unquote, urljoin, urlsplit

from everywire.errors import InvalidURI, RedirectError
from everywire.http.redaction import shown

__all__ = ["Address", "parse", "redirected"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect, and what to ask for there. `authorization` is the Authorization header that the URI's user and password make, or None."""

    secure: bool
    host: str
    port: int
    target: str
    authorization: str | None = None

    @property
    def host_header(self) -> str:
        """The Host header: the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        """Who is trusted with credentials: scheme, host and port (RFC 6454 4)."""
        return self.secure, self.host, self.port

    @property
    def uri(self) -> str:
        """The address as a URI, without credentials."""
        return f"{'wss' if self.secure else 'ws'}://{self.host_header}{self.target}"


def parse(uri: str) -> Address:
    """Read a ws, wss, http or https URI; `InvalidURI` says what is wrong with it, without its password and what its query holds."""
    said = shown(uri)
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:  # its words may hold a part of the password
        raise InvalidURI(f"{said}: what stands for host and port is neither") from None
    if parts.scheme not in ("ws", "wss", "http", "https"):
        raise InvalidURI(f"{said}: the scheme is ws or wss, not {parts.scheme or 'missing'}")
    if not parts.hostname:
        raise InvalidURI(f"{said}: the host is missing")
    if parts.fragment:
        raise InvalidURI(f"{said}: a WebSocket URI has no fragment")
    secure = parts.scheme in ("wss", "https")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + b64encode(pair.encode()).decode()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if any(char <= " " or char > "~" for char in target):
        raise InvalidURI(f"{said}: the path holds characters that must be percent-encoded")
    return Address(secure, _ascii(parts.hostname), port or (443 if secure else 80), target, authorization)


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()


def redirected(address: Address, location: str, *, faithful: bool = False) -> Address:
    """Follow a redirect; never from wss to ws, and without the credentials to another origin.

    `faithful`: to no other origin at all, but for the same host's that has TLS, since what is said there is a credential.
    """
    found = parse(urljoin(address.uri.replace("ws", "http", 1), location))
    if address.secure and not found.secure:
        raise RedirectError(f"the server redirects from wss to {shown(found.uri)}")
    if (
        faithful
        and found.origin != address.origin
        and not (found.secure > address.secure and found.host == address.host)
    ):
        raise RedirectError(f"the server redirects to {shown(found.uri)}, where no token is shown that is for another")
    if found.authorization is None and found.origin == address.origin:
        return replace(found, authorization=address.authorization)
    return found
