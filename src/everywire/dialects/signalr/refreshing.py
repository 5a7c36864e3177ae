"""What a client is told that shows a newer token by a request of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from everywire.dialects.base import Reply

__all__ = ["refreshed", "unrefreshed"]

_JSON = (("Content-Type", "application/json"),)
_ERRORS = {
    400: "missing_connection_token",
    401: "invalid_token",
    403: "wrong_user",
    404: "connection_not_found",
}

_write = msgspec.json.Encoder().encode


def refreshed(name: str, now: float, left: float | None) -> Reply:
    """Say since when the token counts for the session called `name`, and for how many seconds, where it does not for ever."""
    told: Mapping[str, Any] = {"connectionId": name, "refreshedAt": datetime.fromtimestamp(now, UTC).isoformat()}
    return Reply(200, _write(told if left is None else {**told, "tokenLifetimeSeconds": int(left)}), _JSON)


def unrefreshed(status: int, code: int, reason: str) -> Reply:
    """Refuse, in the reference's words as far as it has some."""
    status = 404 if status == 410 else status
    said = "No active connection with the specified ID." if status == 404 else reason
    return Reply(status, _write({"error": _ERRORS.get(status, "refused"), "error_description": said}), _JSON)
