"""Who calls: what a handler is told of the session that called it, and how it answers back."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from everywire.brokers.base import Draft, Receipt
from everywire.hub.calling.asking import Question, ask, tell
from everywire.hub.calling.shapes import encode
from everywire.hub.threads import started
from everywire.messages import Member

if TYPE_CHECKING:
    from everywire.hub.access.identity import Identity
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Caller"]

T = TypeVar("T")
_log = logging.getLogger("everywire.hub")


class Caller:
    """The session that called a handler. It may be kept: it speaks to the session, not to the call.

    `request` is the HTTP request that opened the connection of the call, None where there was none; `called` the name by which the handler
    was called, "" for a hook.
    """

    __slots__ = ("_hub", "_session", "called", "request")

    def __init__(self, hub: Hub, session: Session, request: Any = None, called: str = "") -> None:
        self._hub: Final = hub
        self._session: Final = session
        self.request: Final = request
        self.called: Final = called

    def __repr__(self) -> str:
        return f"Caller(session={self.session!r}, user={self.user!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Caller) and other._session is self._session

    def __hash__(self) -> int:
        return hash(self._session)

    @property
    def member(self) -> Member:
        """What others see of the session."""
        return self._session.member

    @property
    def session(self) -> str:
        """The session's public id."""
        return self._session.id

    @property
    def user(self) -> str | None:
        """Whom the session authenticated as; None for an anonymous one."""
        return self._session.user

    @property
    def dialect(self) -> str:
        """What its client speaks: "native", "socketio", …"""
        return self._session.member.dialect

    @property
    def identity(self) -> Identity:
        """What the application said of who the session is for, when it connected or showed a newer token last."""
        return self._session.identity

    @property
    def space(self) -> str:
        """Which of its client's sessions it is: a namespace of Socket.IO, "" where a client is one session."""
        return self._session.space

    @property
    def info(self) -> Any:
        """What the client tells of itself, unverified."""
        info = self._session.member.info
        return msgspec.json.decode(info) if info is not None else None

    @property
    def params(self) -> dict[str, list[str]]:
        """The parameters in the address that the client connected to: `?lang=de` is {"lang": ["de"]}."""
        return self.request.params if self.request is not None else {}

    @property
    def scope(self) -> Mapping[str, Any] | None:
        """The ASGI scope that its client connected by, where another server serves the application; None on its own."""
        return self.request.scope if self.request is not None else None

    @property
    def lost(self) -> int | None:
        """The code that its connection was lost with last; None as long as none was."""
        return self._session.lost

    @property
    def connected(self) -> bool:
        """Say whether the session's client is connected at this moment."""
        return self._session.attachment is not None

    async def call(self, name: str, data: Any = None, *, timeout: float | None = None, returns: Any = Any) -> Any:
        """Call the client's handler `name`, and give what it answers, read as `returns`.

        Raises `Declined` where the client says no, `TimeoutError` after `timeout` seconds (the hub's setting `answer_deadline`, where it is
        left out), `SessionGone` where the client is not connected or is lost before it answers, and `Refused` for an answer that is not
        as `returns` says, or where too many calls to this client wait already.
        """
        return await ask(self._hub, self._session, Question(name, data, timeout, returns))

    def tell(self, name: str, *arguments: Any) -> None:
        """Call the client's handler `name`, and wait for no answer; several `arguments` are an array where a language knows only one.

        What a client misses while it is away, it misses: what it must not miss is published, in a channel with history. Raises `SessionGone`
        where it is not connected. Belongs to the event loop's thread.
        """
        tell(self._hub, self._session, name, arguments)

    def publish(
        self, channel: str, data: Any, *, key: str | None = None, ephemeral: bool = False
    ) -> Awaitable[Receipt]:
        """Publish `data` in the caller's name: clients see its member as the sender. No rule is asked.

        It is on its way when this returns, and may be called from any thread, as `Everywire.publish`.
        """
        hub = self._hub
        draft = Draft(encode(data), hub.world.wall(), self.member, f"s\n{key}" if key is not None else None)
        place = hub.place(channel)
        return started(hub.world, lambda: hub.publish(place, draft, ephemeral=ephemeral))

    def afterwards(self, work: Coroutine[Any, Any, object]) -> None:
        """Have `work` done in the background, whatever becomes of the client; a server that ends waits for it, as for handlers that are to finish.

        What it raises is logged. Belongs to the event loop's thread.
        """
        hub = self._hub
        task = hub.world.task(_logged(work))
        hub.unfinished.add(task)
        task.add_done_callback(hub.unfinished.discard)

    def from_thread(self, function: Callable[..., Awaitable[T]], *arguments: Any, **named: Any) -> T:
        """Have `function` called on the event loop, and wait for its result: for plain handlers, which run in threads.

            confirmed = caller.from_thread(caller.call, "confirm", "sure?")

        Publishing alone needs no such help; everything else of a running application belongs to its loop's thread.
        """
        return self._hub.world.from_thread(lambda: function(*arguments, **named))


async def _logged(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except Exception:
        _log.exception("what is done in the background failed")
