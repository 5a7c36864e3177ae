"""The last word before a transport is closed by us."""

import pytest

from everywire import messages as m
from everywire.app import Everywire
from everywire.hub.draining import Draining
from everywire.payloads import Payload
from everywire.testing import Net
from everywire.testing.transport import MemoryTransport


class Goodbyes:
    """Reads nothing but how it ends, and the secret that would continue it."""

    dialect = "goodbyes"

    def __init__(self):
        self.resume = None

    def encode(self, event):
        if isinstance(event, m.Connected):
            self.resume = event.resume
        return (Payload(f"{event.code} {event.reason}"),) if isinstance(event, m.Closing) else ()


@pytest.fixture
def net():
    with Net(Everywire()) as net:
        yield net


def connected(net, **fields):
    attachment = net.app.hub.attach(MemoryTransport(), Goodbyes())
    attachment.receive(m.Connect(1, **fields))
    net.run()
    assert attachment.session is not None
    return attachment


def drain(net, attachment):
    net.loop.create_task(Draining(net.app.hub, 0, 1).wait())
    net.run(0.1)


ENDS = {
    "closed": lambda net, each: each.close(4404, "kicked"),
    "left": lambda net, each: each.receive(m.Leave()),
    "continued here": lambda net, each: connected(net, resume=each.codec.resume),
    "continued elsewhere": lambda net, each: net.app.hub.surrender(each.session),
    "abandoned": lambda net, each: net.app.hub.continuing.abandon(each.session),
    "drained": drain,
    "the hub ends": lambda net, each: net.app.hub.close(),
}


@pytest.mark.parametrize("end", ENDS)
def test_whoever_is_closed_is_told_why_before(net, end):
    attachment = connected(net)
    ENDS[end](net, attachment)
    code, reason = attachment.transport.closed
    assert [*attachment.transport.outbox] == [f"{code} {reason}"]


def test_one_that_is_gone_by_itself_is_told_nothing(net):
    attachment = connected(net)
    attachment.lost(1006)
    attachment.close(1001, "too late")
    assert [*attachment.transport.outbox] == []


def test_who_does_not_connect_in_time_is_told_so(net):
    attachment = net.app.hub.attach(MemoryTransport(), Goodbyes())
    net.run(10.1)
    assert [*attachment.transport.outbox] == ["4401 no connect in time"]


def test_the_native_wire_leaves_it_to_the_transport(net):
    client = net.connect()
    net.app.hub.close()
    assert (client.closed, client.events()) == ((1001, "the server is going away"), [])
