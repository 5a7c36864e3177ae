"""An application that npm's Admin UI may look at."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypedDict, Unpack

from everywire.app.administered import Counter
from everywire.app.checking import check_known
from everywire.dialects.base import Dialect
from everywire.dialects.socketio import SocketIODialect
from everywire.errors import Refused
from everywire.gateway import HttpSettings
from everywire.http.origin import Besides, Pages, allowed
from everywire.http.request import Request
from everywire.hub.codes import Code
from everywire.hub.hooks import Connecting, Hooks
from everywire.hub.hub import Hub
from everywire.ops.admin import check_key
from everywire.ops.instrument import Channels, Desk, Instrument, Names, by_key

__all__ = ["InstrumentOptions", "Instrumented"]

_log = logging.getLogger("everywire.admin")


class InstrumentOptions(TypedDict, total=False):
    """What the Admin UI may see and do.

    In `mode` "development", as unless it is said otherwise, each client is listed, with its rooms and what it says; in "production" numbers alone
    are told. With `read_only` nothing can be done. `server_id` names this server there, `namespace` is where the UI connects to. Numbers are told
    every `server_stats_interval` seconds (2), and `max_events` (1,000) events of clients at most between two times; `max_clients` (1,000) are listed
    at most. Who was let in comes back without the key for `session_ttl` seconds (a day). Pages of other `origins` may be the UI, and nothing else:
    "https://admin.socket.io", for instance.
    """

    mode: Literal["development", "production"]
    read_only: bool
    server_id: str | None
    namespace: str
    server_stats_interval: float
    max_events: int
    max_clients: int
    session_ttl: float
    origins: Sequence[str | re.Pattern[str]]


class Instrumented:
    """The part of an application that the Admin UI is served by.

    Invariants: `_desk` is there while the application runs and serves it.
    """

    _hooks: Hooks
    _hub: Hub | None
    _named: set[str]
    _counters: list[Counter]
    _names: Names = Channels()
    _instrument: Instrument | None = None
    _by_key: tuple[str | None, dict[str, Any]] | None = None
    _desk: Desk | None = None

    def instrument(self, key: str | None = None, **options: Unpack[InstrumentOptions]) -> None:
        """Have npm's Admin UI served to who shows `key` as the password, with any name; one of those of `app.admin` where none is given.

        Without any key there is no such namespace. Raises `ValueError` for a key that could be guessed, and for options that make no sense; the start
        does, where the application has a namespace of that name itself. See docs/dialects/socketio.md.
        """
        self._check_not_running()
        check_key(key)
        check_known("instrument", options, InstrumentOptions.__annotations__)
        Instrument(check=lambda shown: False, **options)
        self._by_key = key, dict(options)

    def instrument_by(self, instrument: Instrument) -> None:
        """Have it served as `instrument` says; raises `ValueError` where the application runs already."""
        self._check_not_running()
        self._instrument = instrument

    def _check_not_running(self) -> None:
        if self._hub is not None:
            raise ValueError("instrument the application before it runs")

    @property
    def spaces_by_name(self) -> Collection[str]:
        """The spaces of the application's own sessions, as far as they were named."""
        return {*self._named, *self._hooks.parts}

    def _check_hidden(self) -> None:
        """Raise `ValueError` where the UI would be served in place of something of the application's own."""
        name = None
        if self._instrument is not None:
            name = self._instrument.namespace
        elif self._by_key is not None and (self._by_key[0] is not None or self._keys()):
            name = Instrument(check=lambda shown: False, **self._by_key[1]).namespace
        if name is not None and name in self.spaces_by_name:
            raise ValueError(
                f"the Admin UI would hide {name!r} of the application: instrument(…, namespace=…) gives it another place"
            )

    def _instrumented(self, hub: Hub, http: HttpSettings) -> HttpSettings:
        """Begin to serve it; gives what HTTP transports may do then."""
        self._hooks.spaces.clear()
        self._hooks.guard = None
        instrument = self._instrument or self._keyed()
        if instrument is None:
            return http
        self._desk = Desk(hub, instrument, self._names)
        self._hooks.spaces[instrument.namespace] = self._desk.hooks()
        if not instrument.origins:
            return http
        self._hooks.guard = _guard(http.pages)
        return replace(http, origins=Besides(http.origins, instrument.origins))

    def _check_reachable(self, spoken: Iterable[Dialect]) -> None:
        """Warn where no language is spoken that a UI speaks."""
        if self._desk is not None and not any(isinstance(each, SocketIODialect) for each in spoken):
            _log.warning("the Admin UI cannot connect, for nothing serves Socket.IO: app.socketio()")

    def _keyed(self) -> Instrument | None:
        if self._by_key is None:
            return None
        key, options = self._by_key
        keys = self._keys() if key is None else [key]
        if not keys:
            _log.warning("the Admin UI is not served, for there is no key: app.instrument(key), or app.admin(key=…, …)")
            return None
        return Instrument(check=by_key(keys), seal="\n".join(keys), **options)

    def _keys(self) -> Sequence[str]:
        return [counter.key for counter in self._counters if counter.key is not None]

    def _uninstrumented(self) -> None:
        """Serve it no more."""
        if self._desk is not None:
            self._desk.close()
        self._desk = None


def _guard(origins: Pages) -> Callable[[Connecting], None]:
    """Turn away, from all but the UI, pages that are not among `origins`."""

    def guard(connecting: Connecting) -> None:
        if isinstance(connecting.request, Request) and not allowed(connecting.request, origins):
            raise Refused("pages of this Origin may open the Admin UI alone", Code.DENIED)

    return guard
