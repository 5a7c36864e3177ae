"""Frames and items: bytes in, items out, however they are cut."""

import random

import pytest

from everywire.brokers.base import Broker, Gap, Note
from everywire.brokers.local import wire
from everywire.messages import Joined, Left, Member, Moved, Position, Publication, Raw

NEWS = [
    Publication("c", Raw(b"1"), 5, Position("e", 1), Member("s", "u", Raw(b"{}"))),
    Joined("c", Member("s")),
    Left("c", Member("s")),
    Moved("c", "e2"),
    Note(b"\x00"),
    Gap(),
]


@pytest.mark.parametrize("news", NEWS, ids=lambda news: type(news).__name__)
def test_news_comes_as_it_was(news):
    ((id, kind, body),) = wire.Frames().receive(wire.frame([wire.news_item(news)]))
    assert id == 0
    assert wire.unpack_news(kind, body) == news


def test_every_method_of_a_broker_is_carried():
    methods = {name for name in vars(Broker) if not name.startswith("_")}
    assert {call.name for call in wire.CALLS} == methods - {"alone", "listen", "close"} | {"watch_all"}
    assert [call.number for call in wire.CALLS] == list(range(len(wire.CALLS)))


def test_frames_may_be_cut_anywhere():
    items = [wire.item(number, 1, "x" * number) for number in range(200)]
    stream = wire.frame(items[:100]) + wire.frame(items[100:])
    for seed in range(20):
        dice, frames, found, start = random.Random(seed), wire.Frames(), [], 0
        while start < len(stream):
            end = start + dice.randint(1, 300)
            found += frames.receive(stream[start:end])
            start = end
        assert [id for id, _, _ in found] == list(range(200))


def test_much_is_cut_into_frames_of_a_megabyte():
    items = [wire.item(number, 0, bytes(300_000)) for number in range(10)]
    stream = wire.frame(items)
    assert int.from_bytes(stream[:4], "big") < 1_000_000
    assert len(wire.Frames().receive(stream)) == 10


def test_a_frame_that_is_too_long_is_wrong_before_it_is_there():
    with pytest.raises(wire.Wrong):
        wire.Frames(1000).receive(b"\x00\x01\x00\x00")


def test_no_bytes_make_it_fail_otherwise():
    dice, sound = random.Random(1), wire.frame([wire.news_item(news) for news in NEWS])
    for _ in range(2000):
        broken = bytearray(sound)
        for _ in range(dice.randint(1, 4)):
            broken[dice.randrange(4, len(broken))] = dice.randrange(256)
        try:
            for id, kind, body in wire.Frames().receive(bytes(broken)):
                if not id and kind:
                    wire.unpack_news(kind, body)
        except wire.Wrong:
            pass


def test_an_unknown_kind_of_news_is_wrong():
    with pytest.raises(wire.Wrong):
        wire.unpack_news(99, wire.msgspec.Raw(b"\xc0"))


def test_a_frame_as_deep_as_it_is_long_is_wrong():
    deep = b"\x91" * 100_000
    with pytest.raises(wire.Wrong):
        wire.Frames().receive(len(deep).to_bytes(4, "big") + deep)
