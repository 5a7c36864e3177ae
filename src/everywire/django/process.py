"""The hub of this process, from any thread: the one that serves here, or a companion for those that only publish."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from everywire.app import Everywire as Application
from everywire.app import running
from everywire.django.application import Everywire, check_shared
from everywire.django.settings import chosen

__all__ = ["hub_of_process", "known", "publisher", "site"]

_BEGINNING: Final = 10.0  # seconds
_ENDING: Final = 2.0


def hub_of_process() -> Application:
    """Give the application that runs in this process.

    Where none does, one is begun that has the site's channels, and no clients, on a thread of its own. The application that serves is never begun here: its
    server does that, on the server's loop. Raises what hinders the companion.
    """
    found = running.latest()
    return _companion.app() if found is None else found


def publisher() -> Application:
    """Give the same to who publishes; raises `ImproperlyConfigured` where nothing in this process knows the site's channels, which would all be refused."""
    if _served() is None and site() is None:
        raise ImproperlyConfigured(_unknown())
    return hub_of_process()


def known() -> Application:
    """Give the application whose channels this process knows: EVERYWIRE["APP"], or the one that it serves; raises `ImproperlyConfigured` for neither."""
    if (found := site() or _served()) is None:
        raise ImproperlyConfigured(_unknown())
    return found


def _served() -> Application | None:
    """Give what runs here and has clients."""
    found = running.latest()
    return None if found is None or _companion.is_app(found) else found


def _unknown() -> str:
    """Say what to write, and where."""
    package = str(getattr(settings, "ROOT_URLCONF", None) or "mysite.urls").partition(".")[0]
    return (
        "EVERYWIRE['APP'] is not set, and this process serves no Everywire that would know the site's channels: write"
        f' EVERYWIRE = {{"APP": "{package}.realtime.app"}} into the settings, where {package}/realtime.py has app = everywire.django.Everywire()'
    )


def site() -> Application | None:
    """Give the application that EVERYWIRE["APP"] names; raises `ImproperlyConfigured` where there is none, or one that other processes do not reach."""
    path = chosen().app
    if path is None:
        return None
    try:
        found = import_string(path.replace(":", "."))
    except ImportError as fault:
        raise ImproperlyConfigured(
            f"EVERYWIRE['APP'] cannot be imported: {fault}; it names a module, and the application in it: \"mysite.realtime.app\""
        ) from fault
    if not isinstance(found, Application):
        raise ImproperlyConfigured(f"EVERYWIRE['APP'] is {path!r}, which is no Everywire but {found!r}")
    check_shared(found, "EVERYWIRE['APP']")
    return found


class _Companion:
    """An application without clients, on the loop of a thread that ends with the process.

    Invariants: `_begun` belongs to this process; a fork's child begins its own.
    """

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.end)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._begun: Future[Application] | None = None
        self._over: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def app(self) -> Application:
        """Give it, running; the first who asks waits until it has begun."""
        with self._lock:
            if self._begun is None:
                begun = Future[Application]()
                thread = threading.Thread(
                    target=self._run, args=(_alike(site()), begun), name="everywire-companion", daemon=True
                )
                thread.start()  # which may fail: nobody is to wait for it then
                self._begun, self._thread = begun, thread
            begun = self._begun
        try:
            return begun.result(_BEGINNING)
        except BaseException:
            with self._lock:
                if self._begun is begun:  # who asks next tries again
                    self._begun = None
            raise

    def is_app(self, app: Application) -> bool:
        """Say whether that is it."""
        begun = self._begun
        return begun is not None and begun.done() and begun.exception() is None and begun.result() is app

    def end(self) -> None:
        """End it, and wait for that for a moment."""
        with self._lock:
            thread, self._thread, over, self._begun = self._thread, None, self._over, None
        if thread is not None and over is not None:
            loop, event = over
            with suppress(RuntimeError):  # its loop is closed: it ended by itself, or never began
                loop.call_soon_threadsafe(event.set)
            thread.join(_ENDING)

    def _run(self, made: Application, begun: Future[Application]) -> None:
        try:
            asyncio.run(self._live(made, begun))
        except BaseException as fault:
            if begun.done():
                raise
            begun.set_exception(fault)

    async def _live(self, made: Application, begun: Future[Application]) -> None:
        over = asyncio.Event()
        self._over = asyncio.get_running_loop(), over
        made.start()
        begun.set_result(made)
        try:
            await over.wait()
        finally:
            await made.stop()


def _alike(known: Application | None) -> Application:
    """Make an application with the channels of the site's, and without its handlers: it has no clients."""
    made = Everywire()
    if known is not None:
        made.resemble(known)
    return made


_companion: Final = _Companion()
