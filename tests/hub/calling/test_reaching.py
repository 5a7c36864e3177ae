"""Calls to clients of other nodes."""

import pytest

from everywire.app import Everywire
from everywire.errors import Declined, Refused, SessionGone
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, SharedBroker, VirtualLoop

SMALL = Settings(max_data=50, max_asked=1, answer_deadline=5, heartbeat=Heartbeat(every=100_000), linger=20)


@pytest.fixture
def nets():
    shared = SharedBroker()
    with VirtualLoop() as loop:
        with (
            Net(Everywire(broker=shared.view, settings=SMALL), 1, loop=loop) as one,
            Net(Everywire(broker=shared.view, settings=SMALL), 2, loop=loop) as two,
        ):
            yield one, two
            one.run(30)
            for net in (one, two):
                assert not net.app.hub.reaching._waiting
                assert not net.app.hub.reaching._carried


@pytest.fixture
def one(nets):
    return nets[0]


@pytest.fixture
def client(nets):
    return nets[1].connect()


def asked(net, client, **options):
    """The task of a call from `net` to a client of the other node, and the event that it heard."""
    task = net.loop.create_task(net.app.call(client.session, "confirm", **options))
    net.run(0.1)
    [event] = client.events("call")
    return task, event


def answer(net, client, event, **fields):
    client.send("answer", call=event["call"], **fields)
    net.run(0.1)


@pytest.mark.parametrize(("said", "heard"), [({"x": [1]}, {"x": [1]}), ({"icon": b"x"}, {"icon": "eA=="})])
def test_a_client_of_another_node_answers(one, client, said, heard):
    task, event = asked(one, client, data=said, timeout=2)
    assert (event["data"], event["timeout"]) == (heard, 2000)
    answer(one, client, event, data=[True])
    assert task.result() == [True]


def test_an_answer_is_read_as_it_should_be(one, client):
    task, event = asked(one, client, returns=int)
    answer(one, client, event, data="five")
    with pytest.raises(Refused, match="Expected `int`"):
        task.result()


def test_it_declines(one, client):
    task, event = asked(one, client)
    answer(one, client, event, error={"code": 1234, "reason": "not now"})
    with pytest.raises(Declined, match="1234 not now"):
        task.result()


def test_it_does_not_answer_in_time(one, client):
    task, _ = asked(one, client)
    one.run(5.5)
    with pytest.raises(TimeoutError, match="within 5"):
        task.result()
    assert [each["type"] for each in client.events()] == ["cancel"]


def test_it_is_lost_or_not_connected(one, client):
    task, _ = asked(one, client)
    client.drop()
    one.run(0.1)
    with pytest.raises(SessionGone):
        task.result()
    with pytest.raises(SessionGone, match="not connected"):
        one.loop.run_until_complete(one.app.call(client.session, "confirm"))


def test_too_many_calls_wait_for_it(one, client):
    task, event = asked(one, client)
    with pytest.raises(Refused, match="too many calls") as caught:
        one.loop.run_until_complete(one.app.call(client.session, "confirm"))
    assert caught.value.temporary
    answer(one, client, event, data=1)
    assert task.result() == 1


def test_who_waits_no_longer_says_so(one, client):
    task, _ = asked(one, client)
    task.cancel()
    one.run(0.1)
    assert [each["type"] for each in client.events()] == ["cancel"]
    assert task.cancelled()


def test_a_session_that_no_node_has(one):
    begun = one.loop.time()
    with pytest.raises(SessionGone, match="no node says"):
        one.loop.run_until_complete(one.app.call("nobody", "confirm", timeout=1))
    assert one.loop.time() - begun == pytest.approx(2)


def test_a_session_that_is_here_is_asked_here(nets):
    one, _ = nets
    client = one.connect()
    task, event = asked(one, client, timeout=2)
    assert not one.app.hub.reaching._waiting
    answer(one, client, event, data=1)
    assert task.result() == 1
