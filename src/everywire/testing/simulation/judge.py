"""Judges a simulated run by what its clients wrote down and what the broker has in the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from everywire.messages import Position
from everywire.testing.checker import Fault, Log, Seen, check
from everywire.testing.simulation.authority import Authority
from everywire.testing.simulation.client import Saying, SimulatedClient
from everywire.testing.simulation.follow import Follow

__all__ = ["Judge"]

_Name = tuple[str, int]  # who published it, and its number


@dataclass
class Judge:
    """Compares; `losses` are the channels whose log was lost, and when."""

    authority: Authority
    clients: Sequence[SimulatedClient]
    channels: Sequence[str]
    losses: Sequence[tuple[str, float]] = ()
    truth: dict[Position, _Name] = field(init=False)

    def __post_init__(self) -> None:
        published = [each for client in self.clients for each in client.published]
        self.truth = {each.position: (each.sender, each.number) for each in published}
        for log in self._logs():
            for entry in log.entries:
                if isinstance(entry, Seen):
                    self.truth.setdefault(entry.position, (entry.sender, entry.number))

    def faults(self) -> list[Fault]:
        """Give every broken promise."""
        found = check(
            self._logs(),
            [each for client in self.clients for each in client.published],
            {follow.log.client: end for _, follow in self._follows() if (end := self.authority.end(follow.channel))},
            said_again=self._said_again(),
        )
        for client in self.clients:
            found += client.broken
            found += [Fault("refused", client.name, reason) for reason in client.refused]
            if client.unanswered:
                found.append(Fault("P6", client.name, f"{client.unanswered} publications are not answered"))
        for client, follow in self._follows():
            found += [*self._audience(client, follow), *self._last(follow), *self._map(follow)]
        return [*found, *self._presence(), *self._compared()]

    def _follows(self) -> Iterable[tuple[SimulatedClient, Follow]]:
        return [(client, follow) for client in self.clients for follow in client.follows.values()]

    def _logs(self) -> list[Log]:
        return [follow.log for _, follow in self._follows()]

    def _saying(self, name: _Name) -> Saying | None:
        return next((client.said.get(name[1]) for client in self.clients if client.name == name[0]), None)

    def _said_again(self) -> Collection[_Name]:
        """Give what was said and not answered when its channel's log was lost."""
        return {
            (client.name, saying.number)
            for client in self.clients
            for saying in client.said.values()
            if saying.position is not None
            and any(lost == saying.channel and saying.since <= when <= saying.answered for lost, when in self.losses)
        }

    # Audience, and what it excuses.

    def _meant(self, name: _Name, session: str, user: str) -> bool:
        saying = self._saying(name)
        fields: Mapping[str, object] = saying.fields if saying is not None else {}
        # Worked out here, and not asked of `Audience`: that is tested.
        to, exclude = fields.get("to"), fields.get("exclude")
        if isinstance(to, dict):
            return bool(to.get("session", session) == session and to.get("user", user) == user)
        return not (isinstance(exclude, list) and session in exclude)

    def _audience(self, client: SimulatedClient, follow: Follow) -> Iterable[Fault]:
        who = follow.log.client
        for position, session in follow.told:
            if not self._meant(self.truth[position], session, client.user):
                yield Fault("audience", who, f"was told {self.truth[position]} at {position}, which is for others")
        for each in follow.left_out:
            for offset in range(each.after.offset + 1, each.end.offset + 1):
                name = self.truth.get(Position(each.end.epoch, offset))
                if each.audience and name is not None and self._meant(name, each.session, client.user):
                    yield Fault("P2", who, f"was not told {name} at {offset}, which is for it")
        for each in follow.doubtful:
            for offset in range(each.after.offset + 1, each.end.offset + 1):
                name = self.truth.get(Position(each.end.epoch, offset))
                if name is None or self._meant(name, each.session, client.user):
                    yield Fault(
                        "P5", who, f"is recovered from {each.after}, and was not told {offset}, which the log had lost"
                    )

    def _last(self, follow: Follow) -> Iterable[Fault]:
        """The last publication is for everybody, and no policy leaves it out."""
        if not follow.log.entries or not isinstance(follow.log.entries[-1], Seen):
            yield Fault("P7", follow.log.client, "was not told the last publication")

    # What there is in the end.

    def _map(self, follow: Follow) -> Iterable[Fault]:
        there = self.authority.entries(follow.channel)
        if follow.keyed and follow.map != there and (follow.policy is None or follow.policy["kind"] == "latest"):
            yield Fault("entries", follow.log.client, f"has {follow.map}, not {there}")

    def _presence(self) -> Iterable[Fault]:
        """Compare who is there with who the broker, and each client, believe is there."""
        for channel in self.channels:
            users = channel.startswith("desk")
            there = {client.user if users else client.session for client in self.clients}
            listed = self.authority.members(channel)
            beliefs = {"the broker": {str(each.user) if users else each.session for each in listed}}
            beliefs |= {client.name: client.follows[channel].members for client in self.clients}
            for who, believed in beliefs.items():
                if believed != there:
                    yield Fault("presence", who, f"believes {sorted(believed)} in {channel}, not {sorted(there)}")
            tabs = sum(each.tabs or 1 for each in listed)
            if tabs != len(self.clients):
                yield Fault("presence", "the broker", f"counts {tabs} sessions in {channel}, not {len(self.clients)}")

    def _compared(self) -> Iterable[Fault]:
        """Look whether what was published under a condition met it: nothing set the entry between what was expected and it."""
        for position, name in self.truth.items():
            saying = self._saying(name)
            if saying is None or "expect" not in saying.fields:
                continue
            before = [
                (at, earlier.fields)
                for at in range(1, position.offset)
                if (other := self.truth.get(Position(position.epoch, at))) and (earlier := self._saying(other))
            ]
            known = len(before) == position.offset - 1
            last: tuple[int, Mapping[str, Any]] = next(
                (each for each in reversed(before) if each[1]["entry"] == saying.fields["entry"]), (0, {})
            )
            found = 0 if last[1].get("remove") else last[0]
            if known and found != saying.fields["expect"]:
                yield Fault("entries", name[0], f"set {name} at {position}: {found} was there, not what it expected")
