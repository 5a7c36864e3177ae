"""Who asks: basic and bearer authentication as `process_request` hooks of `serve`."""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, TypeAlias

from everywire.http.request import Request, Response

__all__ = ["Hook", "all_of", "any_of", "basic_auth", "bearer_auth"]

Hook: TypeAlias = Callable[[Request], Any]
"""A `process_request`: gives a Response to refuse, None to let pass, or an awaitable of these."""

BasicCheck: TypeAlias = Callable[[str, str], Any]
BearerCheck: TypeAlias = Callable[[str], Any]


def basic_auth(realm: str, check: Mapping[str, str] | BasicCheck) -> Hook:
    """Let pass who says a right user and password (RFC 7617), and set `request.user`; 401 for all others.

    `check` is {user: password}, or a function `check(user, password)`, sync or async: what it returns is the user (True: the name that was said), anything
    false is a no.
    """
    checker = _compare(check) if isinstance(check, Mapping) else check
    challenge = f'Basic realm="{_quotable(realm)}", charset="UTF-8"'

    def hook(request: Request) -> Response | Awaitable[Response | None] | None:
        pair = _basic(request)
        if pair is None:
            return _refusal(challenge)
        return _judge(request, checker(*pair), pair[0], challenge)

    return hook


def bearer_auth(check: BearerCheck, *, realm: str = "everywire", parameter: str | None = None) -> Hook:
    """Let pass who brings a right token (RFC 6750), and set `request.user`; 401 for all others.

    `check(token)`, sync or async, gives the user, or something false for a no. A browser's WebSocket cannot send headers: `parameter` names a query parameter
    that may carry the token instead. Compare secrets with `hmac.compare_digest`.
    """
    challenge = f'Bearer realm="{_quotable(realm)}"'

    def hook(request: Request) -> Response | Awaitable[Response | None] | None:
        token = _credentials(request, "bearer")
        if token is None and parameter is not None:
            token = next(iter(request.params.get(parameter, ())), None)
        if not token:
            return _refusal(challenge)
        return _judge(request, check(token), token, challenge + ', error="invalid_token"')

    return hook


def any_of(*hooks: Hook) -> Hook:
    """Let pass whom one of `hooks` lets pass; else answer what the first refusal says, with the challenges of all."""

    async def hook(request: Request) -> Response | None:
        refusals = []
        for each in hooks:
            answer = await _settled(each(request))
            if answer is None:
                return None
            refusals.append(answer)
        first = refusals[0]
        challenges = [field for refusal in refusals for field in refusal.headers if field[0] == "WWW-Authenticate"]
        others = [field for field in first.headers if field[0] != "WWW-Authenticate"]
        return Response(first.status, first.body, [*others, *challenges])

    return hook


def all_of(*hooks: Hook) -> Hook:
    """Let pass whom all `hooks` let pass; the first that answers has the word. For other hooks beside authentication."""

    async def hook(request: Request) -> Response | None:
        for each in hooks:
            answer = await _settled(each(request))
            if answer is not None:
                return answer
        return None

    return hook


async def _settled(answer: Any) -> Response | None:
    settled: Response | None = await answer if isawaitable(answer) else answer
    return settled


def _judge(request: Request, verdict: Any, said: str, challenge: str) -> Response | Awaitable[Response | None] | None:
    """Take what a check says, now or later."""
    if isawaitable(verdict):

        async def later() -> Response | None:
            return _admit(request, await verdict, said, challenge)

        return later()
    return _admit(request, verdict, said, challenge)


def _admit(request: Request, user: Any, said: str, challenge: str) -> Response | None:
    if not user:
        return _refusal(challenge)
    request.user = said if user is True else user
    return None


def _refusal(challenge: str) -> Response:
    return Response(401, "Who are you?\n", [("WWW-Authenticate", challenge)])


def _compare(passwords: Mapping[str, str]) -> BasicCheck:
    def check(user: str, password: str) -> bool:
        # An unknown user costs the same comparison, so that time does not tell who exists.
        known = hmac.compare_digest(passwords.get(user, "").encode(), password.encode())
        return known and user in passwords

    return check


def _basic(request: Request) -> tuple[str, str] | None:
    """Give the user and password that the request says, if it says them well."""
    said = _credentials(request, "basic")
    try:
        user, colon, password = b64decode(said or "", validate=True).decode().partition(":")
    except (BinasciiError, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def _credentials(request: Request, scheme: str) -> str | None:
    """Give what follows `scheme` in the one Authorization header; None where there is none, or more than one."""
    values = request.headers.get_all("authorization")
    if len(values) != 1:
        return None
    found, _, credentials = values[0].partition(" ")
    return credentials.strip() if found.lower() == scheme else None


def _quotable(realm: str) -> str:
    if not realm.isprintable() or '"' in realm or "\\" in realm or not realm.isascii():
        raise ValueError("a realm is printable ASCII without quotes and backslashes")
    return realm
