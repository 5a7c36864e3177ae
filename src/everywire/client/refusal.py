"""What a server said to a handshake that it refused, in a line that a person can do something with."""

from __future__ import annotations

import json

from everywire.errors import HandshakeError
from everywire.http.redaction import shown
from everywire.http.request import Response

__all__ = ["refusal"]

_MOST = 300  # characters of a server's text
_REFUSAL = 400
_SAYS_WHY = ("reason", "detail")  # ours, and FastAPI's


def refusal(error: HandshakeError, uri: str, response: Response) -> HandshakeError:
    """Make `error`, of a handshake at `uri` that `response` ended, one whose text names the address and what the server said, if that is for people."""
    why = error.reason
    text = f"{why} at {shown(uri)}" if response.status >= _REFUSAL else why
    said = _said(response)
    told = HandshakeError(f"{text}: {said}" if said else text, error.status)
    told.reason, told.response = why, response
    return told


def _said(response: Response) -> str:
    """Give the first line of a refusal's body, readable and cut; nothing where it is a page, or no text."""
    kind = response.headers.get("content-type") or ""
    if response.status < _REFUSAL or "content-encoding" in response.headers or "html" in kind:
        return ""
    text = bytes(response.body).decode("utf-8", "replace").strip()
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = {}
        text = next((found[name] for name in _SAYS_WHY if isinstance(found.get(name), str)), text)
    line = text.partition("\n")[0].rstrip()
    line = line if len(line) <= _MOST else line[:_MOST] + "…"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)
