"""Two nodes with one broker, whose answers may be held up, and clients that remember one order."""

from tests.hub.nodes import SharedNodes
from tests.hub.remembering import Remembering

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net


class Gate:
    """Holds answers of one broker until it is opened, what they say is as it was when it was asked; or else the questions."""

    def __init__(self, loop):
        self._loop, self._waiting, self._opened = loop, [], False

    def around(self, question, holds, *, asked):
        async def ask(*said):
            held = not self._opened and holds(*said)
            if held and not asked:
                await self._wait()
            answer = await question(*said)
            if held and asked:
                await self._wait()
            return answer

        return ask

    async def _wait(self):
        self._waiting.append(self._loop.create_future())
        await self._waiting[-1]

    def open(self):
        self._opened = True
        for each in self._waiting:
            each.set_result(None)


class Nodes(SharedNodes):
    """Two nodes; nobody may subscribe to a channel in `denied`, and who connects is let in when `door` is done."""

    def __init__(self, **settings):
        self.denied, self.door, self.settings = set(), None, Settings(**{"linger": 10.0, "max_page": 4, **settings})
        super().__init__()

    def node(self, number):
        app = Everywire(broker=self.shared.view, settings=self.settings, secret="the same at all nodes")
        app.channel("short", history=2)
        app.channel("room:{name}", wildcards=True)
        app.channel("board", keyed=True, history=20)
        app.channel("{name}", history=50, presence=True, may_subscribe=lambda access: access.channel not in self.denied)
        app.on_connect(self._let_in)
        return Net(app, number, loop=self.loop)

    async def _let_in(self, connecting):
        if self.door is not None:
            await self.door
        return connecting.token

    def hub(self, node=0):
        return self.nets[node].app.hub

    def client(self, *channels, node=0, token="ann"):
        client = Remembering(token).connect(self.nets[node])
        self.run()
        client.take()
        for channel in channels:
            self.join(client, channel, node)
        client.take()
        return client

    def join(self, client, channel, node=0):
        self.nets[node].app.subscribe(channel, session=client.life.session)
        self.run()

    def publish(self, *published, **options):
        """Publish numbers to channels: ("a", 1), ("b", 2)."""
        for channel, number in published:
            self.nets[1].app.publish(channel, number, **options)
        self.run()

    def back(self, client, node=0):
        client.connect(self.nets[node])
        self.run()
        return client.take()

    def session(self, client, node=0):
        return self.hub(node).sessions.get(client.life.session)

    def hold(self, node, name, holds=lambda *said: True, *, asked=True):
        """Hold answers of a node's broker, to questions called `name` of which `holds` says so, until the gate is opened; or these, not yet `asked`."""
        gate, broker = Gate(self.loop), self.hub(node).broker
        setattr(broker, name, gate.around(getattr(broker, name), holds, asked=asked))
        return gate

    def hold_records(self, node, *, after=0):
        """Hold records of sessions on their way to the broker, but for so many."""
        passed = iter(range(after))
        return self.hold(
            node, "put", lambda name, *_: name[:8] == "session:" and next(passed, None) is None, asked=False
        )

    def record(self, client):
        """Give what the broker has of its session."""
        return self.shared.inner._records.get(f"session:{client.life.session}")

    def hold_pages(self, node=0, *channels):
        """Hold what a node reads of `channels`, or of all; not whether there is anything."""
        return self.hold(node, "read", lambda channel, query, _: query.limit and (not channels or channel in channels))

    def die(self, node):
        """End a node as SIGKILL would; what it held stays until its lease is over."""
        self.nets[node].kill()
        self.shared.forget(self.hub(node).broker)
