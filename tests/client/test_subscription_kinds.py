"""Followed channels of other kinds: keyed, with wildcards, with policies, deltas and types. The server is scripted."""

import asyncio
from dataclasses import dataclass

import pytest
from tests.client.scripts import Script, settle
from tests.client.wires import data

from everywire.client.hub import Conflict, HistoryLost, Misfit, Policy, Position
from everywire.testing import VirtualLoop


def played(test):
    async def play():
        script = Script()
        async with script.client() as client:
            await test(script, client)

    with VirtualLoop() as loop:
        loop.run_until_complete(play())


async def subscribed(script, channel="c", *, offset=0, epoch="e", **more):
    """Answer the latest subscribe."""
    place = {} if epoch is None else {"epoch": epoch, "offset": offset}
    said = {"recovered": False, "publications": []} | place | more
    script.tell(type="subscribed", id=script.last("subscribe")["id"], channel=channel, **said)
    await settle()


def publish(script, offset, value=None, channel="c", **more):
    script.tell(type="publication", channel=channel, offset=offset, data=value, time=1, **more)


def entry(name, offset, value=0):
    return {"data": value, "time": 1, "offset": offset, "entry": name}


def test_a_keyed_channel_is_a_map_and_its_changes():
    async def test(script, client):
        scores = client.subscribe("c")
        await subscribed(script, offset=7, entries=[entry("ada", 3, 10), entry("bob", 7, 20)])
        assert {name: each.data for name, each in scores.entries.items()} == {"ada": 10, "bob": 20}
        publish(script, 8, 11, entry="ada")
        publish(script, 9, entry="bob", removed=True)
        await settle()
        assert [(each.entry, each.data, each.removed) for each in [await anext(scores) for _ in range(4)]] == [
            ("ada", 10, False),
            ("bob", 20, False),
            ("ada", 11, False),
            ("bob", None, True),
        ]
        assert list(scores.entries) == ["ada"]
        assert scores.position == Position("e", 9)
        with pytest.raises(TypeError):
            scores.entries["x"] = 1

    played(test)


def test_what_was_missed_of_a_keyed_channel_is_told_as_the_difference():
    async def test(script, client):
        scores = client.subscribe("c")
        await subscribed(script, offset=2, entries=[entry("a", 1), entry("b", 2)])
        assert await data(scores, 2) == [0, 0]
        script.cut()
        await client.connect()
        assert script.last("subscribe")["since"] == {"epoch": "e", "offset": 2}
        await subscribed(script, offset=9, entries=[entry("b", 2), entry("c", 9)])
        assert [(each.entry, each.removed) for each in [await anext(scores) for _ in range(2)]] == [
            ("c", False),
            ("a", True),
        ]

    played(test)


def test_a_map_in_pages_is_asked_on_with_both():
    async def test(script, client):
        scores = client.subscribe("c")
        await subscribed(script, offset=9, entries=[entry("a", 1)], more="ask", after=1)
        assert (script.last("subscribe")["since"], script.last("subscribe")["after"]) == (
            {"epoch": "e", "offset": 9},
            1,
        )
        assert scores.position is None
        script.cut()
        await client.connect()
        assert script.last("subscribe")["after"] == 1
        await subscribed(script, offset=10, recovered=True, entries=[entry("b", 10)])
        assert sorted(scores.entries) == ["a", "b"]
        assert scores.position is None  # nothing was handed on
        await data(scores, 2)
        assert scores.position == Position("e", 10)
        publish(script, 11, entry="b")
        await settle()
        assert scores.entries["b"].offset == 11

    played(test)


def test_nobody_has_to_iterate_over_a_map():
    async def test(script, client):
        scores = client.subscribe("c", max_queue=3)
        await subscribed(script, entries=[])
        for offset in range(1, 100):
            publish(script, offset, offset, entry=f"e{offset % 5}")
        await settle()
        assert sorted(each.data for each in scores.entries.values()) == [95, 96, 97, 98, 99]
        assert len(script.all("subscribe")) == 1
        last = {}
        while scores._queue:
            each = await anext(scores)
            last[each.entry] = each.data
        assert sorted(last.values()) == [95, 96, 97, 98, 99]

    played(test)


def test_what_is_left_out_moves_the_position():
    async def test(script, client):
        room = client.subscribe("c", policy=Policy("latest", 0.5))
        assert script.last("subscribe")["policy"] == {"kind": "latest", "interval": 500}
        await subscribed(script)
        script.tell(type="passed", channel="c", epoch="e", offset=4, count=4)
        publish(script, 5, "five")
        script.tell(type="passed", channel="c", epoch="e", offset=7, count=2)
        script.tell(type="passed", channel="c", epoch="e", offset=6, count=1)
        await settle()
        assert room.position == Position("e", 4)
        assert await data(room, 1) == ["five"]
        assert room.position == Position("e", 7)
        assert len(script.all("subscribe")) == 1
        script.tell(type="passed", channel="c", epoch="e", offset=9, count=1)  # offset 8 is missing
        await settle()
        assert script.last("subscribe")["since"] == {"epoch": "e", "offset": 7}

    played(test)


def test_a_policy_may_change_and_is_said_again():
    async def test(script, client):
        room = client.subscribe("c")
        await subscribed(script)
        setting = room.set_policy(Policy("drop_oldest", size=7))
        assert script.last("policy")["policy"] == {"kind": "drop_oldest", "size": 7}
        held = {"kind": "drop_oldest", "interval": 0, "size": 5}
        script.tell(type="policy", id=script.last("policy")["id"], channel="c", policy=held)
        assert await setting == Policy("drop_oldest", size=5)
        script.cut()
        await client.connect()
        assert script.last("subscribe")["policy"] == {"kind": "drop_oldest", "size": 7}
        assert room.policy == Policy("drop_oldest", size=7)

    played(test)


def test_wildcards_hear_what_matches_without_positions():
    async def test(script, client):
        scores, all_of_them = client.subscribe("score:*"), client.subscribe("score:>")
        for command in script.all("subscribe"):
            script.tell(
                type="subscribed", id=command["id"], channel=command["channel"], recovered=False, publications=[]
            )
        await settle()
        for channel in ("score:ann", "score:ann:2", "score.ann", "other:ann"):
            publish(script, 3, channel, channel=channel)
            publish(script, 3, channel, channel=channel)  # once for each subscription
        await settle()
        assert [each.channel for each in [await anext(scores)]] == ["score:ann"]
        assert await data(all_of_them, 2) == ["score:ann", "score:ann:2"]
        assert (len(scores._queue), len(all_of_them._queue), scores.position) == (0, 0, None)
        script.cut()
        await client.connect()
        assert "since" not in script.last("subscribe")
        await subscribed(script, "score:>", epoch=None)
        with pytest.raises(HistoryLost, match="some publications"):
            await anext(all_of_them)

    played(test)


def test_what_wildcards_have_heard_is_known_when_the_channels_own_subscription_is_told_it_later():
    async def test(script, client):
        every = client.subscribe("room:*")
        await subscribed(script, "room:*", epoch=None)
        one = client.subscribe("room:a")
        for offset in (5, 6, 7):  # while the answer to the subscribe is on its way
            publish(script, offset, offset, channel="room:a")
        await settle()
        await subscribed(script, "room:a", offset=4)
        for offset in (5, 6, 7, 8):
            publish(script, offset, offset, channel="room:a")
        await settle()
        assert await data(one, 4) == [5, 6, 7, 8]
        assert await data(every, 4) == [5, 6, 7, 8]
        assert (len(one._queue), len(every._queue)) == (0, 0)
        script.tell(type="publication", channel="room:a", data="a new log", offset=5, time=2)
        await settle()
        assert await data(every, 1) == ["a new log"]

    played(test)


def test_a_map_that_nobody_iterates_over_is_told_again_and_again_and_takes_no_more_room():
    async def test(script, client):
        scores = client.subscribe("c", max_queue=3)
        for offset in range(0, 300, 2):
            news = [entry("ada", offset + 1, offset), entry("bob", offset + 2, offset)]
            await subscribed(script, offset=offset + 2, recovered=offset > 0, entries=news)
            script.cut()
            await client.connect()
        assert len(scores._queue) <= 8
        assert {each.entry: each.data for each in [await anext(scores) for _ in range(len(scores._queue))]} == {
            "ada": 298,
            "bob": 298,
        }

    played(test)


def test_losses_that_nobody_asks_for_are_told_once():
    async def test(script, client):
        room = client.subscribe("c", since=Position("d", 5))
        for number in range(10):
            await subscribed(script, offset=number, epoch=f"e{number}")
            script.cut()
            await client.connect()
        with pytest.raises(HistoryLost, match="after offset 5"):
            await anext(room)
        assert (len(room._queue), room.position) == (0, Position("e9", 9))

    played(test)


def test_too_slow_with_wildcards_loses_aloud():
    async def test(script, client):
        room = client.subscribe("*", max_queue=3)
        await subscribed(script, "*", epoch=None)
        for offset in range(1, 6):
            publish(script, offset, offset)
        await settle()
        with pytest.raises(HistoryLost):
            await anext(room)
        assert await data(room, 2) == [4, 5]

    played(test)


def test_deltas_are_put_together_and_asked_for_where_one_does_not_fit():
    async def test(script, client):
        room = client.subscribe("c", delta=True)
        assert script.last("subscribe")["delta"] is True
        await subscribed(script, offset=1, publications=[{"data": {"n": 1}, "time": 1, "offset": 1}])
        script.tell(type="publication", channel="c", offset=2, time=1, delta={"set": {"m": 2}}, base=1)
        await settle()
        found = await data(room, 2)
        assert found == [{"n": 1}, {"n": 1, "m": 2}]
        found[1].clear()  # the application may do with its data what it likes
        script.tell(type="publication", channel="c", offset=3, time=1, delta={"drop": ["n"]}, base=2)
        await settle()
        assert await data(room, 1) == [{"m": 2}]
        script.tell(type="publication", channel="c", offset=4, time=1, delta={"set": {"x": 1}}, base=2)
        await settle()
        assert script.last("subscribe")["since"] == {"epoch": "e", "offset": 3}

    played(test)


def test_data_has_its_type_or_says_so():
    @dataclass
    class Message:
        text: str

    async def test(script, client):
        room = client.subscribe("c", type=Message)
        await subscribed(script)
        publish(script, 1, {"text": "hi"})
        publish(script, 2, {"txet": "hi"})
        publish(script, 3, {"text": "there"})
        await settle()
        assert (await anext(room)).data == Message("hi")
        with pytest.raises(Misfit) as misfit:
            await anext(room)
        assert misfit.value.publication.offset == 2
        assert (await anext(room)).data.text == "there"

    played(test)


def test_compare_and_set_tells_what_is_there():
    async def test(script, client):
        publishing = client.publish("c", 5, entry="x", expect=3, ttl=2)
        said = script.last("publish")
        assert (said["entry"], said["expect"], said["ttl"]) == ("x", 3, 2000)
        script.tell(type="error", id=said["id"], code=111, reason="conflict", temporary=False, data={"offset": 9})
        with pytest.raises(Conflict) as conflict:
            await publishing
        assert conflict.value.offset == 9

    played(test)


def test_entries_are_read_in_pages():
    async def test(script, client):
        reading = asyncio.ensure_future(client.entries("c"))
        await settle()
        number = script.last("entries")["id"]
        page = {"type": "entries", "channel": "c", "epoch": "e", "offset": 9, "recovered": False}
        script.tell(**page, id=number, entries=[entry("a", 1), entry("b", 2)], more=True, after=2)
        await settle()
        asked = script.last("entries")
        assert (asked["since"], asked["after"]) == ({"epoch": "e", "offset": 9}, 2)
        changed = [entry("c", 3), {**entry("a", 10), "removed": True}]
        script.tell(**page | {"offset": 10, "recovered": True}, id=asked["id"], entries=changed)
        found = await reading
        assert [each.entry for each in found] == ["b", "c"]
        assert found.position == Position("e", 10)

    played(test)
