"""What the tests of the Admin UI share: applications in memory, in virtual time, with clients that speak Socket.IO's packets."""

import json

from tests.hub.nodes import SharedNodes

from everywire.app import Everywire
from everywire.http.request import Headers, Request
from everywire.testing import Net
from everywire.testing.transport import MemoryTransport

KEY = "the key of a test"
LOGIN = {"username": "admin", "password": KEY}


class Socket:
    """A client in one namespace."""

    def __init__(self, net, namespace, address=None, **headers):
        fields = [("Upgrade", "websocket"), *headers.items()]
        if address is not None:
            fields.append(("X-Forwarded-For", address))
        self.net, self.namespace, self.transport = net, namespace, MemoryTransport()
        self.heard, self.acks, self.sid, self.refused, self.last = [], {}, None, None, 0
        request = Request("GET", "/socket.io/?EIO=4&transport=websocket", Headers(fields))
        self.line = net.gateway.open(self.transport, request)

    def connect(self, auth=None):
        self.say("0", "" if auth is None else json.dumps(auth))
        self.net.run()
        self.hear()
        return self

    def say(self, kind, rest=""):
        self.line.receive(f"4{kind}{self.namespace},{rest}" if self.namespace != "/" else f"4{kind}{rest}")

    def emit(self, *event):
        self.say("2", json.dumps(event))
        self.net.run()

    def ask(self, *event, seconds=0.1):
        """Emit, and give what it is acknowledged by."""
        self.last += 1
        self.say("2", f"{self.last}{json.dumps(event)}")
        self.net.run(seconds)
        self.hear()
        return self.acks.pop(self.last)

    def hear(self):
        """Take what came; gives all events, each a list."""
        while self.transport.outbox:
            data = self.transport.outbox.popleft()
            if isinstance(data, str) and data.startswith("4"):
                kind, rest = data[1], data[2:]
                if rest.startswith("/"):
                    rest = rest.partition(",")[2]
                self._read(kind, rest)
        return self.heard

    def _read(self, kind, rest):
        number = "".join(sign for sign in rest[: len(rest) - len(rest.lstrip("0123456789"))])
        said = json.loads(rest[len(number) :] or "null")
        match kind:
            case "0":
                self.sid = said["sid"]
            case "4":
                self.refused = said
            case "2":
                self.heard.append(said)
            case "3":
                self.acks[int(number)] = said
            case "1":
                self.heard.append(["(disconnected)"])

    def events(self, name):
        """Take all events of a name; gives their arguments."""
        found = [event[1:] for event in self.hear() if event[0] == name]
        self.heard = [event for event in self.heard if event[0] != name]
        return found

    def leave(self):
        self.say("1")
        self.net.run()

    def lose(self, code=1006):
        self.transport.close(code)
        self.line.lost(code)
        self.net.run()


class City(SharedNodes):
    """Nodes whose applications are looked at; `made` makes another one than usual."""

    def __init__(self, count=1, made=None, settings=None, **options):
        self._make, self.settings, self.options = made, settings, options
        super().__init__(count)

    def node(self, number):
        return Net(self._make() if self._make else self.made(number), number, loop=self.loop)

    def made(self, number):
        app = Everywire(broker=self.shared.view, secret="x" * 16, settings=self.settings)
        app.socketio(namespaces=("/", "/chat"))
        app.channel("room:{name}")
        app.instrument(**{"key": KEY, "server_id": f"node {number}", **self.options})
        return app

    def run(self, seconds=0.1):
        super().run(seconds)

    def come(self, node=0, namespace="/", auth=None, **headers):
        return Socket(self.nets[node], namespace, **headers).connect(auth)

    def look(self, node=0, auth=LOGIN, **headers):
        """A UI that has been told who is there."""
        ui = Socket(self.nets[node], "/admin", **headers).connect(auth)
        self.run(0.2)
        ui.hear()
        return ui

    def watcher(self, node=0):
        return self.nets[node].app.hub.watcher


def listed(ui):
    """Take the last list that a UI was told, by id."""
    *_, (clients,) = ui.events("all_sockets")
    return {each["id"]: each for each in clients}
