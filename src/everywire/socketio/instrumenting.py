"""What python-socketio's `instrument` is told: who may open the Admin UI."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from everywire.ops.instrument import Instrument, by_login

__all__ = ["instrument"]


def instrument(auth: Any, options: Mapping[str, Any]) -> Instrument:
    """Understand it: `auth` is a login, several, or a function, sync or async, of what somebody shows.

    Raises `ValueError` for no `auth`, and for False, with which anybody would send clients away; `TypeError` for what is none.
    """
    if auth is None:
        raise ValueError("auth says who may open the Admin UI: {'username': …, 'password': …}, or a function")
    if auth is False:
        raise ValueError(
            "auth=False would let everybody see all clients and send them away: give a login, or a function"
        )
    if callable(auth):
        return Instrument(check=auth, **options)
    logins = [auth] if isinstance(auth, Mapping) else auth
    if not isinstance(logins, Iterable) or isinstance(logins, str | bytes):
        raise TypeError(f"auth is a login, a list of them, or a function, not {type(auth).__name__}")
    listed = [*logins]
    if not all(isinstance(login, Mapping) for login in listed):
        raise TypeError("auth is a list of logins: {'username': …, 'password': …}")
    return Instrument(check=by_login(listed), seal=json.dumps(listed, sort_keys=True), **options)
