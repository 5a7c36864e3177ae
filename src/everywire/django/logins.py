"""What a login and a logout of Django's do here."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.contrib.auth.signals import user_logged_in, user_logged_out

from everywire.app import Everywire as Application
from everywire.django.process import hub_of_process
from everywire.django.publishing import elsewhere, waited
from everywire.django.settings import chosen
from everywire.django.users import mark, marks, name

__all__ = ["watch"]

_LOGGED_OUT: Final = "logged out"
_log = logging.getLogger("everywire.django")


def watch() -> None:
    """Learn of logins and logouts from now on."""
    user_logged_in.connect(_logged_in, dispatch_uid="everywire")
    user_logged_out.connect(_logged_out, dispatch_uid="everywire")


def _logged_in(request: Any = None, **_: Any) -> None:
    """Mark the session, so that clients that came with it are found when it ends."""
    session = getattr(request, "session", None)
    if session is not None:
        mark(session)


def _logged_out(request: Any = None, user: Any = None, **_: Any) -> None:
    """End the sessions of clients that came with Django's, or all of the user: nothing brings them back.

    It is done before the answer to the logout; what fails is logged, as the logout itself must not.
    """
    ends, session = chosen().logout, getattr(request, "session", None)
    if ends == "user" and user is not None:
        known = name(user)
        _end(lambda hub: [hub.kick(known, code=4401, reason=_LOGGED_OUT)])
    elif ends == "session" and session is not None:
        known_by = marks(session)
        _end(lambda hub: [hub.revoke(token=each, reason=_LOGGED_OUT) for each in known_by])


def _end(work: Callable[[Application], list[Awaitable[None]]]) -> None:
    try:
        for each in work(hub_of_process()):
            waited(elsewhere(each), chosen().publish_timeout, "a logout")
    except Exception:
        _log.exception("clients of who has logged out may still be connected")
