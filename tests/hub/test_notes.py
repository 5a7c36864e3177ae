"""Notes go to every node, and nothing that a stranger writes does harm."""

import random

import msgspec
import pytest

from everywire.app import Everywire
from everywire.hub.notes import VERSION, Notes
from everywire.testing import Net, SharedBroker, VirtualLoop


class Greeting(msgspec.Struct):
    word: str
    count: int = 1


@pytest.fixture
def nets():
    shared = SharedBroker()
    with VirtualLoop() as loop:
        with (
            Net(Everywire(broker=shared.view), 1, loop=loop) as one,
            Net(Everywire(broker=shared.view), 2, loop=loop) as two,
        ):
            yield one, two


def heard(net):
    found = []
    net.app.hub.notes.add("greeting", Greeting, lambda body, node: found.append((body.word, body.count, node)))
    return found


def test_every_node_hears_a_note_the_writer_too(nets):
    one, two = nets
    at_one, at_two = heard(one), heard(two)
    told = one.loop.run_until_complete(one.app.hub.notes.tell("greeting", Greeting("hello")))
    one.run()
    assert told == 2
    assert at_one == at_two == [("hello", 1, one.app.hub.node)]


def test_who_parts_is_known_no_more_and_hears_nothing(nets):
    one, two = nets
    at_one, at_two = heard(one), heard(two)
    one.app.hub.notes.neighbours.heard(two.app.hub.node)
    two.loop.run_until_complete(two.app.hub.notes.part())
    one.loop.run_until_complete(one.app.hub.notes.tell("greeting", Greeting("hello")))
    one.run()
    assert (len(at_one), at_two, one.app.hub.notes.neighbours.known()) == (1, [], frozenset())


def test_who_cannot_say_that_it_parts_parts_all_the_same(nets):
    _, two = nets
    two.app.hub.broker.cut()
    two.loop.run_until_complete(two.app.hub.notes.part())
    two.app.hub.broker.heal()


def test_what_no_node_would_read_is_an_error(nets):
    one, _ = nets
    with pytest.raises(ValueError, match="bytes"):
        one.loop.run_until_complete(one.app.hub.notes.tell("greeting", Greeting("x" * (1 << 20))))


def test_notes_are_handled_in_order_and_outside_of_the_delivery(nets):
    one, _ = nets
    at_one = heard(one)
    for word in ("a", "b", "c"):
        one.app.hub.notes.take(msgspec.msgpack.encode((VERSION, "greeting", "n", {"word": word})))
    assert at_one == []
    one.run()
    assert [word for word, _, _ in at_one] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"\x91" * 100_000,  # nested deep
        b"\xdd\xff\xff\xff\xff",  # a list of four billion, in five bytes
        b"\x80\x04\x95\x0b",  # a pickle
        msgspec.msgpack.encode({"kind": "greeting"}),
        msgspec.msgpack.encode((VERSION, "greeting", "n")),
        msgspec.msgpack.encode((VERSION, "greeting", "n", {"word": 7})),
        msgspec.msgpack.encode((VERSION, "greeting", 7, {"word": "x"})),
        b"x" * ((1 << 20) + 1),
    ],
)
def test_what_cannot_be_read_is_counted_and_passed_over(nets, data):
    one, _ = nets
    at_one = heard(one)
    one.app.hub.notes.take(data)
    one.run()
    assert at_one == []
    assert one.app.metrics.notes_malformed == 1


@pytest.mark.parametrize("note", [(VERSION + 1, "greeting", "n", {"word": "x"}), (VERSION, "of-tomorrow", "n", 7)])
def test_what_another_release_says_is_passed_over(nets, note):
    one, _ = nets
    at_one = heard(one)
    one.app.hub.notes.take(msgspec.msgpack.encode(note))
    one.run()
    assert at_one == []
    assert one.app.metrics.notes_malformed == 0


def test_random_bytes_and_broken_notes_never_raise(nets):
    one, _ = nets
    heard(one)
    dice = random.Random(7)
    whole = msgspec.msgpack.encode((VERSION, "greeting", "node", {"word": "hello", "count": 3}))
    for _ in range(3000):
        data = bytearray(whole if dice.random() < 0.7 else dice.randbytes(dice.randrange(60)))
        for _ in range(dice.randrange(4)):
            if data:
                data[dice.randrange(len(data))] = dice.randrange(256)
        one.app.hub.notes.take(bytes(data[: dice.randrange(len(data) + 1)]))
    one.run()
    assert one.app.metrics.notes_malformed > 1000


def test_a_failing_handler_is_logged_and_the_next_note_is_handled(nets, caplog):
    one, _ = nets
    at_one = heard(one)
    one.app.hub.notes.add("broken", Greeting, lambda body, node: 1 / 0)
    for kind in ("broken", "greeting"):
        one.app.hub.notes.take(msgspec.msgpack.encode((VERSION, kind, "n", {"word": "x"})))
    one.run()
    assert len(at_one) == 1
    assert "was not handled" in caplog.text


def test_a_kind_has_one_handler(nets):
    one, _ = nets
    heard(one)
    with pytest.raises(ValueError, match="greeting"):
        one.app.hub.notes.add("greeting", Greeting, print)


def test_the_writer_learns_that_the_broker_is_gone():
    with VirtualLoop() as loop:
        shared = SharedBroker()
        with Net(Everywire(broker=shared.view), loop=loop) as net:
            shared.views[0].cut()
            notes: Notes = net.app.hub.notes
            with pytest.raises(ConnectionError):
                loop.run_until_complete(notes.tell("greeting", Greeting("x")))
