"""A channel on one node: who is told, who is held, who rests."""

from types import SimpleNamespace

import pytest

from everywire.hub.access.identity import Identity
from everywire.hub.channels.channel import Channel, State
from everywire.hub.kinds import ChannelKind, Place
from everywire.hub.session import Session
from everywire.messages import Joined, Left, Member, Moved, Position, Publication, Raw
from everywire.payloads import Payload
from everywire.testing.transport import MemoryTransport


class Counting:
    """A codec that says how often it was asked."""

    dialect = "counting"

    def __init__(self):
        self.asked = 0

    def encode(self, event):
        self.asked += 1
        data = bytes(event.data).decode() if isinstance(event, Publication) else ""
        return (Payload(f"{type(event).__name__} {data}".strip()),)


class Mute:
    def encode(self, event):
        return ()


CODEC = Counting()


def news(offset, epoch="e"):
    return Publication("c", Raw(b"%d" % offset), 0, Position(epoch, offset))


@pytest.fixture
def channel():
    return Channel(Place("c", ChannelKind("c"), {}), max_held=3, sessions={})


def attachment(codec=CODEC):
    transport = MemoryTransport()
    return SimpleNamespace(codec=codec, transport=transport, tell=lambda event: transport.send(codec.encode(event)))


def subscriber(channel, name="s", codec=CODEC):
    """A held subscription."""
    subscription = channel.subscribe(Session(Member(name)))
    channel.hold(subscription, attachment(codec))
    return subscription


def told(subscription_or_attachment):
    which = getattr(subscription_or_attachment, "attachment", subscription_or_attachment)
    return [text.removeprefix("Publication ") for text in which.transport.outbox]


def test_the_live_are_told_at_once(channel):
    one, two = subscriber(channel, "1"), subscriber(channel, "2")
    for each in (one, two):
        channel.release(each, Position("e", 0))
    channel.tell(news(1))
    assert told(one) == told(two) == ["1"]


def test_each_codec_is_asked_once_whatever_the_number_of_listeners(channel):
    codecs = [Counting(), Counting(), Mute()]
    for number in range(30):
        channel.release(subscriber(channel, str(number), codecs[number % 3]), Position("e", 0))
    channel.tell(news(1))
    assert [codec.asked for codec in codecs[:2]] == [1, 1]


def test_the_held_are_told_afterwards_what_history_did_not_have(channel):
    one = subscriber(channel)
    for offset in (4, 5, 6):
        channel.tell(news(offset))
    assert told(one) == []
    channel.release(one, Position("e", 5))
    assert one.state is State.LIVE
    channel.tell(news(7))
    assert told(one) == ["6", "7"]


def test_what_has_no_position_is_told_to_the_held_as_well(channel):
    one = subscriber(channel)
    channel.tell(Publication("c", Raw(b"0"), 0))
    channel.release(one, Position("e", 5))
    assert told(one) == ["0"]


def test_the_held_hear_of_others_and_not_of_themselves(channel):
    one = subscriber(channel, "me")
    channel.tell(Joined("c", Member("me")))
    channel.tell(Left("c", Member("you")))
    channel.release(one, Position("e", 0))
    assert told(one) == ["Left"]


def test_too_much_for_the_held_is_noted(channel):
    one = subscriber(channel)
    for offset in range(1, 6):
        channel.tell(news(offset))
    assert one.overflown
    assert len(one.pending) == 3


def test_the_resting_hear_nothing(channel):
    one = subscriber(channel)
    channel.release(one, Position("e", 0))
    listening = one.attachment
    channel.rest(one)
    channel.rest(one)
    channel.tell(news(1))
    assert told(listening) == []
    assert channel.listeners == {}


def test_a_lost_stream_is_told_and_lets_everybody_rest(channel):
    one = subscriber(channel)
    channel.release(one, Position("e", 0))
    listening = one.attachment
    channel.move(Moved("c", "f"))
    channel.tell(news(1, "f"))
    assert told(listening) == ["Moved"]
    assert one.state is State.RESTING


def test_the_held_rest_after_a_loss_that_history_did_not_see(channel):
    one = subscriber(channel)
    channel.tell(news(4))
    channel.move(Moved("c", "f"))
    channel.tell(news(1, "f"))
    listening = one.attachment
    channel.release(one, Position("e", 3))
    assert told(listening) == ["4", "Moved"]
    assert one.state is State.RESTING


def test_the_held_go_on_after_a_loss_that_history_saw(channel):
    one = subscriber(channel)
    channel.tell(news(4))
    channel.move(Moved("c", "f"))
    channel.end = Position("f", 1)
    channel.tell(news(1, "f"))
    channel.release(one, Position("f", 0))
    assert told(one) == ["1"]
    assert one.state is State.LIVE


def test_holding_again_begins_again(channel):
    one = subscriber(channel)
    channel.tell(news(1))
    again = attachment()
    channel.hold(one, again)
    assert (one.pending, one.attachment) == ([], again)
    assert [*channel.held] == [one]


def test_no_trace_is_left_of_who_unsubscribes(channel):
    one, two = subscriber(channel, "1"), subscriber(channel, "2")
    channel.release(one, Position("e", 0))
    for each in (one, two):
        assert each.stands
        channel.unsubscribe(each.session)
        assert not each.stands
    assert (channel.listeners, channel.held, channel.subscriptions) == ({}, {}, {})


def test_a_listener_may_vanish_while_others_are_told(channel):
    """A transport may find out that it is dead when it is written to."""

    class Dying:
        def send_many(self, wires, payload):
            channel.rest(dying)
            MemoryTransport.carrier.send_many(wires, payload)

    class DyingTransport(MemoryTransport):
        carrier = Dying()

    dying, other = channel.subscribe(Session(Member("1"))), subscriber(channel, "2")
    end = attachment()
    end.transport = DyingTransport()
    channel.hold(dying, end)
    for each in (dying, other):
        channel.release(each, Position("e", 0))
    channel.tell(news(1))
    channel.tell(news(2))
    assert told(other) == ["1", "2"]
    assert told(end) == ["1"]


def hear(channel, offset, epoch="e"):
    """Tell a publication as the hub does."""
    channel.end = Position(epoch, offset)
    channel.tell(news(offset, epoch))


def test_who_was_told_more_than_was_heard_here_goes_on_after_that(channel):
    channel.end = Position("e", 3)
    one = subscriber(channel)
    channel.release(one, Position("e", 5))
    assert one.state is State.AHEAD
    channel.tell(Joined("c", Member("you")))
    for offset in range(4, 8):
        hear(channel, offset)
    assert told(one) == ["Joined", "6", "7"]
    assert channel.ahead == {}


@pytest.mark.parametrize(("offset", "later"), [(0, ["1", "2", "3"]), (2, ["3"])])
def test_who_read_the_new_life_of_a_log_hears_nothing_of_the_old(channel, offset, later):
    channel.end = Position("e", 3)
    one = subscriber(channel)
    channel.release(one, Position("f", offset))
    hear(channel, 4)
    channel.move(Moved("c", "f"))
    for number in (1, 2, 3):
        hear(channel, number, "f")
    assert told(one) == later


def test_who_is_ahead_is_told_of_a_further_loss(channel):
    channel.end = Position("e", 3)
    one = subscriber(channel)
    channel.release(one, Position("e", 5))
    listening = one.attachment
    channel.move(Moved("c", "f"))
    assert told(listening) == ["Moved"]
    assert (one.state, channel.ahead) == (State.RESTING, {})


@pytest.mark.parametrize(
    ("kept", "end", "expected"),
    [([], 5, True), ([6, 7], 7, True), ([4, 5, 6], 6, True), ([7], 7, False), ([6, 8], 8, False), ([], 6, False)],
)
def test_a_hole_between_what_was_read_and_what_was_kept_is_seen(channel, kept, end, expected):
    one = subscriber(channel)
    for offset in kept:
        channel.tell(news(offset))
    channel.end = Position("e", end)
    assert channel.continues(one, Position("e", 5)) is expected


def test_a_user_is_not_told_its_own_leaving_that_is_older_than_the_answer():
    channel = Channel(Place("c", ChannelKind("c", presence="users"), {}), max_held=3, sessions={})
    subscription = channel.subscribe(Session(Member("two", "ann"), Identity("ann")))
    channel.hold(subscription, attachment())
    for event in (Left("c", Member("one", "ann")), Joined("c", Member("two", "ann")), Left("c", Member("b", "ben"))):
        channel.tell(event)
    channel.release(subscription, Position("e", 0))
    assert told(subscription) == ["Left"]
