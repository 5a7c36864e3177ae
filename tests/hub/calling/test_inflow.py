"""The items of a client's stream: counted, waited for, read as they should be."""

from time import process_time

import pytest

from everywire.errors import Refused, SessionGone, StreamBroken
from everywire.hub.calling.inflow import FIRST_CREDIT, Inflow
from everywire.hub.calling.shapes import Shape
from everywire.messages import Raw
from everywire.testing import VirtualLoop, virtual_world


class Call:
    """A call that remembers what its stream told it."""

    def __init__(self):
        self.told = []

    def taken(self, size):
        self.told.append(("taken", size))

    def ask_for(self, count):
        self.told.append(("credit", count))


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


@pytest.fixture
def call():
    return Call()


@pytest.fixture
def inflow(loop, call):
    inflow = Inflow(call, virtual_world(loop))
    inflow.open(Shape(int), 16)
    return inflow


def number(n):
    return Raw(str(n).encode())


def read(loop, inflow, count=1):
    async def some():
        return [await anext(inflow) for _ in range(count)]

    return loop.run_until_complete(some())


def test_items_come_in_order(loop, call, inflow):
    for n in (1, 20):
        assert inflow.put(number(n)) is None
    assert read(loop, inflow, 2) == [1, 20]
    assert call.told == [("taken", 1), ("taken", 2)]


def test_credit_is_given_for_half_a_window(loop, call, inflow):
    for n in range(FIRST_CREDIT):
        assert inflow.put(number(n % 10)) is None
    assert inflow.put(number(0)) == "more items than credit"
    read(loop, inflow, 8)
    assert call.told[-1] == ("credit", 8)
    for _ in range(8):
        assert inflow.put(number(0)) is None
    assert inflow.put(number(0)) == "more items than credit"


def test_a_wider_window(loop, call):
    inflow = Inflow(call, virtual_world(loop))
    inflow.open(Shape(), 20)
    assert call.told == [("credit", 4)]
    narrow = Inflow(call, virtual_world(loop))
    narrow.open(Shape(), 4)
    assert call.told == [("credit", 4)], "a client begins with sixteen, whatever we would like"


def test_the_end_comes_after_the_items(loop, inflow):
    inflow.put(number(1))
    inflow.end()
    assert inflow.put(number(2)) == "an item after the end of its stream"

    async def everything():
        return [item async for item in inflow]

    assert loop.run_until_complete(everything()) == [1]


@pytest.mark.parametrize("what", ["item", "end", "close"])
def test_a_reader_is_woken(loop, inflow, what):
    task = loop.create_task(anext(inflow))
    loop.run(1)
    {"item": lambda: inflow.put(number(5)), "end": inflow.end, "close": inflow.close}[what]()
    loop.run(1)
    if what == "item":
        assert task.result() == 5
    else:
        kind = StopAsyncIteration if what == "end" else SessionGone
        assert type(task.exception()) is kind


def test_there_is_one_reader_at_a_time(loop, inflow):
    first, second = loop.create_task(anext(inflow)), loop.create_task(anext(inflow))
    loop.run(1)
    assert "one reader" in str(second.exception())
    inflow.put(number(1))
    loop.run(1)
    assert first.result() == 1


def test_a_reader_that_gave_up_leaves_the_items_for_the_next(loop, inflow):
    task = loop.create_task(anext(inflow))
    loop.run(1)
    task.cancel()
    loop.run(1)
    inflow.put(number(1))
    assert read(loop, inflow) == [1]


def test_a_wrong_item_does_not_end_the_stream(loop, inflow):
    inflow.put(Raw(b'"one"'))
    inflow.put(number(2))
    with pytest.raises(Refused, match="Expected `int`"):
        read(loop, inflow)
    assert read(loop, inflow) == [2]


def test_closing_tells_the_size_of_what_was_not_read(inflow):
    inflow.put(number(10))
    inflow.put(number(200))
    assert inflow.close() == 5
    assert inflow.close() == 0


def test_who_knows_no_credit_gives_none_and_takes_all(loop, call):
    inflow = Inflow(call, virtual_world(loop), credited=False)
    inflow.open(Shape(int), 20)
    for n in range(100):
        assert inflow.put(number(n)) is None
    assert read(loop, inflow, 100) == [*range(100)]
    assert {kind for kind, _ in call.told} == {"taken"}


def test_what_waits_without_credit_weighs_more_than_its_bytes(loop, call):
    inflow = Inflow(call, virtual_world(loop), credited=False)
    inflow.put(number(1))
    inflow.put(number(1))
    read(loop, inflow)
    assert call.told == [("taken", 65)]
    assert inflow.close() == 65


def test_a_stream_breaks_once_behind_its_items(loop, inflow):
    inflow.put(number(1))
    inflow.end("torn")
    inflow.end()
    assert read(loop, inflow) == [1]
    with pytest.raises(StreamBroken, match=r"^the stream broke: torn$") as caught:
        read(loop, inflow)
    assert (caught.value.error, caught.value.code) == ("torn", 107)
    task = loop.create_task(anext(inflow))
    loop.run(1)
    assert type(task.exception()) is StopAsyncIteration


def test_a_reader_is_told_that_its_stream_broke(loop, inflow):
    task = loop.create_task(anext(inflow))
    loop.run(1)
    inflow.end("torn")
    loop.run(1)
    assert type(task.exception()) is StreamBroken


def test_so_many_that_wait_are_read_one_after_the_other_without_delay(loop, call):
    inflow = Inflow(call, virtual_world(loop), credited=False)
    inflow.open(Shape(int), 16)
    for number in range(60_000):  # as many as `max_stream_bytes` has room for
        assert inflow.put(Raw(b"%d" % number)) is None
    inflow.end()

    async def read():
        return [item async for item in inflow]

    before = process_time()
    assert loop.run_until_complete(read()) == list(range(60_000))
    assert process_time() - before < 0.7  # not the square of it
