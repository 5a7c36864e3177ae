"""What an application declares before it runs: channels, handlers, hooks, routes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, Unpack, cast

from everywire.app import installed
from everywire.app.checking import (
    check_begins,
    check_function,
    check_handler,
    check_kind,
    check_known,
    check_namespaces,
    check_path,
    check_personal,
    check_place,
    check_sockjs,
)
from everywire.app.installed import MakeDialect
from everywire.app.resolving import Resolving, worded
from everywire.brokers.base import Retention
from everywire.dialects.base import Dialect, Heartbeat
from everywire.dialects.native import NativeSpeech
from everywire.dialects.socketio import SocketIODialect
from everywire.dialects.sockjs import Offer, SockJSDialect
from everywire.dialects.text import TextDialect
from everywire.hub.calling.handlers import Handler, HandlerOptions
from everywire.hub.calling.shapes import Shape
from everywire.hub.channels.changes import ChangeHook, ChangeKind
from everywire.hub.channels.enrolling import personal
from everywire.hub.channels.policies import Bounds
from everywire.hub.hooks import ConnectedHook, ConnectHook, DisconnectedHook, Hooks
from everywire.hub.kinds import ACTIONS, Access, Action, ChannelKind, Presence, Rule
from everywire.messages import PolicyKind
from everywire.servers.routes import Route, Routes

__all__ = ["CallOptions", "ChannelOptions", "Declaring"]

C = TypeVar("C", bound=ConnectHook)
D = TypeVar("D", bound=ConnectedHook)
E = TypeVar("E", bound=DisconnectedHook)
G = TypeVar("G", bound=ChangeHook)
H = TypeVar("H", bound=Callable[..., Any])
R = TypeVar("R", bound=Route)

_log = logging.getLogger("everywire")
_NONE: Any = None  # in place of a hook: the decorator is written with parentheses


class ChannelOptions(TypedDict, total=False):
    """What a kind of channel keeps, and who may do what in it.

    `history` publications are kept (0: none) for `ttl` seconds each; the latest `keys` idempotency keys are
    remembered for `window` seconds each; with `presence` its members are listed: sessions (True, "sessions") or
    users, each with any number of sessions ("users"). Others are told that a member left when it was away for `leave_after` seconds.
    A `keyed` channel keeps the last publication of each of its entries, `entries` of them at most, for `entry_ttl` seconds each (0: for good).
    `policies` are the delivery policies that subscribers may choose (all unless told), `min_interval` the shortest interval in seconds and
    `max_size` the longest queue they are given. With `wildcards` "room:*" may be subscribed to. `data` is a type: what every publication
    has to be. The four rules are True, False or a function of an `Access`, sync or async.
    """

    data: Any
    history: int
    ttl: float
    window: float
    keys: int
    keyed: bool
    entries: int
    entry_ttl: float
    policies: Iterable[PolicyKind]
    min_interval: float
    max_size: int
    wildcards: bool
    presence: Presence
    leave_after: float
    may_subscribe: Rule
    may_publish: Rule
    may_history: Rule
    may_presence: Rule


class CallOptions(TypedDict, total=False):
    """How a handler runs.

    `concurrent`: commands behind its call do not wait for it. `inline`: a plain function runs on the event loop, not in a thread, for
    those that are over at once. `finish`: once begun it runs to its end, whatever becomes of its client. `timeout`: in how many seconds
    it has to answer, None for no limit; the hub's setting `call_deadline` where it is left out.
    """

    concurrent: bool
    inline: bool
    finish: bool
    timeout: float | None


class SockJSOptions(TypedDict, total=False):
    """What SockJS's clients are offered.

    Without `websocket` they are told not to try that. With `cookie` a balancer that keeps clients where they are by JSESSIONID is told so; none is
    needed. `client_url` is where the page in a frame, by which pages of other origins come, fetches SockJS's own script: say where yours is. A stream
    ends after `response_limit` bytes, to be asked for again; a session is over `disconnect_delay` seconds after its last receiver; a body brings
    `max_payload` bytes.
    """

    websocket: bool
    cookie: bool
    client_url: str
    response_limit: int
    disconnect_delay: float
    max_payload: int


class Declaring:
    """The declaring half of an application; nothing here needs an event loop."""

    path: str

    def __init__(self) -> None:
        self.has_page = False  # whether something answers at /
        self._offered: set[str] = set()  # paths that we answer, not the application
        self._resolving = Resolving()
        self._hooks = Hooks(resolver=self._resolving, wording=worded)
        self._connecting = ""  # what gave the connect hook
        self._routes = Routes()
        self._dialects: list[Callable[[Heartbeat], Dialect]] = []
        self._places: dict[str, str] = {}  # by path, who finds it there beside everywire's own clients
        self._answering: dict[str, str] = {}  # by path, the handler of all that is said there
        self._named: set[str] = set()  # namespaces that there are by name

    @property
    def hooks(self) -> Hooks:
        """Everything that was declared, as the hub consults it."""
        return self._hooks

    def channel(self, pattern: str, **options: Unpack[ChannelOptions]) -> ChannelKind:
        """Declare the channels whose names match `pattern`, "room:{name}" for instance.

        A `{parameter}` stands for one or more characters other than a colon, `{number:int}` for an integer, `{id:uuid}` for a UUID. Raises `ValueError` for a
        pattern that is there already or makes no sense, `TypeError` for a `data` that nothing can be read as.
        """
        check_known(f"channel {pattern!r}", options, ChannelOptions.__annotations__)
        options = self._completed(pattern, options)
        check_kind(pattern, options)
        kind = ChannelKind(
            pattern,
            _retention(options),
            options.get("presence", False),
            options.get("leave_after", 0.0),
            wildcards=options.get("wildcards", False),
            bounds=_bounds(options),
            rules=_rules(options),
            shape=Shape(options["data"]) if "data" in options else None,
            complete=self._resolving.complete,
        )
        self._hooks.kinds.add(kind)
        return kind

    def _completed(self, pattern: str, options: ChannelOptions) -> ChannelOptions:
        """Have rules given what they take beside an `Access`."""
        given = {
            name: self._resolving.complete(f"channel {pattern!r}: {name}", value) if callable(value) else value
            for name, value in options.items()
            if name.startswith("may_")
        }
        return cast("ChannelOptions", {**options, **given})

    def personal(self, pattern: str = "user:{user}", **options: Unpack[ChannelOptions]) -> ChannelKind:
        """Declare a channel for each user, to which all of that user's sessions are subscribed as they connect.

        `publish_to` publishes there. Unless `options` say otherwise, only that user may subscribe and read its history, and no client
        may publish. Raises `ValueError` for a pattern without `{user}`.
        """
        check_personal(pattern)
        if self._hooks.personal is not None:
            raise ValueError(
                f"users have a channel of their own already: {self._hooks.personal!r}; declare others by `channel`"
            )

        def own(access: Access) -> bool:
            user = access.member.user
            return user is not None and personal(pattern, user) == access.channel

        rules: ChannelOptions = {"may_subscribe": own, "may_history": own, "may_publish": False}
        if options.get("presence"):
            rules["may_presence"] = own
        kind = self.channel(pattern, **(rules | options))
        self._hooks.personal = pattern
        return kind

    def on(self, name: str, **options: Unpack[CallOptions]) -> Callable[[H], H]:
        """Have calls of `name` answered by the decorated function; docs/handlers.md says what it may take and give.

        The name "*" stands for all that have no handler of their own: `Caller.called` says which it was.

        What it returns is the result, what an async generator yields is a stream. `Refused` tells the caller why not; anything else it
        raises is logged here, and there an internal error. Raises `ValueError` for a name that has a handler already, `TypeError` for
        a function that could never be called.
        """
        check_known(f"handler {name!r}", options, CallOptions.__annotations__)
        check_handler(name, options)
        if name in self._hooks.handlers or (name == "*" and self._hooks.other is not None):
            raise ValueError(f"there is a handler of {name!r} already")
        chosen = HandlerOptions(**options)

        def decorate(handler: H) -> H:
            if name == "*":
                self._hooks.other = Handler(name, handler, chosen, self._resolving)
            else:
                self._hooks.handlers[name] = Handler(name, handler, chosen, self._resolving)
            return handler

        return decorate

    def on_connect(self, hook: C = _NONE) -> C:
        """Have the decorated function, sync or async, say who connects.

        It is given a `Connecting` and returns the user's name, or None for an anonymous user. It raises
        `Refused` to turn the client away: for good (with code 101, closing with 4401; else with 4403),
        or, if that is `temporary`, until later (1013). Raises `ValueError` where something else says so already: `app.auth`, or another hook.
        """
        completed = self._resolving.complete("@app.on_connect", hook)
        check_function("@app.on_connect is for a function", completed, "a `Connecting`")
        if self._hooks.connect is not None:
            raise ValueError(f"{self._connecting} says who connects already: let one function ask the other")
        self._hooks.connect, self._connecting = completed, "@app.on_connect"
        return hook

    def on_connected(self, hook: D = _NONE) -> D:
        """Have the decorated function, sync or async, learn of each session that begins, after its client was told: given a `Caller` and the `Connecting`.

        What the client says next waits for it. A session that is continued does not begin. Raises `ValueError` where there is such a hook already.
        """
        completed = self._resolving.complete("@app.on_connected", hook)
        check_function("@app.on_connected is for a function", completed, "a `Caller` and a `Connecting`", 2)
        if self._hooks.connected is not None:
            raise ValueError("@app.on_connected is there already: let one function call the other")
        self._hooks.connected = completed
        return hook

    def on_disconnected(self, hook: E = _NONE) -> E:
        """Have the decorated function, sync or async, learn of each session that is over: its client left, or did not come back in time. Given a `Caller`.

        One whose node is killed is told by nobody; presence is what is true then. Raises `ValueError` where there is such a hook already.
        """
        completed = self._resolving.complete("@app.on_disconnected", hook)
        check_function("@app.on_disconnected is for a function", completed, "a `Caller`")
        if self._hooks.disconnected is not None:
            raise ValueError("@app.on_disconnected is there already: let one function call the other")
        self._hooks.disconnected = completed
        return hook

    def on_join(self, pattern: str) -> Callable[[G], G]:
        """Have the decorated function, sync or async, learn of every member that comes into a channel of this kind.

        `pattern` is that of a `channel` with presence; the function is given a `Change`. It learns of each at least once and in order
        within a channel, on one of the nodes; see `docs/presence.md` for what happens when it fails.
        """
        return self._on("join", pattern)

    def on_leave(self, pattern: str) -> Callable[[G], G]:
        """Have the decorated function learn of every member that leaves a channel of this kind, as `on_join` does of those that come."""
        return self._on("leave", pattern)

    def on_occupied(self, pattern: str) -> Callable[[G], G]:
        """Have it learn of every channel of this kind that has its first member, as `on_join` does; that one joins afterwards."""
        return self._on("occupied", pattern)

    def on_vacated(self, pattern: str) -> Callable[[G], G]:
        """Have it learn of every channel of this kind that has no member any more, as `on_join` does; the last left before."""
        return self._on("vacated", pattern)

    def _on(self, kind: ChangeKind, pattern: str) -> Callable[[G], G]:
        if not isinstance(pattern, str):
            raise TypeError(f'a hook is for a kind of channels: @app.on_{kind}("room:{{name}}")')
        known = self._hooks.kinds.with_pattern(pattern)
        if known is not None and not known.presence:
            raise ValueError(f"channel {pattern!r} does not tell who is there: declare it with presence=True")
        if (kind, pattern) in self._hooks.changes:
            raise ValueError(f"there is a hook for {kind} of {pattern!r} already")

        def decorate(hook: G) -> G:
            completed = self._resolving.complete(f"@app.on_{kind}", hook)
            check_function(f"@app.on_{kind} is for a function", completed, "a `Change`")
            self._hooks.changes[kind, pattern] = completed
            return hook

        return decorate

    def speak(self, dialect: str | MakeDialect, path: str | None = None, **options: Any) -> None:
        """Have clients of another dialect served beside everywire's own: `dialect` makes it, given the application's heartbeat.

        A text names one that an installed package has, which takes the `path` and other options. Raises `ValueError` for a name that there is not
        and for a path that is taken, `TypeError` for options that the dialect does not take.
        """
        if isinstance(dialect, str):
            name = dialect
            path, dialect = installed.dialect(name, path, options)
            if path is not None:
                check_begins(f"app.speak({name!r})", path)
                self._take(path, name)
        elif path is not None or options:
            raise TypeError("app.speak: options are for dialects that are named; what makes one has its own already")
        check_function("app.speak takes what makes a dialect", dialect, "a `Heartbeat`")
        self._dialects.append(dialect)

    @property
    def beside(self) -> str:
        """Who is served where beside everywire's own clients, in words: "SignalR at /chat, SockJS at /sockjs"."""
        return ", ".join(f"{clients} at {path or '/'}" for path, clients in self._places.items())

    def has(self, path: str) -> bool:
        """Say whether something is declared at `path`: clients of some dialect, a route, or a file's folder."""
        places = (self.path, *self._places)
        if any(path == each or path.startswith(f"{each}/") for each in places):
            return True
        return path not in self._offered and self._routes.has(path)

    def _take(self, path: str, clients: str) -> None:
        """Have `path` for `clients` of a kind alone; raises `ValueError` where others find theirs there, who would get all of it."""
        check_place(path, clients, self.path, self._places)
        self._places[path] = clients

    def _check_answered(self) -> None:
        """Warn where whatever clients say would be refused, for there is no such handler; who names none may want to hear nothing."""
        for path, name in self._answering.items():
            if name not in ("message", *self._hooks.handlers) and self._hooks.other is None:
                _log.warning("whatever clients at %s say is refused: there is no handler @app.on(%r)", path, name)

    def socketio(
        self,
        path: str = "/socket.io",
        *,
        namespaces: Collection[str] | Callable[[str], bool] = ("/",),
        max_payload: int = 1_000_000,
        recovery: bool = False,
    ) -> None:
        """Serve the clients of Socket.IO, versions 3 and 4, at `path`: over long polling, over WebSocket, and from the one to the other.

        `namespaces` are those that there are, or a function that says whether there is one of that name; each that a client connects to is a
        session. A message, and all that is attached to one, has at most `max_payload` bytes. With `recovery`, a client that comes back in
        time has its session, its channels, and what was published there meanwhile, and each event that is not to be acknowledged has one more
        argument, a text, behind its own. See docs/dialects/socketio.md.
        """
        check_begins("app.socketio", path)
        check_namespaces(namespaces)
        known = namespaces if callable(namespaces) else frozenset(namespaces).__contains__
        spaces = self._hooks.spaces
        if not callable(namespaces):
            self._named.update(namespaces)

        def there(name: str) -> bool:
            return name in spaces or known(name)

        def recoverable(name: str) -> bool:
            return recovery and name not in spaces

        self._take(path.rstrip("/"), "Socket.IO")
        self.speak(lambda beat: SocketIODialect(path, beat, there, max_payload, recoverable=recoverable))

    def sockjs(
        self,
        path: str = "/sockjs",
        *,
        speaks: Literal["native", "text"] = "native",
        handler: str = "message",
        **offer: Unpack[SockJSOptions],
    ) -> None:
        """Serve the clients of SockJS at `path`, by each of its transports.

        In its strings they speak everywire's own JSON ("native"), or each string is a call of `handler` ("text"): what that returns, publications and
        `caller.tell` are strings, a text as it is, other data as JSON. See docs/dialects/sockjs.md.
        """
        check_known("app.sockjs", offer, SockJSOptions.__annotations__)
        check_sockjs(path, speaks, offer)
        if speaks == "text":
            self._answering[path] = handler
        elif handler != "message":
            raise ValueError(f'app.sockjs: the handler {handler!r} is for strings: speaks="text"')

        def made(beat: Heartbeat) -> SockJSDialect:
            speech = TextDialect(path, handler, beat.every) if speaks == "text" else NativeSpeech()
            return SockJSDialect(path, speech, beat, Offer(**offer))

        self._take(path, "SockJS")
        self.speak(made)

    def websocket(self, path: str, *, handler: str = "message") -> None:
        """Serve plain WebSocket clients at `path`: each of their messages is a call of `handler`, as with `sockjs` that speaks "text"."""
        check_path("app.websocket", path)
        self._take(path, "plain WebSocket")
        self._answering[path] = handler
        self.speak(lambda beat: TextDialect(path, handler, beat.every))

    def route(self, path: str) -> Callable[[R], R]:
        """Have plain HTTP requests for `path` answered by the decorated function of a `Request`.

        Raises `ValueError` for a path that is taken, by clients of the application for instance.
        """
        if not isinstance(path, str):
            raise TypeError('a route has a path: @app.route("/path")')
        if path == self.path or path.startswith(f"{self.path}/"):
            raise ValueError(
                f"route {path!r}: clients connect to {self.path} and what is below; Everywire(path=…) is another place"
            )

        def decorate(route: R) -> R:
            check_function(f"the route {path!r} is for a function", route, "a `Request`")
            self._routes.add(path, route)
            self.has_page = self.has_page or path == "/"
            return route

        return decorate

    def static(self, prefix: str, folder: str | Path) -> None:
        """Serve the files of `folder` under `prefix`; a folder's page is its index.html.

        Raises `ValueError` for a prefix that is taken, `OSError` where there is no such folder.
        """
        self._routes.mount(prefix, Path(folder))
        self.has_page = self.has_page or (prefix == "/" and Path(folder, "index.html").is_file())


def _retention(options: ChannelOptions) -> Retention:
    defaults = Retention()
    return Retention(
        size=options.get("history", defaults.size),
        age=options.get("ttl", defaults.age),
        window=options.get("window", defaults.window),
        keys=options.get("keys", defaults.keys),
        keyed=options.get("keyed", defaults.keyed),
        entries=options.get("entries", defaults.entries),
        entry_age=options.get("entry_ttl", defaults.entry_age),
    )


def _bounds(options: ChannelOptions) -> Bounds:
    defaults = Bounds()
    return Bounds(
        frozenset(options.get("policies", defaults.kinds)),
        least_interval=options.get("min_interval", defaults.least_interval),
        most_size=options.get("max_size", defaults.most_size),
    )


def _rules(options: ChannelOptions) -> dict[Action, Rule]:
    given = {f"may_{action}": action for action in ACTIONS}
    return {given[name]: rule for name, rule in options.items() if name in given}  # type: ignore[misc]
