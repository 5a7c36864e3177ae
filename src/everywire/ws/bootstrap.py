"""The opening handshake over HTTP/2: what differs from HTTP/1.1's (RFC 8441)."""

from __future__ import annotations

from collections.abc import Sequence

from everywire.errors import AbortHandshake, HandshakeError
from everywire.http.request import Request, Response
from everywire.ws.deflate import Deflate
from everywire.ws.handshake import Upgrade, agreed_fields, check_agreed

__all__ = ["answer", "check_request", "check_response"]


def check_request(request: Request) -> None:
    """Check the client's handshake, an extended CONNECT that reads as a GET with `Upgrade: websocket`; `AbortHandshake` with the status to answer."""
    if "websocket" not in request.headers.tokens("upgrade"):
        raise AbortHandshake(400, "this address speaks WebSocket (RFC 8441)")
    if request.headers.get_all("sec-websocket-version") != ["13"]:
        raise AbortHandshake(400, "unsupported WebSocket version", (("Sec-WebSocket-Version", "13"),))  # RFC 6455 4.2.2


def answer(upgrade: Upgrade, headers: Sequence[tuple[str, str]] = ()) -> Response:
    """Make the response that opens the WebSocket: 200, without Upgrade, Connection and Sec-WebSocket-Accept (RFC 8441 5)."""
    return Response(200, headers=[*agreed_fields(upgrade), *headers])


def check_response(response: Response, *, protocols: Sequence[str] = (), deflate: Deflate | None = None) -> Upgrade:
    """Check the server's answer to an extended CONNECT; `HandshakeError` where it is a refusal or chooses what was not offered."""
    if not 200 <= response.status < 300:
        raise HandshakeError(f"the server answered {response.status} {response.reason}".rstrip(), response.status)
    return check_agreed(response.headers, protocols, deflate)
