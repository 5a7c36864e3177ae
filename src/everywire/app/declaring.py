"""What an application declares before it runs: channels, handlers, hooks, routes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

from everywire.brokers.base import Retention
from everywire.hub.changes import ChangeHook, ChangeKind
from everywire.hub.enrolling import personal
from everywire.hub.hooks import ConnectHook, Handler, Hooks
from everywire.hub.kinds import ACTIONS, Access, Action, ChannelKind, Presence, Rule
from everywire.servers.routes import Route, Routes

__all__ = ["ChannelOptions", "Declaring"]

C = TypeVar("C", bound=ConnectHook)
G = TypeVar("G", bound=ChangeHook)
H = TypeVar("H", bound=Handler)
R = TypeVar("R", bound=Route)


class ChannelOptions(TypedDict, total=False):
    """What a kind of channel keeps, and who may do what in it.

    `history` publications are kept (0: none) for `ttl` seconds each; the latest `keys` idempotency keys are
    remembered for `window` seconds each; with `presence` its members are listed: sessions (True, "sessions") or
    users, each with any number of sessions ("users"). Others are told that a member left when it was away for `leave_after` seconds.
    The four rules are True, False or a function of an `Access`, sync or async.
    """

    history: int
    ttl: float
    window: float
    keys: int
    presence: Presence
    leave_after: float
    may_subscribe: Rule
    may_publish: Rule
    may_history: Rule
    may_presence: Rule


class Declaring:
    """The declaring half of an application; nothing here needs an event loop."""

    def __init__(self) -> None:
        self.has_page = False  # whether something answers at /
        self._hooks = Hooks()
        self._routes = Routes()

    def channel(self, pattern: str, **options: Unpack[ChannelOptions]) -> ChannelKind:
        """Declare the channels whose names match `pattern`, "room:{name}" for instance.

        A `{parameter}` stands for one or more characters other than a colon. Raises `ValueError` for a
        pattern that is there already or makes no sense.
        """
        defaults = Retention()
        kind = ChannelKind(
            pattern,
            Retention(
                size=options.get("history", defaults.size),
                age=options.get("ttl", defaults.age),
                window=options.get("window", defaults.window),
                keys=options.get("keys", defaults.keys),
            ),
            options.get("presence", False),
            options.get("leave_after", 0.0),
            rules=_rules(options),
        )
        self._hooks.kinds.add(kind)
        return kind

    def personal(self, pattern: str = "user:{user}", **options: Unpack[ChannelOptions]) -> ChannelKind:
        """Declare a channel for each user, to which all of that user's sessions are subscribed as they connect.

        `publish_to` publishes there. Unless `options` say otherwise, only that user may subscribe and read its history, and no client
        may publish. Raises `ValueError` for a pattern without `{user}`.
        """
        if "{user}" not in pattern:
            raise ValueError(f"a personal channel's pattern has {{user}} in it, {pattern!r} has not")

        def own(access: Access) -> bool:
            user = access.member.user
            return user is not None and personal(pattern, user) == access.channel

        rules: ChannelOptions = {"may_subscribe": own, "may_history": own, "may_presence": own, "may_publish": False}
        kind = self.channel(pattern, **(rules | options))
        self._hooks.personal = pattern
        return kind

    def on(self, name: str) -> Callable[[H], H]:
        """Have calls of `name` answered by the decorated function, sync or async.

        It is given the calling `Member` and the decoded data; what it returns is the result. `Refused`
        tells the caller why not; anything else it raises is logged here, and there an internal error.
        """
        if name in self._hooks.handlers:
            raise ValueError(f"there is a handler of {name!r} already")

        def decorate(handler: H) -> H:
            self._hooks.handlers[name] = handler
            return handler

        return decorate

    def on_connect(self, hook: C) -> C:
        """Have the decorated function, sync or async, say who connects.

        It is given a `Connecting` and returns the user's name, or None for an anonymous user. It raises
        `Refused` to turn the client away: for good (with code 101, closing with 4401; else with 4403),
        or, if that is `temporary`, until later (1013).
        """
        self._hooks.connect = hook
        return hook

    def on_join(self, pattern: str) -> Callable[[G], G]:
        """Have the decorated function, sync or async, learn of every member that comes into a channel of this kind.

        `pattern` is that of a `channel` with presence; the function is given a `Change`. It learns of each at least once and in order
        within a channel, on one of the nodes; see `docs/presence.md` for what happens when it fails.
        """
        return self._on("join", pattern)

    def on_leave(self, pattern: str) -> Callable[[G], G]:
        """The same of every member that leaves."""
        return self._on("leave", pattern)

    def on_occupied(self, pattern: str) -> Callable[[G], G]:
        """The same of every channel that has its first member; that one joins afterwards."""
        return self._on("occupied", pattern)

    def on_vacated(self, pattern: str) -> Callable[[G], G]:
        """The same of every channel that has no member any more; the last left before."""
        return self._on("vacated", pattern)

    def _on(self, kind: ChangeKind, pattern: str) -> Callable[[G], G]:
        if (kind, pattern) in self._hooks.changes:
            raise ValueError(f"there is a hook for {kind} of {pattern!r} already")

        def decorate(hook: G) -> G:
            self._hooks.changes[kind, pattern] = hook
            return hook

        return decorate

    def route(self, path: str) -> Callable[[R], R]:
        """Have plain HTTP requests for `path` answered by the decorated function of a `Request`."""

        def decorate(route: R) -> R:
            self._routes.add(path, route)
            self.has_page = self.has_page or path == "/"
            return route

        return decorate

    def static(self, prefix: str, folder: str | Path) -> None:
        """Serve the files of `folder` under `prefix`; a folder's page is its index.html."""
        self._routes.mount(prefix, Path(folder))
        self.has_page = self.has_page or (prefix == "/" and Path(folder, "index.html").is_file())


def _rules(options: ChannelOptions) -> dict[Action, Rule]:
    given = {f"may_{action}": action for action in ACTIONS}
    return {given[name]: rule for name, rule in options.items() if name in given}  # type: ignore[misc]
