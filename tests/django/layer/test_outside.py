"""Groups are channels of the hub, both ways; and two layers meet by way of it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

import everywire
from everywire.app import Everywire
from everywire.brokers.base import Receipt
from everywire.brokers.memory import queues
from everywire.django import ChannelLayer
from everywire.django.layer import Drop, outside, words
from everywire.testing.shared import SharedBroker

X = {"type": "x"}


@asynccontextmanager
async def running(broker=None, **kind):
    """An application that runs, with a channel "g"."""
    app = Everywire(broker=broker)
    app.channel("g", **kind)
    app.start()
    try:
        yield app
    finally:
        await app.stop()


async def member(layer, group="g"):
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    return channel


async def test_clients_and_consumers_hear_each_other():
    app = Everywire()
    app.channel("g", history=10, presence=True)
    layer = ChannelLayer()
    async with app.serving() as server, everywire.Client(f"ws://127.0.0.1:{server.port}/everywire") as client:
        consumer = await member(layer)
        room = client.subscribe("g")
        await room.ready()
        await layer.group_send("g", {"type": "chat.message", "text": "hello"})
        publication = await anext(room)
        assert publication.data == {"type": "chat.message", "text": "hello"}
        assert await layer.receive(consumer) == {"type": "chat.message", "text": "hello"}
        await room.publish({"type": "websocket.close"})
        told = await layer.receive(consumer)
        assert (told["type"], told["data"], told["session"]) == (
            "everywire.message",
            {"type": "websocket.close"},
            client.session,
        )
        assert {each.session: each.dialect for each in await layer.group_members("g")} == {
            consumer: "channels",
            client.session: "native",
        }
        await layer.close()


async def test_what_the_application_publishes_comes_to_consumers():
    async with running() as app:
        layer = ChannelLayer()
        consumer = await member(layer)
        await app.publish("g", {"score": 1})
        assert (await layer.receive(consumer))["data"] == {"score": 1}


async def test_consumers_need_not_hear_others():
    async with running() as app:
        layer = ChannelLayer(message_type=None)
        consumer = await member(layer)
        await app.publish("g", {"score": 1})
        await layer.group_send("g", X)
        assert await layer.receive(consumer) == X


async def test_a_group_may_be_a_channel_of_another_name():
    async with running() as app:
        heard = []
        await app.hub.delivering.taps.open("site:g", heard.append)
        layer = ChannelLayer(prefix="site:")
        consumer = await member(layer)
        await layer.group_send("g", X)
        assert await layer.receive(consumer) == X
        assert [bytes(each.data) for each in heard] == [b'{"type":"x"}']


async def test_nothing_is_heard_of_a_group_that_nobody_here_is_in():
    async with running() as app:
        layer = ChannelLayer()
        consumer = await member(layer)
        await layer.group_discard("g", consumer)
        assert "g" not in app.hub.delivering.taps
        await layer.group_send("g", X)
        assert layer.channels == {}


async def test_a_group_whose_members_are_all_over_is_heard_no_longer():
    async with running() as app:
        layer = ChannelLayer(group_expiry=1e-9)
        await member(layer)
        await layer.group_send("g", X)
        await asyncio.sleep(0)
        assert "g" not in app.hub.delivering.taps


async def test_a_group_is_heard_again_right_after_its_last_member_here_has_left():
    async with running():
        layer = ChannelLayer()
        for number in range(3):
            consumer = await member(layer)
            await layer.group_send("g", {"type": "x", "n": number})
            async with asyncio.timeout(5):
                assert await layer.receive(consumer) == {"type": "x", "n": number}
            await layer.group_discard("g", consumer)


async def test_who_leaves_while_he_still_comes_leaves_nothing_behind(monkeypatch):
    async with running() as app:
        layer, slow, watched = ChannelLayer(), asyncio.Event(), app.hub.broker.watch
        consumer = await member(layer, "h")

        async def watch(channel):
            await slow.wait()
            await watched(channel)

        monkeypatch.setattr(app.hub.broker, "watch", watch)
        coming = asyncio.create_task(layer.group_add("g", consumer))
        await asyncio.sleep(0)
        coming.cancel()
        leaving = asyncio.create_task(layer.group_discard("g", consumer))
        await asyncio.sleep(0)
        slow.set()
        await leaving
        assert "g" not in app.hub.delivering.taps


async def test_two_layers_share_groups_channels_and_their_end():
    async with running():
        one, two = ChannelLayer(capacity=1), ChannelLayer()
        mine, other = await member(one), await member(two)
        await one.group_add("h", other)
        await one.group_send("h", X)
        assert await two.receive(other) == X
        await two.send(mine, X)
        with pytest.raises(one.ChannelFull):
            await two.send(mine, X)
        assert {each.session for each in await one.group_members("g")} == {mine, other}
        await two.flush()
        assert (one.channels, one.groups) == ({}, {})


async def test_a_channel_of_another_process_is_not_read_here():
    async with running():
        with pytest.raises(AssertionError, match="not a channel of this process"):
            await ChannelLayer().receive("specific.elsewhere!x")


async def test_who_does_not_answer_is_counted_as_gone(monkeypatch):
    monkeypatch.setattr(outside, "PATIENCE", 0.05)
    async with running():
        seen = []
        one, two = ChannelLayer(on_drop=seen.append), ChannelLayer()
        channel = await member(two)
        monkeypatch.setattr(two._outside, "_answer", lambda *_, **__: asyncio.sleep(0))
        await one.send(channel, X)
        await one.send("specific.nobody!x", X)
        assert [each.reason for each in seen] == ["gone", "gone"]


async def test_a_process_that_was_killed_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(outside, "PATIENCE", 3600)
    seen, shared = [], SharedBroker()
    killed = Everywire(broker=shared.view)
    killed.start()
    theirs = ChannelLayer()
    channel = await member(theirs)
    async with running(shared.view):
        layer = ChannelLayer(on_drop=seen.append)
        mine = await member(layer)
        assert {each.session for each in await layer.group_members("g")} == {mine, channel}
        taps = killed.hub.delivering.taps
        await taps.close(words.inbox(theirs.client_prefix), theirs._outside._letter, heard=False)  # its place is left
        async with asyncio.timeout(5):
            assert [each.session for each in await layer.group_members("g")] == [mine]
            await layer.send(channel, X)
        assert seen == [Drop("gone", channel)]
    await killed.stop()


async def test_a_broker_that_says_late_that_nobody_hears_changes_nothing(monkeypatch):
    async with running() as app:
        layer = ChannelLayer()
        await member(layer)
        there = layer._outside
        there._known["elsewhere"] = float("inf")

        async def publish(channel, draft, retention):
            while not all(answer.done() for answer in there._asked.values()):
                await asyncio.sleep(0)
            return Receipt(None, heard=False)

        monkeypatch.setattr(outside, "PATIENCE", 0)
        monkeypatch.setattr(app.hub.broker, "publish", publish)
        assert await there._ask("elsewhere", words.List("g")) is None


async def test_a_link_that_was_lost_is_told_of_once():
    seen, shared = [], SharedBroker()
    async with running(shared.view) as app:
        layer = ChannelLayer(on_drop=seen.append)
        consumer = await member(layer)
        (view,) = shared.views
        view.cut()
        with pytest.raises(ConnectionError):
            await layer.group_send("g", X)
        view.heal()
        await layer.group_send("g", X)
        assert await layer.receive(consumer) == X
        assert (seen, layer.dropped["link"]) == ([Drop("link", "")], 1)
        assert app.hub.metrics.dropped == {"channels link": 1}


async def test_a_channel_of_no_process_in_a_group_gets_each_message_once():
    async with running():
        one, two = ChannelLayer(), ChannelLayer()
        await one.group_add("g", "jobs")
        await two.group_add("g", "jobs")
        await two.group_send("g", X)
        await one.group_discard("g", "jobs")
        await two.group_send("g", {"type": "y"})
        await two.send("jobs", {"type": "z"})
        assert [await one.receive("jobs"), await two.receive("jobs")] == [X, {"type": "z"}]


async def test_what_is_full_or_over_in_such_a_channel_is_told_to_its_reader():
    async with running() as app:
        layer = ChannelLayer(capacity=1)
        await layer.group_add("g", "jobs")
        for _ in range(3):
            await layer.group_send("g", X)
        await layer.receive("jobs")
        assert layer.dropped["capacity"] == 2
        assert app.metrics.dropped == {"channels capacity": 2}
        brief = ChannelLayer(expiry=1e-9)
        await brief.send("brief", X)
        await brief.send("brief", {"type": "y"})
        assert brief.dropped["expired"] == 1


async def test_what_was_lost_in_a_channel_that_nobody_reads_is_told_to_whoever_sends(monkeypatch):
    monkeypatch.setattr(queues, "_FEW", 1)
    async with running():
        seen = []
        layer = ChannelLayer(expiry=1e-9, on_drop=seen.append)
        await layer.send("forgotten", X)
        await layer.send("jobs", X)
        assert seen == [Drop("expired", "forgotten")]


async def test_another_application_takes_over_where_one_has_ended():
    layer = ChannelLayer()
    async with running():
        consumer = await member(layer)
    async with running() as app:
        await layer.group_send("g", X)
        assert await layer.receive(consumer) == X
        await app.publish("g", 1)
        assert (await layer.receive(consumer))["data"] == 1


async def test_nothing_is_missed_or_heard_twice_while_another_application_takes_over():
    shared = SharedBroker()
    async with running(broker=shared.view):
        layer, other = ChannelLayer(), ChannelLayer()
        consumer = await member(layer)
        async with running(broker=shared.view) as second:
            await member(other, "h")
            slow, watched, heard = asyncio.Event(), second.hub.broker.watch, []

            async def watch(channel):
                await slow.wait()
                await watched(channel)

            second.hub.broker.watch = watch
            taking_over = asyncio.create_task(layer.group_send("none", X))
            for number in range(6):
                await other.group_send("g", {"type": "x", "n": number})
                await other.send(consumer, {"type": "y", "n": number})
                heard += [await layer.receive(consumer), await layer.receive(consumer)]
                if number == 2:
                    slow.set()
                    await taking_over
            assert [each["n"] for each in heard] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
            assert layer.channels == {}
            await asyncio.sleep(0)
            assert [each.session for each in await other.group_members("g")] == [consumer]


async def test_a_layer_may_be_closed_and_used_again():
    async with running() as app:
        layer = ChannelLayer()
        consumer = await member(layer)
        await layer.close()
        await asyncio.sleep(0)
        assert "g" not in app.hub.delivering.taps
        await layer.group_send("g", X)
        assert await layer.receive(consumer) == X


async def test_what_a_kind_refuses_is_refused():
    async with running(keyed=True):
        with pytest.raises(everywire.Refused, match="names its entry"):
            await ChannelLayer().group_send("g", X)
