"""Why a client may be told that its session does not go on, by what there is and not by what its server says.

Nobody goes on, and that is honest, with

    no order      it was told something late, or in doubt, and shows that
    another era   the authority began anew since
    not kept      something that it missed in one of its channels is not kept any more
    began anew    a channel lost its log, and nothing that it was told came after that
    beginning     a subscription was yet to begin: none can tell whether something came since
    ended         the session ended: it was subscribed later here than where it had been, which was not known at first
    no record     its node, or the authority, died with what was known of it; or it had begun a moment before, and none knew yet
    asked twice   it asked over another line a moment before, which it lost: a node, or two, was about to go on
    in doubt      a node lost news, and looks what they were
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from everywire.hub.continuity import records

if TYPE_CHECKING:
    from tests.hub.continuity.renewals import Play, Step
    from tests.hub.remembering import Remembering

DOUBT = 2.5  # seconds in which a loss is made good
MOMENT = 0.5  # in which a question is answered


class Reasons:
    """Collects them while clients connect; `found` counts those that were given, `faults` are noes without any."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._of: dict[Remembering, set[str]] = {}
        self._asked: dict[Remembering, float] = {}
        self.faults: list[str] = []
        self.found: Counter[str] = Counter()
        self.killed = self._died = False
        self._lost = -DOUBT
        self._restarted = -1.0
        self._forgotten: dict[str, float] = {}
        self._ended: set[str] = set()
        self._known: list[Any] = []

    def watch(self) -> None:
        """Watch the clients, and the nodes that there are by now."""
        for client in self._play.clients:
            client.ended = self._is_over
        for net in self._play.nets:
            if net not in self._known:
                self._known.append(net)
                self._spy(net)

    def _spy(self, net: Any) -> None:
        continuing = net.app.hub.continuing
        abandon = continuing.abandon

        def noted(session: Any) -> None:
            self._ended.add(session.id)
            abandon(session)

        continuing.abandon = noted

    def note(self, step: Step) -> None:
        """Learn of a step."""
        if step[0] in ("cut", "restart"):
            self._lost = self._play.loop.time()
        if step[0] == "restart":
            self._restarted = self._play.loop.time()
        if step[0] == "forget":
            self._forgotten[step[1]] = self._play.loop.time()
        if step[0] == "kill":
            self.killed = True
            self.watch()
        self._died = self._died or step[0] in ("kill", "restart")

    def read(self, name: str, record: bytes | None) -> None:
        """Learn what a node reads of a session."""
        for client, reasons in self._of.items():
            if not client.lives or name != f"session:{client.life.session}":
                continue
            if record is not None and None in (records._read(record).begun or ()):
                reasons.add("beginning")
            if record is None and (self._died or self._play.loop.time() - client.began < MOMENT):
                reasons.add("no record")

    def begun(self, client: Remembering) -> None:
        """Note what there is as `client` begins to connect."""
        now = self._play.loop.time()
        twice = client.resumed is None and now - self._asked.get(client, -MOMENT) < MOMENT
        self._asked[client] = now
        self._of[client] = self._now(client) | ({"asked twice"} if twice else set())

    def _is_over(self, client: Remembering) -> None:
        """Judge a no that `client` is being told."""
        if not client.lives:
            client.began = self._asked[client]
            return
        reasons = self._of[client] | self._now(client)
        if not reasons:
            self.faults.append(f"session {client.life.session} ended at {self._play.loop.time()} for no reason")
        self.found[" or ".join(sorted(reasons))] += 1
        client.began = self._asked[client]

    def _now(self, client: Remembering) -> set[str]:
        if not client.lives:
            return set()
        client.owed()
        told, channels = client.order.rpartition(":"), client.life.at.items()
        reasons = {
            "no order": client.order != "" and told[2] == "0",
            "another era": client.began <= self._restarted,
            "not kept": any(self._not_kept(channel, at) for channel, at in channels),
            "began anew": any(self._anew(channel, told) for channel, _ in channels),
            "beginning": self._beginning(client.life.session),
            "ended": client.life.session in self._ended,
            "in doubt": self._play.loop.time() - self._lost <= DOUBT,
        }
        return {reason for reason, holds in reasons.items() if holds}

    def _beginning(self, session: str) -> bool:
        here = [net.app.hub.sessions[session] for net in self._play.nets if session in net.app.hub.sessions]
        return any(each.begun is None for one in here for each in one.subscriptions.values())

    def _not_kept(self, channel: str, at: Any) -> bool:
        log = self._play.memory._logs.get(channel)
        if log is not None and log.epoch == at.epoch:
            return at.offset < log.first - 1
        return (channel, at.epoch, at.offset + 1) in self._play.truth or (log is not None and log.first > 1)

    def _anew(self, channel: str, told: tuple[str, str, str]) -> bool:
        """Say whether the channel's log was lost, and what was told last came not much later."""
        when = self._play.times.get((told[0], int(told[2] or 0)), 0.0)
        return channel in self._forgotten and when <= self._forgotten[channel] + MOMENT
