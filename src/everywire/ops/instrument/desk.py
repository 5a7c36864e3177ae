"""UIs that are connected to this node: what happens on all nodes is handed on to them, and what they ask for is carried out there."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec

from everywire.dialects.socketio import admin
from everywire.errors import SessionGone
from everywire.hub.calling.asking import say
from everywire.hub.calling.callers import Caller
from everywire.hub.calling.handlers import Handler, HandlerOptions
from everywire.hub.hooks import Hooks
from everywire.messages import Raw
from everywire.ops.instrument.access import Access
from everywire.ops.instrument.listing import Found, Listing
from everywire.ops.instrument.looking import Looking
from everywire.ops.instrument.options import Instrument, Names
from everywire.ops.instrument.ordering import Ordering
from everywire.ops.instrument.reporting import REPORT, WATCH, Happened, Report, Reporter, Watch

if TYPE_CHECKING:
    from everywire.hub.hooks import Connecting
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session
    from everywire.hub.world import Timer

__all__ = ["Desk"]

_LASTING: Final = 3  # intervals for which a node goes on to report that hears nothing of us, and is believed to be there that reports nothing
_ALWAYS: Final = "server_stats"  # what needs no order among the rest

_log = logging.getLogger("everywire.admin")
_write = msgspec.json.Encoder().encode


class Desk:
    """Serves the UIs of one node. All nodes report to all nodes on which somebody looks; each hands that on to its own.

    A list of all clients is made of what each node says it has, and of what it reported from then on: so nothing is told twice, or lost.
    It is made anew for every new UI, when a node comes or goes, and where a report was lost.

    Invariants: `_uis` are the sessions of UIs here; a timer runs exactly while there are any; `_held` is what was reported while a list is made, None
    otherwise; `_next` is the number of what each node reports next, as far as it was heard, and `_heard` when that was; `_listed` are those that
    are in the last list, with how much they had reported by then.
    """

    def __init__(self, hub: Hub, instrument: Instrument, names: Names) -> None:
        self._hub: Final = hub
        self._instrument: Final = instrument
        looking = Looking(hub, names)
        self._access: Final = Access(hub, instrument)
        self._reporter: Final = Reporter(hub, instrument, looking)
        self._listing: Final = Listing(hub, instrument, looking, self._reporter)
        self._ordering: Final = Ordering(hub, names)
        self._uis: dict[str, Session] = {}
        self._next: dict[str, int] = {}
        self._heard: dict[str, float] = {}
        self._held: list[tuple[str, int, Happened]] | None = None
        self._again = False
        self._listed: dict[str, int] = {}
        self._timer: Timer | None = None
        hub.notes.add(REPORT, Report, self._reported)

    def hooks(self) -> Hooks:
        """Give what lets UIs in, and answers them."""
        options = HandlerOptions(concurrent=True)
        handlers = {name: Handler(name, self.ordered, options) for name in admin.COMMANDS}
        return Hooks(connect=self._access.coming, connected=self.came, disconnected=self.went, handlers=handlers)

    def close(self) -> None:
        """Stop all timers."""
        self._uis.clear()
        self._rest()
        self._reporter.close()

    # UIs come and go.

    async def came(self, caller: Caller, connecting: Connecting) -> None:
        """Welcome a UI."""
        session = self._hub.sessions.get(caller.session)
        if session is None:
            return
        if not self._access.known(connecting):
            self._say(session, "session", self._access.session())
        features = admin.features(read_only=self._instrument.read_only, verbose=self._instrument.verbose)
        self._say(session, "config", {"supportedFeatures": features})
        self._uis[session.id] = session
        if self._timer is None:
            self._timer = self._hub.world.later(self._instrument.server_stats_interval, self._tick)
        # Before the list: what a node did after it had answered, and before it was asked to report, would be lost.
        await self._ask()
        self._list()

    def went(self, caller: Caller) -> None:
        """Forget a UI; after the last one this node asks for no reports any more."""
        self._uis.pop(caller.session, None)
        if not self._uis:
            self._rest()

    async def ordered(self, caller: Caller, *arguments: Any) -> dict[str, int]:
        """Do what a UI asks for, on all nodes; raises `Refused`."""
        self._ordering.check(read_only=self._instrument.read_only)
        return {"sockets": await self._ordering.order(caller.called, arguments)}

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._next, self._heard = {}, {}

    def _tick(self) -> None:
        self._timer = self._hub.world.later(self._instrument.server_stats_interval, self._tick)
        self._hub.world.task(self._ask())
        oldest = self._hub.world.now() - _LASTING * self._instrument.server_stats_interval
        silent = [node for node, heard in self._heard.items() if heard < oldest]
        for node in silent:
            del self._heard[node]
            self._next.pop(node, None)
        if silent or (self._held is None and not self._heard.keys() <= self._listed.keys()):
            self._list()

    async def _ask(self) -> None:
        """Ask all nodes for reports."""
        try:
            await self._hub.notes.tell(WATCH, Watch(_LASTING * self._instrument.server_stats_interval))
        except Exception as fault:
            _log.warning("no node is asked what happens there: %r", fault)

    # What is told.

    def _reported(self, report: Report, node: str) -> None:
        if not self._uis:
            return
        expected = self._next.get(node)
        self._next[node] = report.first + len(report.happened)
        self._heard[node] = self._hub.world.now()
        if expected is None:
            if self._held is None:  # otherwise it may be in the list that is being made
                self._list()
        elif expected != report.first:
            self._list()
        for number, happened in enumerate(report.happened, report.first):
            if self._held is not None and happened.name != _ALWAYS:
                self._held.append((node, number, happened))
            else:
                self._hand_on(node, number, happened)

    def _hand_on(self, node: str, number: int, happened: Happened) -> None:
        """Tell it to all UIs, unless they know by the last list."""
        if number >= self._listed.get(node, 0) or happened.name == _ALWAYS:
            for session in [*self._uis.values()]:
                self._call(session, happened.name, Raw(happened.arguments))

    def _list(self) -> None:
        """Tell all UIs what clients there are, as soon as it is known."""
        if not (self._instrument.verbose and self._uis):
            return
        if self._held is not None:
            self._again = True
            return
        self._held, self._again = [], False
        self._hub.world.task(self._make_list())

    async def _make_list(self) -> None:
        try:
            self._told(await self._listing.gather())
        except Exception as fault:
            _log.warning("clients cannot be listed: %r", fault)
        held, self._held = self._held or [], None
        for node, number, happened in held:
            self._hand_on(node, number, happened)
        if self._again:
            self._list()

    def _told(self, found: Found) -> None:
        self._listed = found.counts
        for node, following in found.following.items():
            self._next[node] = max(following, self._next.get(node, 0))
        for session in [*self._uis.values()]:
            self._say(session, "all_sockets", found.clients)

    def _say(self, session: Session, name: str, argument: Any) -> None:
        self._call(session, name, Raw(_write([argument])))

    def _call(self, session: Session, name: str, arguments: Raw) -> None:
        with contextlib.suppress(SessionGone):
            say(self._hub, session, name, arguments, positional=True)
