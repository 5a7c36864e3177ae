"""An attachment: a transport in the hub."""

import pytest

from everywire.app import Everywire
from everywire.messages import Beat, Ping, Publication, Raw
from everywire.payloads import Payload
from everywire.testing import Net
from everywire.testing.transport import MemoryTransport


class TwoWords:
    def encode(self, event):
        return () if isinstance(event, Beat) else (Payload("one"), Payload("two"))


@pytest.fixture
def hub():
    with Net(Everywire()) as net:
        yield net.app.hub


def test_an_event_may_be_several_payloads_or_none(hub):
    transport = MemoryTransport()
    attachment = hub.attach(transport, TwoWords())
    attachment.tell(Publication("c", Raw(b"1"), 0))
    attachment.tell(Beat())
    assert [*transport.outbox] == ["one", "two"]


def test_a_closed_one_hears_and_says_nothing(hub):
    transport = MemoryTransport()
    attachment = hub.attach(transport, TwoWords())
    attachment.close(1011, "oops")
    attachment.close(1000, "again")
    attachment.lost(1006)
    attachment.receive(Ping(1))
    attachment.tell(Publication("c", Raw(b"1"), 0))
    assert (transport.closed, [*transport.outbox]) == ((1011, "oops"), [])
    assert attachment.inbox == []
