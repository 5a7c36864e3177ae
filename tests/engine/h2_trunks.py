"""A trunk whose streams have listeners on them."""

from h2.settings import SettingCodes
from tests.engine.h2_peer import GET, Peer

from everywire.engine.h2_trunk import H2Trunk
from everywire.http.h2 import Meter, connection
from everywire.http.head import HeadLimits
from everywire.ws.link import PlainLink

HEAD = [(b":status", b"200")]
WINDOW = SettingCodes.INITIAL_WINDOW_SIZE


class Above(PlainLink):
    """What stands on a stream: keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def feed(self, data):
        self.told.append(data)

    def ended(self):
        self.told.append("ended")

    def lost(self, reason):
        self.told.append(("lost", type(reason)))

    def drained(self):
        self.told.append("drained")

    def sweep(self, now):
        self.told.append(now)


class Trunk(H2Trunk):
    """Puts an `Above` on every stream."""

    def __init__(self):
        super().__init__(connection(HeadLimits()), Meter(preface=24), lambda: 0.0)
        self.tops = {}

    def requested(self, stream_id, fields):
        stream = self.open(stream_id)
        top = self.tops[stream_id] = Above()
        stream.put(top)
        stream.head(HEAD)


def opened(count=1, **settings):
    """A peer with `count` open streams; gives it and the first one's storey."""
    peer = Peer(Trunk(), **settings)
    for _ in range(count):
        peer.request(GET, end=False)
    peer.turn()
    return peer, peer.link.streams[1]


def windowed(size):
    """The same, with a window of `size` for what we send."""
    peer = Peer(Trunk())
    peer.conn.update_settings({WINDOW: size})
    peer.request(GET, end=False)
    peer.turn()
    return peer, peer.link.streams[1]
