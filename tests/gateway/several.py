"""A small language in which several sessions share a transport, and polls give what they give for good."""

from everywire import messages as m
from everywire.dialects.base import Deliver, Hear, Heartbeat, Move, Open, OpenLine, Reply, Within
from everywire.errors import ProtocolError, reconnectable
from everywire.payloads import BodyFormat, Payload

NUDGE = Payload("nudge")
POLL = BodyFormat(
    "text/plain", lambda payloads: "|".join(payloads).encode(), lambda code, reason: b"bye", one_shot=True
)


class Words:
    """What the client called `name` reads."""

    dialect = "several"

    def __init__(self, name):
        self.name = name

    def encode(self, event):
        match event:
            case m.Connected():
                said = "hello again" if event.resumed else "hello"
            case m.Publication():
                said = bytes(event.data).decode()
            case m.Subscribed():
                said = f"in {event.channel}"
            case m.Refusal():
                said = event.reason
            case m.Beat():
                said = "beat"
            case _:
                return ()
        return (Payload(f"{self.name}:{said}"),)


class Several:
    """Decodes "name connect", "name in room", "name say", "name leave", "name ?"; and "alive", "away" of the transport."""

    name = "several"
    heartbeat = Heartbeat()

    def __init__(self):
        self.words = {name: Words(name) for name in "abc"} | {"": Words("")}

    def decode(self, data):
        if data in ("alive", "away"):
            yield m.Pong() if data == "alive" else m.Leave()
            return
        if " " not in data:
            raise ProtocolError("that is no command", 1002)
        name, verb, *rest = data.split(" ")
        yield Within(self.words.setdefault(name, Words(name)), self._command(verb, rest))

    def _command(self, verb, rest):
        match verb:
            case "connect":
                return m.Connect(1, resume=rest[0] if rest else None)
            case "in":
                return m.Subscribe(2, rest[0])
            case "say":
                return m.Publish(3, rest[0], m.Raw(rest[1].encode()))
            case "leave":
                return m.Leave()
            case _:
                return m.Malformed(4, "what?")

    def part(self, codec, code, reason):
        return None if reconnectable(code) else (Payload(f"{codec.name}:over"),)

    def accept(self, request, new_id):
        line = request.params.get("line", [""])[0]
        if request.path != "/several":
            return None
        if "websocket" in request.headers.tokens("upgrade"):
            if line:
                return Move(line, "probe", Payload("probed"), "commit", NUDGE)
            return Open(self.words[""], self, greeting=(Payload("welcome"),), part=self.part)
        if not line:
            return OpenLine(self.words[""], self, lambda line: Reply(200, line.encode()), part=self.part)
        if request.method == "GET":
            return Hear(line, POLL, None, 20.0)
        return Deliver(line, None, tuple(request.body.decode().split("|")), Reply(200, b"ok"))
