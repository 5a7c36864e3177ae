"""A small language whose clients ask for a line, then say on it how they read; "counted" ones go on over another WebSocket."""

from everywire import messages as m
from everywire.dialects.base import (
    Acknowledged,
    Agreed,
    Carry,
    Deliver,
    Hear,
    Heartbeat,
    Leave,
    Open,
    OpenLine,
    Renew,
    Reply,
)
from everywire.errors import ProtocolError
from everywire.payloads import BodyFormat, Payload, Uncounted

POLL = BodyFormat("text/plain", lambda payloads: "".join(payloads).encode(), lambda code, reason: b"", one_shot=True)
STREAM = BodyFormat(
    "text/event-stream",
    lambda payloads: "".join(f"data: {each}\n\n" for each in payloads).encode(),
    lambda code, reason: b"",
)


class Words:
    """What a client reads; before it has said how, only why it is sent away."""

    dialect = "agreeing"

    def __init__(self, mark):
        self.mark = mark

    def encode(self, event):
        match event:
            case m.Closing():
                return (Uncounted(f"{self.mark}closing {event.code};"),)
            case m.Connected():
                return (Uncounted(f"{self.mark}hello;"),)
            case m.Publication():
                return (Payload(f"{self.mark}{bytes(event.data).decode()};"),)
            case m.Subscribed():
                return (Payload(f"{self.mark}in {event.channel};"),)
            case m.Refusal():
                return (Uncounted(f"{self.mark}no {event.code};"),)
            case m.Beat():
                return (Uncounted(f"{self.mark}beat;"),)
        return ()


NOTHING, PLAIN = Words("?"), Words("")


class Numbers:
    def sequence(self, number):
        return Uncounted(f"from {number};")

    def acknowledgement(self, number):
        return Uncounted(f"heard {number};")

    def nothing(self):
        return Payload("nothing;")


class Reader:
    """Reads "how plain;" or "how counted;", then "in room;" "say room 1;" "heard 3;" "from 2;" "bye;" "alive;"; what counts are "in" and "say"."""

    def __init__(self):
        self.received = self.next = 0
        self.rest, self.agreed, self.waits = "", False, False

    def again(self):
        self.rest, self.waits = "", True

    def decode(self, data):
        *whole, self.rest = (self.rest + (data if isinstance(data, str) else data.decode())).split(";")
        for said in whole:
            yield from self.read(*said.split(" "))

    def read(self, verb, *rest):
        if not self.agreed:
            if verb != "how":
                raise ProtocolError("that is no agreement")
            self.agreed = True
            yield Agreed(PLAIN, Numbers() if rest[0] == "counted" else None)
            yield m.Connect(1, token=rest[1] if rest[1:] else None)
        elif verb == "from":
            self.waits, self.next = False, int(rest[0]) - 1
        elif self.waits:
            return
        elif verb in ("in", "say"):
            self.next += 1
            if self.next > self.received:
                self.received = self.next
                yield m.Subscribe(2, rest[0]) if verb == "in" else m.Publish(3, rest[0], m.Raw(rest[1].encode()))
        else:
            yield {"heard": lambda: Acknowledged(int(rest[0])), "bye": m.Leave, "alive": m.Pong}[verb]()


def worded(status, code, reason):
    """Refuse; the end of a line is no error."""
    return Reply(204 if status == 410 else status, b"" if status == 410 else reason.encode())


class Agreeing:
    name = "agreeing"
    heartbeat = Heartbeat()

    def __init__(self, *, asks=False):
        self.asks = asks

    def accept(self, request, new_id):
        params = {name: values[0] for name, values in request.params.items()}
        line, token = params.get("line"), params.get("token")
        if request.path == "/hub/negotiate":
            asks = m.Connect(1, token=token) if self.asks else None
            return OpenLine(
                NOTHING, Reader(), lambda line: Reply(200, line.encode()), denial=worded, agrees=True, asks=asks
            )
        if request.path == "/hub/refresh":
            return Renew(line, token, lambda *told: Reply(200, " ".join(map(str, told)).encode()), worded)
        if request.path != "/hub":
            return None
        if "websocket" in request.headers.tokens("upgrade"):
            if line is None:
                return Open(NOTHING, Reader(), agrees=True, patient=True)
            return Carry(line, worded, token, patient=True)
        if request.method == "POST":
            return Deliver(line, None, (request.body,), Reply(200), worded, token)
        if request.method == "DELETE":
            return Leave(line, Reply(202), worded, token)
        form = STREAM if "text/event-stream" in request.headers.tokens("accept") else POLL
        return Hear(line, form, None, 90.0, worded, at_first=form is POLL, displaced=Reply(204), token=token)
