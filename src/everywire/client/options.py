"""How a client behaves, and where it stands."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from everywire.client import given
from everywire.client.ladder import TRANSPORTS, Ladder
from everywire.client.link import Dial
from everywire.client.tokens import Token

if TYPE_CHECKING:
    from everywire.client.subscription import Subscription

__all__ = ["Change", "ClientOptions", "State"]


class State(Enum):
    """Where a client stands. WAITING is between two tries; CLOSED is the end, by `close()` or because the server said no for good."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Change:
    """A client's new state: `delay` seconds until the next try when WAITING; `code` and `reason` of the end of the last connection.

    `error` is what the token's function raised, where that is why. `resumed`, when CONNECTED: the server still had our session, and nobody saw us leave.
    """

    state: State
    delay: float = 0.0
    code: int = 0
    reason: str = ""
    resumed: bool = False
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """How a client behaves; times in seconds.

    token: who we are: text, or a function (async too) that is asked at each try; where it raises, that try has failed and another follows, unless it raises a
    `Refused` that is not `temporary`: that ends the client. info: what others see in presence, JSON of at most 1 kB. resume: continues an
    earlier client's session. on_state: called with each `Change`. open_timeout: of one try. connect_timeout: of `connect`, all its tries
    included, unless that has a timeout of its own; without one it waits for as long as it takes. answer_timeout: of `call`, `presence` and each page of
    `history`, reconnecting included. transports: what may carry the connection; the best that goes through does. codec: "json", or "msgpack" for
    data with binary in it (where only HTTP goes through, or the server speaks no MessagePack, that is said as its base64 text). poll_interval: between two
    questions where the transport is "interval". on_subscribed: called with each `Subscription` that only the server began.
    backoff: the first and the longest bound of the random wait between tries. max_queue: commands that may wait.
    connect: options of `everywire.connect` (ssl, headers, proxy, …). dice, dial: randomness, and another way to connect; for tests.

    Raises TypeError for what is of another type, `ValueError` for what makes no sense.
    """

    token: Token | None = None
    info: Any = None
    resume: str | None = None
    on_state: Callable[[Change], object] | None = None
    open_timeout: float = 10.0
    connect_timeout: float | None = None
    answer_timeout: float = 10.0
    backoff: tuple[float, float] = (0.25, 20.0)
    max_queue: int = 1000
    transports: tuple[str, ...] = TRANSPORTS
    codec: Literal["json", "msgpack"] = "json"
    poll_interval: float = 1.0
    on_subscribed: Callable[[Subscription[Any]], object] | None = None
    connect: dict[str, Any] = field(default_factory=dict)
    dice: random.Random = field(default_factory=random.SystemRandom)
    dial: Dial | None = None

    def __post_init__(self) -> None:
        if self.codec not in ("json", "msgpack"):
            raise ValueError(f"the codec is json or msgpack, not {self.codec}")
        if self.token is not None and not isinstance(self.token, str) and not callable(self.token):
            raise TypeError(f"token is text, or a function that gives it, not {type(self.token).__name__}")
        given.text("resume", self.resume, none=True)
        given.callback("on_state", self.on_state)
        given.callback("on_subscribed", self.on_subscribed)
        for name in ("open_timeout", "answer_timeout", "poll_interval"):
            given.number(name, getattr(self, name))
        given.number("connect_timeout", self.connect_timeout, positive=False, none=True)
        given.count("max_queue", self.max_queue, 1)
        given.names("transports", self.transports, "names")
        given.instance("connect", self.connect, Mapping, "a mapping of options of everywire.connect")
        self._check_backoff()

    def _check_backoff(self) -> None:
        bounds: Any = self.backoff
        if not isinstance(bounds, tuple | list) or len(bounds) != 2:
            raise TypeError(f"backoff is a pair, the first and the longest bound in seconds, not {bounds!r:.80}")
        for bound in bounds:
            given.number("each bound of backoff", bound, positive=False)

    @property
    def packed(self) -> bool:
        """Whether MessagePack is wanted."""
        return self.codec == "msgpack"

    def way(self, url: str) -> Dial:
        """Give how to connect."""
        if self.dial is not None:
            return self.dial
        return Ladder.to(url, self.transports, self.connect, packed=self.packed, interval=self.poll_interval)
