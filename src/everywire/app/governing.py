"""Who may come to an application, and who has to go."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable
from typing import Any

from everywire.app.administered import Counter
from everywire.app.checking import check_function
from everywire.app.resolving import Resolving
from everywire.hub.access.revoking import Told
from everywire.hub.hooks import ConnectHook, Hooks, Tracer
from everywire.hub.hub import Hub
from everywire.hub.threads import started
from everywire.ops.tracing import OpenTelemetry
from everywire.ops.view import View
from everywire.servers.routes import Routes

__all__ = ["Governing"]


class Governing:
    """The governing part of an application. Whatever it does is done on every node, within a second; any thread may ask for it."""

    _hooks: Hooks
    _resolving: Resolving
    _connecting: str
    _routes: Routes
    _counters: list[Counter]
    _tracer: Tracer | None = None

    @property
    @abstractmethod
    def hub(self) -> Hub:
        """The running hub; raises `EverywireError` before the start."""

    @abstractmethod
    async def view(self) -> View:
        """Give what there is on all nodes, as of now."""

    @property
    def auth(self) -> ConnectHook | None:
        """What says who connects: a `JWT`, or any function that `on_connect` takes."""
        return self._hooks.connect

    @auth.setter
    def auth(self, hook: ConnectHook | None) -> None:
        if self._connecting == "@app.on_connect":
            raise ValueError(
                "@app.on_connect says who connects already: let it ask the other, as in `return JWT(…)(connecting)`"
            )
        if hook is not None:
            hook = self._resolving.complete("app.auth", hook)
            check_function("app.auth is a JWT, or a function", hook, "a `Connecting`")
        self._hooks.connect, self._connecting = hook, "app.auth"

    def admin(
        self,
        *,
        key: str | None = None,
        port: int | None = None,
        host: str = "127.0.0.1",
        on: str | None = None,
        metrics: str | None = None,
    ) -> None:
        """Have the application administered over HTTP: on a `port` of its own, or below the path `on` of the public one, "/admin" for instance.

        Whoever asks shows `key`, at least 16 characters (`Authorization: Bearer …`); it may be left out where only this machine can ask. Raises
        `ValueError` where it would be open to others. See docs/security.md for what can be asked. At the path `metrics`, beside all that, Prometheus
        gets its metrics without a key, where that port is reached from: raises `ImportError` without the extra `metrics`.
        """
        counter = Counter(key, host, port, on, metrics)
        self._counters.append(counter)
        if counter.on is not None:
            for path, route in counter.routes(lambda: self.hub, self.view).items():
                self._routes.add(path, route)

    def trace(self, provider: Any = None) -> None:
        """Have a span of OpenTelemetry for whatever clients ask for, with `provider` or the one that the process has set.

        Raises `ImportError` without the extra `otel`.
        """
        self._tracer = OpenTelemetry(provider)

    def kick(
        self, user: str | None = None, *, session: str | None = None, code: int = 4404, reason: str = ""
    ) -> Awaitable[None]:
        """End all sessions of `user`, or the one `session` (its public id): connections are closed with `code`, and nothing is resumed.

        With 4404 our clients do not come back by themselves; who connects anew is let in as ever. Awaiting the result waits until all nodes
        have been told. Raises `TypeError` unless there is one of both, `ValueError` for a code that cannot be sent.
        """
        hub = self.hub
        return started(hub.world, lambda: hub.revoking.kick(user, session, code, reason))

    def subscribe(self, channel: str, *, user: str | None = None, session: str | None = None) -> Awaitable[None]:
        """Subscribe all sessions that `user` has at this moment, or the one `session`, to `channel`, without asking its rules.

        Their clients are told as if they had asked for it, and begin it again whenever they come back. Once it is awaited, what is published
        there reaches those on this node, the caller of a handler for one; `subscribe_all` waits for those on other nodes, too.
        Raises `TypeError` unless there is one of both, `Refused` for a name that no kind of channel has.
        """
        hub = self.hub
        return started(hub.world, lambda: hub.enrolling.enrol(channel, user, session))

    def unsubscribe(
        self, user: str | None, channel: str, reason: str = "", *, session: str | None = None
    ) -> Awaitable[None]:
        """End the subscriptions of `user`, or of the one `session`, to `channel`, whoever began them.

        The clients are told `reason`, and may subscribe again where they are allowed to.
        """
        hub = self.hub
        return started(hub.world, lambda: hub.revoking.remove(user, channel, reason, session))

    def revoke(
        self,
        user: str | None = None,
        *,
        token: str | None = None,
        before: float | None = None,
        lasting: float | None = None,
        reason: str | None = None,
    ) -> Awaitable[None]:
        """Let the tokens of `user` issued before `before` (seconds since 1970; None: now) hold no longer, or the `token` with that id.

        Their sessions are closed with 4401 and `reason` ("the token was revoked", unless given), and nobody gets in by them any more. That is
        remembered for `lasting` seconds (one day, unless `Settings.revocation` says otherwise), which should be as long as such tokens live. Who
        got in by something that does not say when it was issued is not concerned: kick him, and have the connect hook refuse him.
        """
        hub, told = self.hub, Told() if reason is None else Told(reason)
        return started(hub.world, lambda: hub.revoking.revoke(user, token, before, lasting, told=told))
