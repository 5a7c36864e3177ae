"""Who connects, as Django's sessions have it, and what a logout ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from everywire.django.settings import chosen
from everywire.django.threads import closing
from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.codes import Code

if TYPE_CHECKING:
    from everywire.hub.calling.callers import Caller
    from everywire.hub.hooks import Connecting

__all__ = ["auser_of", "identify", "mark", "marks", "name", "user_of"]

_MARK: Final = "everywire"  # where a session keeps what it is known by, which survives a change of its key


@dataclass(frozen=True, slots=True)
class _Found:
    """A user of Django's, and the mark and the end (seconds since 1970) of its session."""

    user: Any
    mark: str | None = None
    expires: float | None = None


async def identify(connecting: Connecting) -> Identity:
    """Say who connects: the user of Django's session whose cookie comes along, or whom middleware around the application has found.

    The session is read in a thread. It is closed when Django's session ends. Raises `Refused` for who is not logged in, unless `ANONYMOUS` lets him in.
    """
    found = await _found(connecting.request)
    choice = chosen()
    if found is None:
        if not choice.anonymous:
            raise Refused("log in first", Code.UNAUTHORIZED)
        return Identity()
    return Identity(name(found.user), found.expires, token=found.mark)


async def _found(request: Any) -> _Found | None:
    scope = getattr(request, "scope", None) or {}
    if "user" in scope:
        return await sync_to_async(closing(_of_scope), thread_sensitive=False)(scope)
    key = request.cookies.get(settings.SESSION_COOKIE_NAME) if request is not None else None
    if not key:
        return None
    return await sync_to_async(closing(_of_session), thread_sensitive=False)(key)


def _of_scope(scope: Any) -> _Found | None:
    """Take whom middleware found; it may look for him now."""
    user, session = scope["user"], scope.get("session")
    if not user.is_authenticated:
        return None
    if session is None:
        return _Found(user)
    return _Found(user, next(iter(marks(session)), None), _end(session))


def _of_session(key: str) -> _Found | None:
    from django.contrib.auth import get_user
    from django.http import HttpRequest

    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    if not user.is_authenticated:
        return None
    return _Found(user, next(iter(marks(request.session)), None), _end(request.session))


def _end(session: Any) -> float:
    return float(session.get_expiry_date().timestamp())


def name(user: Any) -> str:
    """Give what a user of Django's is called here."""
    how = chosen().user
    return str(how(user) if callable(how) else getattr(user, how))


def mark(session: Any) -> None:
    """Give a session something to be known by, also after its key has changed."""
    session[_MARK] = token_urlsafe(16)


def marks(session: Any) -> list[str]:
    """Give what clients that came with a session are known by: its mark, or where it has none, a digest of its key."""
    found = [session[_MARK]] if isinstance(session.get(_MARK), str) else []
    key = session.session_key
    return [*found, salted_hmac("everywire.session", key, algorithm="sha256").hexdigest()] if key else found


def user_of(caller: Caller) -> Any:
    """Give Django's user who calls, read from the database; an `AnonymousUser` for who is not logged in, or not there any more.

    It is for plain handlers, which run in threads. Raises `ImproperlyConfigured` where `USER` is a function, which has no way back.
    """
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import AnonymousUser

    how = chosen().user
    if not isinstance(how, str):
        raise ImproperlyConfigured("EVERYWIRE['USER'] is a function: it does not say who has a name")
    if caller.user is None:
        return AnonymousUser()
    found = get_user_model()._default_manager.filter(**{how: caller.user}).first()
    return AnonymousUser() if found is None else found


async def auser_of(caller: Caller) -> Any:
    """Give Django's user who calls, as `user_of` does, in a coroutine."""
    return await sync_to_async(closing(partial(user_of, caller)), thread_sensitive=False)()
