"""Which sessions are meant, on every node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Choice", "Whom", "chosen"]


class Whom(TypedDict, total=False):
    """Which sessions are meant: all to whom everything holds that is said here.

    `channels`: subscribed to one of them, by this name. `space`: this one of their clients' sessions, a namespace of Socket.IO for instance.
    `user`: that user's. `sessions`: one of these public ids. But for those in `exclude`, by their public ids, and those that are subscribed to
    one of the channels in `outside`. Where several are taken, one may be given by itself. `everybody` is to be said where nothing else is.
    """

    channels: str | Iterable[str]
    space: str
    user: str
    sessions: str | Iterable[str]
    exclude: str | Iterable[str]
    outside: str | Iterable[str]
    everybody: bool


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """The same, as nodes tell it each other; what is None was not said."""

    channels: tuple[str, ...] | None = None
    space: str | None = None
    user: str | None = None
    sessions: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it says nothing of whom it means."""
        return self.channels is None and self.space is None and self.user is None and self.sessions is None

    def of(self, hub: Hub) -> list[Session]:
        """Give those that live on the node of `hub`, at this moment; none that is not the application's (`Hooks.spaces`)."""
        without = {session for name in self.outside for session in _subscribed(hub, name)}
        excluded = {*self.exclude}
        return [
            session
            for session in self._some(hub)
            if session not in without and session.id not in excluded and self._has(hub, session)
        ]

    def _some(self, hub: Hub) -> Iterable[Session]:
        """Give all that may be meant, each once: by what there are likely fewest of."""
        if self.sessions is not None:
            named = dict.fromkeys(self.sessions)
            return [hub.sessions[name] for name in named if name in hub.sessions]
        if self.channels is not None:
            return dict.fromkeys(session for name in self.channels for session in _subscribed(hub, name))
        return hub.of_user(self.user) if self.user is not None else [*hub.sessions.values()]

    def _has(self, hub: Hub, session: Session) -> bool:
        if session.space in hub.hooks.spaces:
            return False
        if self.channels is not None and session.subscriptions.keys().isdisjoint(self.channels):
            return False
        return self.space in (None, session.space) and self.user in (None, session.user)


def chosen(whom: Whom, *, all_: bool = False) -> Choice:
    """Give the choice that an application makes; with `all_` saying nothing means everybody.

    Raises `TypeError` for what is no choice: a word that is not known, and None, too, which would otherwise mean more than was meant.
    """
    said: dict[str, Any] = {}
    for name, value in whom.items():
        if name not in Whom.__annotations__:
            raise TypeError(f"no sessions are chosen by {name!r}: say {', '.join(Whom.__annotations__)}")
        if name in ("space", "user"):
            if not isinstance(value, str):
                raise TypeError(f"{name} is a text, not {value!r}")
            said[name] = value
        elif name != "everybody":
            said[name] = _several(name, value)
    choice = Choice(**said)
    if choice.open and not (all_ or whom.get("everybody")):
        raise TypeError("say which sessions are meant: by channels, space, user or sessions; or everybody=True")
    if whom.get("everybody") and not choice.open:
        raise TypeError("everybody=True is said where nothing else says which sessions are meant")
    return choice


def _several(name: str, value: Any) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (None,)
    if not all(isinstance(each, str) for each in names):
        raise TypeError(f"{name} are texts, or one text, not {value!r}")
    return tuple(dict.fromkeys(names))


def _subscribed(hub: Hub, channel: str) -> Iterable[Session]:
    known = hub.channels.get(channel)
    return known.subscriptions if known is not None else ()
