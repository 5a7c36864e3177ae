"""What a dialect is: pure functions from requests and payloads to intents and commands.

A dialect decides and never acts: it has no I/O, no clock, no randomness. The gateway carries out
what it decided. Identifiers that must be minted while deciding come from the `new_id` handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from everywire.http.request import Request
from everywire.messages import Command, Connect, Heartbeat
from everywire.messages.values import Value
from everywire.payloads import BodyFormat, Codec, Part, Payload

__all__ = ["Decoder", "Denial", "Dialect", "Heartbeat", "Intent", "NewId", "Reply", "Talk", "Follow", "told_plainly"]
__all__ += ["Ask", "Deliver", "Hear", "Leave", "Move", "Open", "OpenLine", "Preflight", "Watch", "Within"]
__all__ += ["Acknowledged", "Agreed", "Bygone", "Carry", "Counting", "Embed", "Numbering", "Renew"]

NewId: TypeAlias = Callable[[], str]
"""Mints an unguessable id, safe in URLs."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the request and forget it."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


Denial: TypeAlias = Callable[[int, int, str], Reply]
"""Words a refusal: given an HTTP status, a close or error code, a reason."""


def told_plainly(status: int, code: int, reason: str) -> Reply:
    """Refuse in plain text."""
    return Reply(status, f"{reason}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"),))


class Within(Value, frozen=True):
    """A command of one of several sessions that share a transport: of the one that reads `codec`, which begins with its first command."""

    codec: Codec
    command: Command


class Numbering(Protocol):
    """What a client is told of numbers, on a line where both sides count what they say: from 1 on, every payload that is not `Uncounted`."""

    def sequence(self, number: int) -> Payload:
        """Say that what follows begins with this number; it is the first thing that a new WebSocket carries."""

    def acknowledgement(self, number: int) -> Payload:
        """Say that everything up to this number was heard."""

    def nothing(self) -> Payload:
        """Say what counts as one, and is passed over by who has heard that number before."""


class Agreed(Value, frozen=True):
    """Not a command: from now on the client reads `codec`. With a `numbering` the line outlives the WebSocket that carries it, and goes on over the next.

    Of a codec that says bytes `binary` is why a line cannot have it that is carried as text.
    """

    codec: Codec
    numbering: Numbering | None = None
    binary: str | None = None


class Acknowledged(Value, frozen=True):
    """Not a command: the client has heard everything up to this number."""

    number: int


class Decoder(Protocol):
    """The reading half of a dialect: one per transport, because languages have state."""

    def decode(self, data: str | bytes) -> Iterable[Command | Within | Agreed | Acknowledged]:
        """Give the commands in one payload, lazily: one is handled before the next is read.

        Raises `ProtocolError` where the payload is beyond the language; what was given before counts.
        """


class Counting(Decoder, Protocol):
    """The reading half of a language with numbers: what was heard before is given once."""

    received: int
    """The number of the last message that was given."""

    def again(self) -> None:
        """Begin with a new WebSocket: forget what came in part, and give nothing until the client has said which number it begins with."""


@dataclass(frozen=True, slots=True)
class Open:
    """Make the exchange a transport, whose client reads `codec` and is read by `decoder`.

    `subprotocol` is what a WebSocket handshake selects, `greeting` is sent first; what its client `begins` with is heard at once. Where the decoder tells
    several sessions apart, `part` ends one of them, and `codec` says what concerns the transport alone. An `abrupt` WebSocket is closed without a close
    frame; a `patient` one by its client, which was told, or by us after a while. Where the client is still to agree on its codec (`agrees`), the decoder
    says which it is (`Agreed`). `heartbeat` is another than that of the settings.
    """

    codec: Codec
    decoder: Decoder
    subprotocol: str | None = None
    greeting: tuple[Payload, ...] = ()
    part: Part | None = None
    abrupt: bool = False
    agrees: bool = False
    patient: bool = False
    heartbeat: Heartbeat | None = None
    begins: Connect | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Make the exchange a WebSocket that carries `line` on, once its client has said so.

    On it, the client says `probe` and is told `answer`; then it says `commit`, and the line is carried by the WebSocket alone. Between the two,
    a request that fetches payloads is answered by `nudge` every `every` seconds. All of that takes `patience` seconds at most.
    An `abrupt` WebSocket is closed without a close frame.
    """

    line: str
    probe: str
    answer: Payload
    commit: str
    nudge: Payload
    every: float = 0.1
    patience: float = 10.0
    denial: Denial = told_plainly
    abrupt: bool = False


@dataclass(frozen=True, slots=True)
class Carry:
    """Make the exchange a WebSocket that carries `line` from now on; `token` is what its client shows.

    Where another one does already it is refused, unless the line is numbered: then the earlier is cut off. A `patient` one is closed by its client.
    """

    line: str
    denial: Denial = told_plainly
    token: str | None = field(default=None, repr=False)
    patient: bool = False


@dataclass(frozen=True, slots=True)
class OpenLine:
    """Make a line: a transport that is carried by further requests. It hears `payload`, where there is one; `answer` tells the client its id.

    Where the client is still to agree on its codec (`agrees`), the decoder says which it is (`Agreed`); and the first request that carries such a line
    settles how: by polls, by a stream or by a WebSocket (`Carry`). With `asks` there is no line unless who says that may connect.
    `heartbeat` is another than that of the settings, `linger` are other seconds for which it outlives the last request that fetched payloads, and is
    remembered after its end. `greeting` and `begins` are as in `Open`.
    """

    codec: Codec
    decoder: Decoder
    answer: Callable[[str], Reply]
    payload: str | bytes | None = None
    denial: Denial = told_plainly
    part: Part | None = None
    agrees: bool = False
    asks: Connect | None = None
    heartbeat: Heartbeat | None = None
    greeting: tuple[Payload, ...] = ()
    begins: Connect | None = None
    linger: float | None = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """Have `line` hear payloads, the `number`th that came by a request of their own; then `answer`. Without a `number` they are heard as they come.

    `named`: the client itself has named the line.
    """

    line: str
    number: int | None
    payloads: tuple[str | bytes, ...]
    answer: Reply
    denial: Denial = told_plainly
    token: str | None = field(default=None, repr=False)
    named: bool = False


@dataclass(frozen=True, slots=True)
class Hear:
    """Give what `line` has to say after its payload number `after`, in `form`; a one-shot one waits up to `wait` seconds for that.

    Without `after` what is given is gone: a request whose client is gone ends the line, as does a second one while another fetches payloads, unless
    that is answered as `occupied` says: by a reply, or by a code and a reason as the last words of a body. Where there is an answer `displaced`, it is the
    first of the two that is answered, and the second goes on; then a client that is gone before it was given anything leaves the line as it is. `at_first`,
    the line's first request is answered without waiting.

    A client that names its lines itself says how one `opens` where there is none of that name: it begins with this request, whose answer is its greeting,
    alone where it is one-shot. Such a line says its end in `form`, to whoever asks, as long as it is remembered. `fields` are in the head of each answer.
    """

    line: str
    form: BodyFormat
    after: int | None
    wait: float = 0.0
    denial: Denial = told_plainly
    occupied: Reply | tuple[int, str] | None = None
    at_first: bool = False
    displaced: Reply | None = None
    token: str | None = field(default=None, repr=False)
    opens: OpenLine | None = None
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Leave:
    """Close `line` and end its session; then `answer`."""

    line: str
    answer: Reply
    denial: Denial = told_plainly
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Renew:
    """Have the `token` that a request shows count for `line` from now on; `answer` is given its session's id, the time, and the seconds that the token lasts.

    The time is in seconds since 1970; None is for a token that lasts for ever, and "" for a line that has no session yet.
    """

    line: str
    token: str | None = field(repr=False)
    answer: Callable[[str, float, float | None], Reply]
    denial: Denial = told_plainly


class Talk(Protocol):
    """What one request says to the hub, and makes of the answers: all of a client that there is."""

    def commands(self) -> Iterator[Command]:
        """Give what is to be said now, lazily."""

    def read(self, payload: Payload) -> Reply | None:
        """Read one payload of the codec; the answer to the request where it is that."""

    def closed(self, code: int, reason: str) -> Reply:
        """Give the answer where the hub closed before there was one."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Have `talk` with the hub as a session that ends with the answer."""

    codec: Codec
    talk: Talk
    denial: Denial = told_plainly


class Follow(Protocol):
    """What a request that is answered by events without end says to the hub, and makes of what it is told."""

    @property
    def settled(self) -> bool:
        """Whether all that the request asked for has been answered once."""

    @property
    def refusal(self) -> Reply | None:
        """What to answer instead of events."""

    def commands(self) -> Iterator[Command]:
        """Give what is to be said now, lazily; `write` may lead to more."""

    def write(self, payload: Payload) -> bytes:
        """Give what one payload of the codec adds to the body; maybe nothing."""

    def closed(self, code: int, reason: str) -> Reply:
        """Give the answer where the hub closed before there were events."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Answer by what `follow` writes of the events that it is told, in `form`, as a session that ends with the response.

    Others see it in channels only where it wants to be `seen`.
    """

    codec: Codec
    follow: Follow
    form: BodyFormat
    denial: Denial = told_plainly
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Preflight:
    """Say which pages of other origins may ask here, as browsers want to know before they let them.

    Such a page may send any header field with `any_header`; otherwise those that we read, and no other.
    """

    denial: Denial = told_plainly
    any_header: bool = False


@dataclass(frozen=True, slots=True)
class Embed:
    """Answer by a page that only pages which may ask here may have in a frame: it speaks for them, and is of our own origin."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Bygone:
    """Shake hands in a way of before RFC 6455, and end the connection: its client tries another way.

    `head` is sent at once, then what `answer` gives for the `count` bytes that follow the client's. Where that cannot be, `refusal` is the answer.
    """

    head: bytes
    count: int
    answer: Callable[[bytes], bytes]
    refusal: Reply


Intent: TypeAlias = (
    Reply | Bygone | Embed | Open | Move | Carry | OpenLine | Deliver | Hear | Leave | Renew | Ask | Watch | Preflight
)


class Dialect(Protocol):
    """One wire language; `heartbeat` is how it notices a dead link."""

    @property
    def name(self) -> str: ...

    @property
    def heartbeat(self) -> Heartbeat: ...

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Say what `request` wants; None where it is not for this dialect."""
