"""Clients with a key of their own, on nodes of one broker."""

from typing import Any

from tests.hub.nodes import SharedNodes

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.continuity.acknowledging import acknowledged
from everywire.hub.continuity.keyed import heard
from everywire.hub.settings import Settings
from everywire.messages import Closing, Connect, Connected, Heartbeat, Leave, Publication, Refusal, Subscribe
from everywire.payloads import Payload
from everywire.testing import Net
from everywire.testing.transport import MemoryTransport


class Plainly:
    """Says events as they are, but the end."""

    dialect = "plain"

    def encode(self, event: Any) -> tuple[Payload, ...]:
        return () if isinstance(event, Closing) else (Payload(event),)


CODEC = Plainly()


class Nodes(SharedNodes):
    """Nodes that let in whoever shows a token, by that name; nobody may subscribe to "secret". `begun` and `over` are the sessions that they told of."""

    def __init__(self, count=2, **settings):
        self.begun, self.over, self.denied = [], [], {"secret"}
        self.settings = Settings(**{"linger": 10.0, "heartbeat": Heartbeat(1e6, 10), **settings})
        super().__init__(count)

    def node(self, number):
        app = Everywire(broker=self.shared.view, settings=self.settings, secret="the same at all nodes")
        app.channel("none")
        app.channel("short", history=3)
        app.channel("any:{name}", wildcards=True)
        app.channel(
            "{name}", history=100, presence=True, may_subscribe=lambda access: access.channel not in self.denied
        )
        app.on_connect(self._let_in)
        app.on_connected(lambda caller, connecting: self.begun.append(caller.session))
        app.on_disconnected(lambda caller: self.over.append(caller.session))
        return Net(app, number, loop=self.loop)

    def _let_in(self, connecting):
        if connecting.token == "no":
            raise Refused("not you", 101)
        return connecting.token

    def hub(self, node=0):
        return self.nets[node].app.hub

    def publish(self, channel, *numbers, node=1):
        for number in numbers:
            self.nets[node].app.publish(channel, number)
        self.run()

    def subscribe(self, client, channel, node=0):
        self.nets[node].app.subscribe(channel, session=client.session)
        self.run()

    def die(self, node):
        """End a node as SIGKILL would; what it held stays until its lease is over."""
        self.nets[node].kill()
        self.shared.forget(self.hub(node).broker)

    def record(self, client):
        return self.shared.inner._records.get(f"session:{client.session}")


class Keyed:
    """One of them, who says something once it is connected; with `caught_up` it acknowledges what it has. `numbers` has all that it was told, by channel."""

    def __init__(self, nodes, name="k1", token="ann", caught_up=None):
        self.nodes, self.name, self.token, self.caught_up = nodes, name, token, caught_up
        self.numbers, self.other = {}, []
        self.session, self.resumed, self.talks = "", None, True

    def connect(self, node=0, **fields):
        """Connect over a new line; what is on its way on the one before is lost."""
        self.net, self.taken, self.answered = self.nodes.nets[node], 0, None
        self.transport, self.resumed = MemoryTransport(), None
        self.attachment = self.net.app.hub.attach(self.transport, CODEC)
        said = {"token": self.token, "name": self.name, "keyed": True, "caught_up": self.caught_up} | fields
        self.attachment.receive(Connect(1, **said))
        self.nodes.run()
        return self.take()

    def take(self, most=None):
        """Take what has arrived, at most `most` events."""
        waiting = self.transport.outbox
        for _ in range(len(waiting) if most is None else min(most, len(waiting))):
            event = waiting.popleft()
            self.taken += 1
            match event:
                case Connected():
                    self.session, self.resumed = event.session, event.resumed
                    if self.talks:
                        heard(self.net.app.hub, self.attachment)
                case Publication():
                    self.numbers.setdefault(event.channel, []).append(int(bytes(event.data)))
                case _:
                    self.other.append(event)
        return self

    def acknowledge(self):
        """Say how much was taken."""
        acknowledged(self.net.app.hub, self.attachment, self.taken, self.taken + len(self.transport.outbox))
        return self

    def subscribe(self, channel):
        self.attachment.receive(Subscribe(2, channel))
        self.nodes.run()
        return self.take()

    def drop(self, code=1006):
        self.transport.outbox.clear()
        self.attachment.lost(code)
        return self

    def leave(self):
        self.attachment.receive(Leave())

    @property
    def live(self):
        return self.net.app.hub.sessions.get(self.session)

    def told(self, channel):
        """Give what it was told since this was asked last."""
        return self.take().numbers.pop(channel, [])

    def refused(self):
        return [event.reason for event in self.other if isinstance(event, Refusal)]
