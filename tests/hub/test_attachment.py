"""An attachment: a transport in the hub."""

import logging

import pytest

from everywire.app import Everywire
from everywire.http.request import Request
from everywire.hub.bundle import Bundle
from everywire.messages import Beat, Closing, Connect, Ping, Publication, Raw
from everywire.payloads import Payload
from everywire.testing import Net
from everywire.testing.transport import MemoryTransport


class TwoWords:
    dialect = "two words"

    def encode(self, event):
        return () if isinstance(event, Beat | Closing) else (Payload("one"), Payload("two"))


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


@pytest.mark.parametrize("address", [None, "192.0.2.7"])
def test_the_log_says_where_a_client_is_that_is_closed_or_nothing_of_it(hub, caplog, address):
    attachment = hub.attach(MemoryTransport(), TwoWords())
    attachment.address = address
    hub.limiting.gate.entered(address)
    with caplog.at_level(logging.INFO):
        attachment.close(4400, "bad message")
    (record,) = caplog.records
    assert (record.code, vars(record).get("address", "nothing")) == (4400, address or "nothing")


class Folded(Request):
    """Counts how often it was folded."""

    folds = 0

    def fold(self):
        self.folds += 1
        super().fold()


def test_the_request_takes_no_more_than_its_bytes_once_the_session_is_there(hub):
    request = Folded.from_head(b"GET /?lang=de HTTP/1.1\r\nHost: a\r\n\r\n")
    attachment = hub.attach(MemoryTransport(), TwoWords(), request)
    assert request.folds == 0
    attachment.receive(Connect(1))
    assert (attachment.session is not None, request.folds) == (True, 1)
    assert (request.headers["host"], request.params) == ("a", {"lang": ["de"]})


def test_it_is_said_how_a_client_is_connected_also_where_sessions_share_a_transport(hub):
    class LineTransport(MemoryTransport):
        pass

    class Other(MemoryTransport):
        kind = "sse"

    found = [hub.attach(transport(), TwoWords()) for transport in (MemoryTransport, LineTransport, Other)]
    base = hub.attach(LineTransport(), TwoWords())
    strand = Bundle(hub, base, lambda *_: (), 2).strand(TwoWords())
    assert [each.carriage for each in (*found, base, strand)] == ["memory", "line", "sse", "line", "line"]
