"""The boxes of one process: who reads what, from which loop, and what is lost when nobody reads."""

import asyncio
import threading

import pytest

from everywire.django.layer import boxes
from everywire.django.layer.boxes import Boxes, prefix_of
from everywire.messages import Packed

ONE, TWO, THREE = Packed(b"1"), Packed(b"2"), Packed(b"3")


class Clock:
    now = 100.0


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(boxes, "monotonic", lambda: Clock.now)
    Clock.now = 100.0
    return Clock


def made(capacity=3, lost=None):
    return Boxes(60, lambda name: capacity, lambda name, count: lost.append((name, count)))


def test_messages_come_in_their_order_and_the_box_is_forgotten():
    async def scenario():
        here = made()
        assert [here.put("a", each) for each in (ONE, TWO)] == [True, True]
        assert [await here.get("a"), await here.get("a")] == [("a", ONE), ("a", TWO)]
        assert here.channels == {}

    asyncio.run(scenario())


def test_a_full_box_takes_nothing():
    here = made(capacity=1)
    assert here.put("a", ONE)
    assert not here.put("a", TWO)
    assert here.put_all(["a", "b"], TWO) == ["a"]
    assert here.take_all("b") == [TWO]


def test_a_reader_that_is_cancelled_before_it_was_woken_loses_nothing():
    async def scenario():
        here = made()
        reader = asyncio.create_task(here.get("a"))
        await asyncio.sleep(0)
        reader.cancel()
        await asyncio.wait([reader])
        assert here.channels == {}
        here.put("a", ONE)
        assert await here.get("a") == ("a", ONE)

    asyncio.run(scenario())


def test_a_reader_that_is_cancelled_as_it_was_woken_leaves_its_message_to_the_next():
    async def scenario():
        here = made()
        first, second = (asyncio.create_task(here.get("a")) for _ in range(2))
        await asyncio.sleep(0)
        here.put("a", ONE)
        first.cancel()
        assert await second == ("a", ONE)
        assert first.cancelled()

    asyncio.run(scenario())


def test_one_message_is_for_one_reader():
    async def scenario():
        here = made()
        readers = [asyncio.create_task(here.get("a")) for _ in range(3)]
        await asyncio.sleep(0)
        here.put("a", ONE)
        here.put("a", TWO)
        done, waiting = await asyncio.wait(readers, timeout=0.01)
        assert (len(done), len(waiting)) == (2, 1)
        waiting.pop().cancel()

    asyncio.run(scenario())


def test_a_reader_on_another_loop_is_woken():
    here, found = made(), []
    begun = threading.Event()

    async def read():
        reader = asyncio.create_task(here.get("a"))
        await asyncio.sleep(0)
        begun.set()
        found.append(await reader)

    thread = threading.Thread(target=asyncio.run, args=(read(),))
    thread.start()
    begun.wait(5)
    here.put_all(["a"], ONE)
    thread.join(5)
    assert found == [("a", ONE)]


def test_readers_of_a_loop_that_is_closed_do_not_keep_others_from_theirs():
    here = made()
    gone = asyncio.new_event_loop()
    forgotten = gone.create_task(here.get("a"))
    gone.run_until_complete(asyncio.sleep(0))
    gone.close()

    async def scenario():
        reader = asyncio.create_task(here.get("a"))
        await asyncio.sleep(0)
        here.put("a", ONE)
        assert await reader == ("a", ONE)

    asyncio.run(scenario())
    forgotten._log_destroy_pending = False


def test_what_nobody_reads_in_time_is_lost_and_told(clock):
    lost = []
    here = made(lost=lost)
    here.put("a", ONE)
    clock.now += 30
    here.put("a", TWO)
    here.put("b", ONE)
    clock.now += 30
    assert here.put_all(["c"], ONE) == []
    assert lost == [("a", 1)]
    assert here.take_all("a") == [TWO]
    clock.now += 60
    here.put_all([], ONE)
    assert lost == [("a", 1), ("b", 1), ("c", 1)]
    assert here.channels == {}


def test_a_box_full_of_what_is_over_has_room(clock):
    lost = []
    here = made(capacity=1, lost=lost)
    here.put("a", ONE)
    clock.now += 60
    assert here.put("a", TWO)
    assert lost == [("a", 1)]


async def held_up(here, clock, name):
    """Have a channel with a letter that is over after 61 seconds, in a box that was read from: it is looked for later only."""
    here.put(name, ONE)
    clock.now += 1
    here.put(name, TWO)
    assert await here.get(name) == (name, ONE)
    clock.now += 58
    here.put("other", ONE)  # which is over after another minute
    clock.now += 1
    here.put_all([], ONE)
    clock.now += 1


@pytest.mark.parametrize(("name", "read"), [("a", "a"), ("p!1", "p!1"), ("p!1", "p!")])
async def test_what_is_over_is_not_read_though_its_box_was_read_from(clock, name, read):
    lost = []
    here = made(lost=lost)
    await held_up(here, clock, name)
    reader = asyncio.ensure_future(here.get(read))
    await asyncio.sleep(0)
    assert lost == [(name, 1)]
    assert not reader.done()
    here.put(name, THREE)
    assert await reader == (name, THREE)


async def test_nor_does_it_take_up_room(clock):
    lost = []
    here = Boxes(60, lambda name: 2, lambda name, count: lost.append((name, count)))
    await held_up(here, clock, "a")
    assert here.put_all(["a"], ONE) == here.put_all(["a"], TWO) == []
    assert here.put_all(["a"], THREE) == ["a"]
    assert lost == [("a", 1)]


def test_a_channel_that_was_refused_what_all_of_its_process_had_no_room_for_is_forgotten():
    here = made(capacity=1)
    assert here.put("p!1", ONE)
    assert here.put_all([f"p!{n}" for n in range(2, 9)], TWO) == [f"p!{n}" for n in range(2, 9)]
    assert [*here.channels] == ["p!1"]


def test_what_is_over_frees_the_room_that_channels_of_a_process_share(clock):
    here = made(capacity=1, lost=[])
    here.put("p!1", ONE)
    clock.now += 30
    assert not here.put("p!2", ONE)
    clock.now += 30
    assert here.put("p!2", ONE)


def test_channels_of_one_process_share_their_capacity_while_nobody_reads():
    here = made(capacity=2)
    assert [here.put(f"p!{n}", ONE) for n in (1, 2, 3)] == [True, True, False]

    async def scenario():
        assert await here.get("p!1") == ("p!1", ONE)

    asyncio.run(scenario())
    assert here.put("p!3", ONE)


def test_a_message_to_many_channels_of_one_process_counts_once():
    here = made(capacity=2)
    names = [f"p!{n}" for n in range(100)]
    assert [len(here.put_all(names, each)) for each in (ONE, TWO, THREE)] == [0, 0, 100]


def test_a_reader_that_is_stuck_costs_the_others_nothing():
    async def scenario():
        here = made(capacity=2)
        for _ in range(10):
            reader = asyncio.create_task(here.get("p!good"))
            await asyncio.sleep(0)
            full = here.put_all(["p!stuck", "p!good"], ONE)
            assert await reader == ("p!good", ONE)
        assert full == ["p!stuck"]

    asyncio.run(scenario())


def test_the_prefix_of_a_process_reads_what_comes_to_any_of_its_channels():
    async def scenario():
        here = made()
        here.put("p!b", ONE)
        here.put("p!a", TWO)
        here.put("q!a", ONE)
        assert [await here.get("p!"), await here.get("p!")] == [("p!b", ONE), ("p!a", TWO)]
        reader = asyncio.create_task(here.get("p!"))
        await asyncio.sleep(0)
        here.put("p!c", THREE)
        assert await reader == ("p!c", THREE)

    asyncio.run(scenario())


def test_nothing_is_left_after_a_clearing():
    here = made(capacity=1)
    here.put("p!a", ONE)
    here.put("b", ONE)
    here.clear()
    assert here.channels == {}
    assert here.put("p!b", ONE)


def test_a_prefix_ends_with_its_mark():
    assert prefix_of("specific.f00!abc") == "specific.f00!"
