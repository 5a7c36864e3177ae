"""Who sends faster than handlers read, and knows no credit, is not heard for a while: no longer than that helps."""

from collections.abc import AsyncIterator

import pytest

from everywire import messages as m
from everywire.app import Everywire
from everywire.hub.calling.holding import held
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat, Raw
from everywire.testing import passed

ITEM = 65  # bytes that an item of one counts as


@pytest.fixture
def app():
    limits = {"max_stream_bytes": 20 * ITEM, "hold_deadline": 5}
    app = Everywire(settings=Settings(**limits, heartbeat=Heartbeat(every=100_000)))

    @app.on("slow")
    async def slow(numbers: AsyncIterator[int], wait: float = 1) -> int:
        found = 0
        async for number in numbers:
            await passed(wait)
            found += number
        return found

    return app


@pytest.fixture
def client(net):
    return net.connect()


@pytest.fixture
def hold(net, client):
    """A function that gives what the client waits for now, in a task; None where it may be heard."""
    tasks = []

    def hold():
        waiting = held(net.app.hub, client.line.attachment)
        if waiting is None:
            return None
        tasks.append(net.loop.create_task(waiting))
        net.run()
        return tasks[-1]

    yield hold
    net.run(200)
    assert all(task.done() for task in tasks)


def begin(client, wait=1.0, awaits="one", ref="i1"):
    data = Raw(b'{"wait":%g}' % wait)
    client.line.attachment.receive(m.Call(ref, "slow", data, streaming=True, awaits=awaits))


def say(client, count, ref="i1"):
    for _ in range(count):
        client.line.attachment.receive(m.Item(ref, Raw(b"1")))


def test_nobody_waits_who_has_said_nothing(net, client, hold):
    assert hold() is None
    begin(client)
    assert hold() is None
    client.line.attachment.receive(m.End("i1"))


def test_it_waits_until_handlers_have_caught_up(net, client, hold):
    begin(client, 0.25)
    say(client, 10)
    assert hold() is None
    say(client, 2)
    waiting = hold()
    net.run(1)
    assert not waiting.done()
    net.run(1)
    assert waiting.done(), "a quarter is left"
    assert hold() is None
    say(client, 8)
    client.line.attachment.receive(m.End("i1"))
    net.run(10)
    assert client.events()[0]["data"] == 20


def test_it_waits_no_longer_than_so_long_and_then_no_more_before_there_was_room(net, client, hold):
    begin(client, 100)
    net.run()
    say(client, 12)
    waiting = hold()
    net.run(4.9)
    assert not waiting.done()
    net.run(0.2)
    assert waiting.done()
    say(client, 5)
    assert hold() is None
    say(client, 5)
    [error] = client.events()
    assert (error["code"], error["reason"]) == (108, f"more than {20 * ITEM} bytes of items wait")
    begin(client, 1)
    say(client, 12)
    assert not hold().done(), "what it tried in vain is forgotten with what waited"
    client.line.attachment.receive(m.Cancel("i1"))


@pytest.mark.parametrize("how", ["cancel", "drop"])
def test_the_end_of_a_call_is_room(net, client, hold, how):
    begin(client, 100)
    say(client, 12)
    first, second = hold(), hold()
    if how == "drop":
        client.drop()
    else:
        client.line.attachment.receive(m.Cancel("i1"))
    net.run()
    assert first.done()
    assert second.done()
    assert hold() is None


def test_one_of_several_that_wait_may_be_given_up(net, client, hold):
    begin(client, 0.1)
    say(client, 12)
    first, second = hold(), hold()
    first.cancel()
    net.run()
    assert not second.done()
    client.line.attachment.receive(m.End("i1"))


def test_who_knows_credit_is_heard(net, client, hold):
    begin(client, 0.01, None)
    say(client, 16)
    assert hold() is None
    client.line.attachment.receive(m.End("i1"))
