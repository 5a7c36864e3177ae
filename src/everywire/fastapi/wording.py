"""What FastAPI's exceptions say to clients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi.exceptions import ValidationException
from starlette.exceptions import HTTPException, WebSocketException

from everywire.errors import Refused
from everywire.hub.codes import Close, Code

__all__ = ["unfit", "worded"]

# Other statuses have a code of their own, behind those that are the wire's.
_CODES: Final = {
    400: Code.BAD_REQUEST,
    401: Code.UNAUTHORIZED,
    403: Code.DENIED,
    408: Code.TIMED_OUT,
    409: Code.CONFLICT,
    422: Code.BAD_REQUEST,
    429: Code.LIMIT,
    500: Code.INTERNAL,
    504: Code.TIMED_OUT,
}
_OWN: Final = 1000
_TEMPORARY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CLOSES: Final[Mapping[int, Code]] = {
    Close.INTERNAL: Code.INTERNAL,
    Close.UNAUTHORIZED: Code.UNAUTHORIZED,
    Close.BAD_MESSAGE: Code.BAD_REQUEST,
    1007: Code.BAD_REQUEST,
    1013: Code.LIMIT,
}
_MAX_ERRORS: Final = 10
_MAX_REASON: Final = 300  # characters of what is wrong, which may repeat what the client said


def worded(error: Exception) -> Exception:
    """Give the `Refused` that an `HTTPException`, a `WebSocketException` or a failed validation of FastAPI means; any other error as it is.

    A status is told as the code that means the same: 401 is 101, 403 is 103, 400 and 422 are 107, 429 is 108; others are 1000 and the status, 404 is
    1404. The `detail` is the reason, where it is a text; the refusal's `data` has `status` and `detail` as they were raised.
    """
    if isinstance(error, HTTPException):
        return _of_status(error)
    if isinstance(error, WebSocketException):
        code = _CLOSES.get(error.code, Code.DENIED)
        told = {"close": error.code}
        return Refused(error.reason or "refused", code, temporary=error.code == 1013, data=told)
    if isinstance(error, ValidationException):
        return unfit(error.errors())
    return error


def _of_status(error: HTTPException) -> Refused:
    status, detail = error.status_code, cast("object", error.detail)  # FastAPI's own may be anything that JSON can say
    reason = detail if isinstance(detail, str) and detail else _phrase(status)
    code = _CODES.get(status, _OWN + status)
    return Refused(reason, code, temporary=status in _TEMPORARY, data={"status": status, "detail": detail})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"


def unfit(errors: Sequence[Any] | Iterable[Any]) -> Refused:
    """Say which parameters of dependencies are not as they have to be, by what FastAPI found: `header.x-room`, for instance."""
    told = [
        {
            "path": ".".join(str(each) for each in found.get("loc", ())),
            "reason": str(found.get("msg", ""))[:_MAX_REASON],
        }
        for found in [*errors][:_MAX_ERRORS]
    ]
    said = "; ".join(f"{each['reason']} - at `{each['path']}`" for each in told)
    return Refused(f"bad request: {said}"[:_MAX_REASON], Code.BAD_REQUEST, data={"errors": told})
