"""A connection of HTTP requests: everything once and in order, whatever the network does. Time is virtual, the hub is real."""

import asyncio
import json
from random import Random

import pytest
from tests.client.lines import KINDS, Network, elapse
from tests.client.wires import data

from everywire.client.hub import Client, State
from everywire.client.line import Line
from everywire.errors import ConnectionClosed, Refused
from everywire.testing import Net, Witness


@pytest.fixture
def network(app):
    with Net(app) as net:
        yield Network(net)


def client(network, *transports, **options):
    return Client("http://in.memory/everywire", dial=network.ladder(*(transports or KINDS)), dice=Random(7), **options)


def run(network, test):
    return network.net.loop.run_until_complete(test)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_carries_a_conversation(network, kind):
    async def test():
        async with client(network, kind) as ada:
            assert ada.transport == kind
            room = ada.subscribe("room:a")
            await room.ready()
            publishing = [room.publish(number) for number in range(20)]
            assert await data(room, 20) == list(range(20))
            await asyncio.gather(*publishing)
            assert await ada.call("double", 2) == 4
            await elapse(100)
            assert ada.state is State.CONNECTED
            assert len(network.lines) == 1
        assert network.asked[-1].startswith("DELETE")

    run(network, test())


def test_what_waits_is_said_in_one_body(network):
    async def test():
        async with client(network, "stream") as ada:
            before = len(network.asked)
            await asyncio.gather(*(ada.publish("room:a", number) for number in range(20)))
            assert len(network.asked) - before == 1

    run(network, test())


@pytest.mark.parametrize("kind", KINDS)
def test_a_post_whose_answer_was_lost_is_said_again_under_its_number(network, kind):
    async def test():
        async with client(network, kind) as ada:
            network.losing = 3
            assert await ada.call("double", 3) == 6
            await elapse(2)
            posts = [asked for asked in network.asked if "seq=2" in asked]
            assert len(posts) == 4
            assert network.lines["node.0"].seq == 2

    run(network, test())


@pytest.mark.parametrize("kind", ["stream", "sse"])
def test_a_stream_that_ends_is_asked_on(network, kind):
    async def test():
        network.cutting = True
        async with client(network, kind) as ada:
            room = ada.subscribe("room:a")
            publishing = [ada.publish("room:a", number) for number in range(10)]
            assert await data(room, 10) == list(range(10))
            await asyncio.gather(*publishing)
            assert len(network.lines) == 1

    run(network, test())


@pytest.mark.parametrize(
    ("buffered", "works"),
    [({"stream"}, "poll"), ({"stream", "sse"}, "poll"), ({"stream", "sse", "poll"}, "interval")],
)
def test_what_is_kept_back_on_the_way_is_left_within_seconds(network, buffered, works):
    async def test():
        network.buffered = buffered
        async with client(network, open_timeout=30) as ada:
            room = ada.subscribe("room:a")
            await ada.publish("room:a", 1)
            assert await data(room, 1) == [1]
            assert ada.transport == works
            assert len(network.lines) == 1  # it is the same line, so nothing is lost
            assert network.net.loop.time() < (16 if "poll" in buffered else 3)

    run(network, test())


def test_what_the_server_does_not_do_is_left_at_once(network):
    async def test():
        network.unfit = {"stream", "sse"}
        async with client(network) as ada:
            assert ada.transport == "poll"
            assert network.net.loop.time() < 1

    run(network, test())


def test_better_ways_are_tried_again_on_the_same_line(network):
    async def test():
        network.buffered = {"stream"}
        async with client(network) as ada:
            room = ada.subscribe("room:a")
            await room.ready()
            for seconds, kind in ((0, "poll"), (70, "sse"), (140, "sse")):  # then a stream was tried in vain
                await elapse(seconds)
                assert ada.transport == kind
            network.buffered = set()
            await elapse(260)
            assert ada.transport == "stream"
            await room.publish(1)
            assert await data(room, 1) == [1]
            assert len(network.lines) == 1

    run(network, test())


def test_what_worked_last_time_is_not_the_best_for_ever(network):
    network.buffered = {"stream", "sse"}
    ladder = network.ladder(*KINDS)

    async def connected(*kinds):
        async with Client("http://in.memory/everywire", dial=ladder, dice=Random(7)) as ada:
            for kind in kinds:
                assert ada.transport == kind
                await elapse(200)

    async def test():
        await connected("poll")
        network.buffered = set()
        await connected("poll", "stream")
        await connected("stream")

    run(network, test())


def test_a_better_way_that_is_kept_back_costs_a_moment(network):
    async def test():
        network.buffered = {"stream", "sse", "poll"}
        async with client(network, open_timeout=60) as ada:
            assert ada.transport == "interval"
            await elapse(60.5)  # polls are tried again
            began = network.net.loop.time()
            assert await ada.call("double", 2) == 4
            assert network.net.loop.time() - began < 4
            assert ada.transport == "interval"

    run(network, test())


def test_a_line_that_is_gone_is_replaced_and_the_session_resumed(network):
    async def test():
        async with client(network, "poll") as ada:
            room = ada.subscribe("room:a")
            await room.ready()
            session = ada.session
            line = network.lines.pop("node.0")
            line.line.lost(1006)
            network.lines["other"] = line
            assert (await ada.publish("room:a", 1)).offset == 1
            assert await data(room, 1) == [1]
            assert (ada.session, len(network.lines)) == (session, 2)

    run(network, test())


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.03, 0.1, 0.2])
def test_short_polls_look_soon_for_an_answer(app, network, seconds):
    @app.on("takes its time")
    async def takes_its_time():
        await elapse(seconds)
        return "done"

    async def test():
        async with client(network, "interval") as ada:
            await elapse(1.01 * seconds)  # at several moments of a poll
            for _ in range(5):
                began = network.net.loop.time()
                assert await ada.call("takes its time") == "done"
                assert network.net.loop.time() - began < 0.5
            before = len(network.asked)
            await elapse(10)
            assert len(network.asked) - before < 15  # then it is patient again

    run(network, test())


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_line_says_why(network, kind):
    async def test():
        async with client(network, kind) as ada:
            network.lines["node.0"].close(4403, "not here")
            await elapse(3)
            assert ada.state is State.CLOSED
            with pytest.raises(ConnectionClosed, match="4403 not here"):
                await ada.connect()

    run(network, test())


def test_a_network_that_is_down_for_a_moment_is_nothing(network):
    async def test():
        async with client(network, "stream") as ada:
            network.down = True
            calling = ada.call("double", 4)
            await elapse(3)
            network.down = False
            assert await calling == 8
            assert len(network.lines) == 1

    run(network, test())


def test_a_refused_token_is_told(app, network):
    @app.on_connect
    def who(connecting):
        raise Refused("who are you?", 101)

    async def test():
        with pytest.raises(Refused, match="who are you"):
            await client(network).connect()

    run(network, test())


def test_nonsense_ends_it(network):
    async def test():
        ends = []
        line = Line(network.web(), lambda message: None, lambda *end: ends.append(end))
        line.modes = ("poll",)
        await line.open()
        server = network.lines["node.0"]
        server.messages.append("nonsense")
        server.news.set()
        await elapse(1)
        [(code, reason)] = ends
        assert code == 1006
        assert "not understood" in reason
        line.send("{}")
        line.abort()
        await line.close()

    run(network, test())


def test_binary_data_is_said_as_text(network):
    async def test():
        async with client(network, "poll", codec="msgpack") as ada:
            room = ada.subscribe("room:a")
            await room.publish({"picture": b"\x00\xff"})
            assert await data(room, 1) == [{"picture": "AP8="}]

    run(network, test())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled_over_a_network_that_fails_at_random(network, kind, seed):
    dice = Random(seed)

    async def disturb():
        for _ in range(25):
            await elapse(dice.random())
            match dice.randrange(4):
                case 0:
                    network.losing = 2
                case 1:
                    network.cutting = not network.cutting
                case 2:
                    network.down = True
                    await elapse(0.5)
                    network.down = False
                case _:
                    for name in list(network.lines):
                        network.lines.pop(name).line.lost(1006)
        network.cutting = False

    async def test():
        async with client(network, kind) as ada, client(network, kind) as bob:
            witness = Witness(bob, "bob", "room:a")
            await witness.ready()
            disturbing = asyncio.ensure_future(disturb())
            for number in range(40):
                await ada.publish("room:a", {"sender": "ada", "number": number})
            await disturbing
            await elapse(60)
            assert [entry.number for entry in witness.log.entries[1:]] == list(range(40))

    run(network, test())


def test_a_message_is_one_text(network):
    async def test():
        async with client(network, "stream") as ada:
            await ada.publish("room:a", "line\nbreak")
            page = await ada.history("room:a")
            assert page.publications[0].data == "line\nbreak"
            assert all(isinstance(json.loads(message), dict) for message in network.lines["node.0"].messages)

    run(network, test())
