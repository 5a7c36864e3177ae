"""What is published in one dialect, and the exact bytes that everybody else receives; some things cannot be said, and that is an answer, too."""

import json
import struct
from dataclasses import dataclass
from types import SimpleNamespace

import msgspec
import pytest
from tests.dialects.tongues import TONGUES, Binary, Json, Packed

from everywire import Everywire
from everywire.brokers.base import Query
from everywire.testing import Net

CHANNEL = "room:a"


@dataclass(frozen=True)
class Case:
    """`said` in a channel; what is told of it as `json` text and as `packed` bytes.

    For those who know events it is the event `name` with arguments, which are told as `given` in text and as `given_packed`; what is binary in them
    comes by itself, `attached`, where `placed` stands in the text.
    """

    said: Json | Packed
    json: str
    packed: bytes
    name: str = CHANNEL
    given: str | None = None
    given_packed: tuple[bytes, ...] | None = None
    placed: str | None = None
    attached: tuple[bytes, ...] = ()


def double(number):
    return b"\xcb" + struct.pack(">d", number)


CASES = {
    "text": Case(Json('"gr\u00fcn"'), '"grün"', b"\xa5gr\xc3\xbcn"),
    "escaped text": Case(
        Json(r'"gr\u00fcn \ud83d\ude00"'), r'"gr\u00fcn \ud83d\ude00"', b"\xaagr\xc3\xbcn \xf0\x9f\x98\x80"
    ),
    "packed text": Case(Packed(b"\xa5gr\xc3\xbcn"), '"grün"', b"\xa5gr\xc3\xbcn"),
    "what only looks like half a surrogate pair": Case(Json(r'"\\ud800"'), r'"\\ud800"', b"\xa6" + rb"\ud800"),
    "line ends": Case(Json(r'"\n\u2028"'), r'"\n\u2028"', b"\xa4\n\xe2\x80\xa8"),
    "object": Case(
        Json('{"b": 1, "a": [true, null, 1.50]}'),
        '{"b": 1, "a": [true, null, 1.50]}',
        b"\x82\xa1b\x01\xa1a\x93\xc3\xc0" + double(1.5),
    ),
    "packed object": Case(
        Packed(b"\x82\xa1b\x01\xa1a\x93\xc3\xc0" + double(1.5)),
        '{"b":1,"a":[true,null,1.5]}',
        b"\x82\xa1b\x01\xa1a\x93\xc3\xc0" + double(1.5),
    ),
    "null": Case(Json("null"), "null", b"\xc0"),
    "event": Case(
        Json('{"event":"said","args":[1, "two"]}'),
        '{"event":"said","args":[1, "two"]}',
        b"\x82\xa5event\xa4said\xa4args\x92\x01\xa3two",
        name="said",
        given='1,"two"',
        given_packed=(b"\x01", b"\xa3two"),
    ),
    "event with another field": Case(
        Json('{"event":"said","args":[1],"more":2}'),
        '{"event":"said","args":[1],"more":2}',
        b"\x83\xa5event\xa4said\xa4args\x91\x01\xa4more\x02",
    ),
    "binary": Case(
        Binary(b"\x81\xa1x\xc4\x02\x00\xff"),
        '{"x":"AP8="}',
        b"\x81\xa1x\xc4\x02\x00\xff",
        placed='{"x":{"_placeholder":true,"num":0}}',
        attached=(b"\x00\xff",),
    ),
    "event with something binary": Case(
        Binary(b"\x82\xa5event\xa4said\xa4args\x92\x01\xc4\x012"),
        '{"event":"said","args":[1,"Mg=="]}',
        b"\x82\xa5event\xa4said\xa4args\x92\x01\xc4\x012",
        name="said",
        given='1,"Mg=="',
        given_packed=(b"\x01", b"\xc4\x012"),
        placed='1,{"_placeholder":true,"num":0}',
        attached=(b"2",),
    ),
    "a whole number beyond doubles": Case(
        Json("9007199254740993"), "9007199254740993", b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01"
    ),
    "a whole number of more than 64 bits": Case(Json("18446744073709551616"), "18446744073709551616", double(2.0**64)),
    "a packed whole number of 64 bits": Case(
        Packed(b"\xcf" + b"\xff" * 8), "18446744073709551615", b"\xcf" + b"\xff" * 8
    ),
    "a number in other words": Case(Json("1E+2"), "1E+2", double(100.0)),
}


def sender(case, news, dialect):
    """Who published, in JSON and in MessagePack."""
    if dialect == "native":
        return (
            f'{{"session":"{news.session}","user":null}}',
            b"\x82\xa7session\xd9\x20" + news.session.encode() + b"\xa4user\xc0",
        )
    said = f'{{"session":"{news.session}","user":null,"dialect":"{dialect}"}}'
    name = bytes([0xA0 + len(dialect)]) + dialect.encode()
    return said, b"\x83\xa7session\xd9\x20" + news.session.encode() + b"\xa4user\xc0\xa7dialect" + name


def native(case, news):
    return f'{{"type":"publication","data":{case.json},"time":{news.time},"offset":1,"from":{news.sender},"channel":"room:a"}}'


def native_packed(case, news):
    time = b"\xcf" + struct.pack(">Q", news.time)
    head = b"\x86\xa4type\xabpublication\xa4data" + case.packed + b"\xa4time" + time
    return head + b"\xa6offset\x01\xa4from" + news.sender_packed + b"\xa7channel\xa6room:a"


def socketio(case, news):
    if case.attached:
        return [f'45{len(case.attached)}-["{case.name}",{case.placed}]', *case.attached]
    return [f'42["{case.name}",{case.given or case.json}]']


def socketio_packed(case, news):
    given = (bytes([0xA0 + len(case.name)]) + case.name.encode(), *(case.given_packed or (case.packed,)))
    return b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data" + bytes([0x90 + len(given)]) + b"".join(given)


def socketio_polls(case, news):
    first, *attached = socketio(case, news)
    return "\x1e".join([first, *("b" + msgspec.json.encode(each).decode().strip('"') for each in attached)]).encode()


def signalr(case, news):
    return f'{{"type":1,"target":"{case.name}","arguments":[{case.given or case.json}]}}\x1e'


def signalr_packed(case, news):
    given = case.given_packed or (case.packed,)
    name = bytes([0xA0 + len(case.name)]) + case.name.encode()
    said = b"\x96\x01\x80\xc0" + name + bytes([0x90 + len(given)]) + b"".join(given) + b"\x90"
    return bytes([len(said)]) + said


HEARD = {
    "native json": lambda case, news: [native(case, news)],
    "native msgpack": lambda case, news: [native_packed(case, news)],
    "native events": lambda case, news: [
        f"event: publication\ndata: {native(case, news)}\nid: {news.epoch}:1\n\n".encode()
    ],
    "text": lambda case, news: [json.loads(case.json) if case.json[0] == '"' else case.json],
    "socketio text": socketio,
    "socketio msgpack": lambda case, news: [socketio_packed(case, news)],
    "socketio polls": lambda case, news: [socketio_polls(case, news)],
    "signalr json": lambda case, news: [signalr(case, news)],
    "signalr msgpack": lambda case, news: [signalr_packed(case, news)],
    "signalr events": lambda case, news: [f"data: {signalr(case, news)}\r\n\r\n".encode()],
    "signalr polls": lambda case, news: [signalr_packed(case, news)],
}


def framed(said):
    return f"a{json.dumps([said], ensure_ascii=False)}"


def literal(said):
    return json.dumps(framed(said), ensure_ascii=False)


# How SockJS carries a text.
CARRIED = {
    "sockjs raw": lambda said: said,
    "sockjs websocket": framed,
    "sockjs xhr-streaming": lambda said: f"{framed(said)}\n".encode(),
    "sockjs eventsource": lambda said: f"data: {framed(said)}\r\n\r\n".encode(),
    "sockjs htmlfile": lambda said: f"<script>\np({literal(said)});\n</script>\r\n".encode(),
    "sockjs xhr-polling": lambda said: f"{framed(said)}\n".encode(),
    "sockjs jsonp-polling": lambda said: f"/**/parent.cb({literal(said)});\r\n".encode(),
}
HEARD |= {name: lambda case, news, carried=carried: [carried(native(case, news))] for name, carried in CARRIED.items()}


class Room:
    """One who speaks, and a listener of every tongue."""

    def __init__(self, net, tongue):
        self.net = net
        self.listeners = {name: made(net) for name, made in TONGUES.items()}
        for listener in self.listeners.values():
            listener.open()
        self.speaker = TONGUES[tongue](net)
        self.speaker.open(listening=False)

    def kept(self):
        """What the broker keeps of it."""
        place = self.net.app.hub.place(CHANNEL)
        return self.net.loop.run_until_complete(self.net.app.hub.broker.read(CHANNEL, Query(), place.kind.retention))


@pytest.fixture
def room():
    app = Everywire()
    app.socketio()
    app.signalr()
    app.sockjs()
    app.websocket("/text")
    app.channel("room:{name}", history=10)
    with Net(app) as net:
        yield lambda tongue: Room(net, tongue)


@pytest.mark.parametrize(
    ("tongue", "name"),
    [
        (tongue, name)
        for tongue, made in TONGUES.items()
        for name, case in CASES.items()
        if type(case.said) in made.says
    ],
)
def test_everybody_is_told_exactly_this(room, tongue, name):
    case, here = CASES[name], room(tongue)
    here.speaker.publish(case.said)
    heard = {name: listener.heard() for name, listener in here.listeners.items()}
    stretch = here.kept()
    (kept,) = stretch.publications
    news = SimpleNamespace(session=kept.sender.session, time=kept.time, epoch=stretch.position.epoch)
    news.sender, news.sender_packed = sender(case, news, here.speaker.dialect)
    assert heard == {name: told(case, news) for name, told in HEARD.items()}


UNREADABLE = "bad request: data that not every receiver can read"
NUMBERS = "bad request: text or numbers that not every receiver can read"
REFUSED_TEXT = f'439[{{"error":{{"code":107,"message":"{UNREADABLE}"}}}}]'
REFUSED_PACKED = (
    b"\x85\xa4type\xa5error\xa2id\x09\xa4code\x6b\xa6reason\xd9\x32" + UNREADABLE.encode() + b"\xa9temporary\xc2"
)
REFUSED_COMPLETION = f'{{"type":3,"invocationId":"9","error":"{UNREADABLE}"}}\x1e'
REFUSED_PACKED_COMPLETION = b"\x3a\x95\x03\x80\xa19\x01\xd9\x32" + UNREADABLE.encode()
# What nobody is told, and what its speaker is.
UNSAID = {
    "half a surrogate pair": {
        "native json": (
            Json(r'"\ud800"'),
            f'{{"type":"error","id":9,"code":107,"reason":"{NUMBERS}","temporary":false}}',
        ),
        "native events": (Json(r'"\ud800"'), b'400 {"code":107,"reason":"bad request: the body is a JSON object"}'),
        "native msgpack": (Packed(b"\xa3\xed\xa0\x80"), REFUSED_PACKED),
        "socketio text": (Json(r'"\ud800"'), REFUSED_TEXT),
        "socketio polls": (Json(r'"\ud800"'), REFUSED_TEXT.encode()),
        "socketio msgpack": (Packed(b"\xa3\xed\xa0\x80"), "closed 1002"),
        "signalr json": (Json(r'"\ud800"'), REFUSED_COMPLETION),
        "signalr events": (Json(r'"\ud800"'), f"data: {REFUSED_COMPLETION}\r\n\r\n".encode()),
        "signalr msgpack": (Packed(b"\xa3\xed\xa0\x80"), REFUSED_PACKED_COMPLETION),
        "signalr polls": (Packed(b"\xa3\xed\xa0\x80"), REFUSED_PACKED_COMPLETION),
    },
    "a number that no double holds": {
        "native json": (
            Json("1e400"),
            f'{{"type":"error","id":9,"code":107,"reason":"{UNREADABLE}","temporary":false}}',
        ),
        "native events": (Json("1e400"), f'400 {{"code":107,"reason":"{UNREADABLE}"}}'.encode()),
        "native msgpack": (Packed(double(float("inf"))), REFUSED_PACKED),
        "socketio text": (Json("1e400"), REFUSED_TEXT),
        "socketio polls": (Json("1e400"), REFUSED_TEXT.encode()),
        "socketio msgpack": (
            Packed(double(float("inf"))),
            b"\x84\xa4type\x03\xa3nsp\xa1/\xa4data\x91\x81\xa5error\x82\xa4code\x6b\xa7message\xd9\x32"
            + UNREADABLE.encode()
            + b"\xa2id\x09",
        ),
        "signalr json": (Json("1e400"), REFUSED_COMPLETION),
        "signalr events": (Json("1e400"), f"data: {REFUSED_COMPLETION}\r\n\r\n".encode()),
        "signalr msgpack": (Packed(double(float("inf"))), REFUSED_PACKED_COMPLETION),
        "signalr polls": (Packed(double(float("inf"))), REFUSED_PACKED_COMPLETION),
    },
}
for answers in UNSAID.values():
    said, answer = answers["native json"]
    answers |= {name: (said, carried(answer)) for name, carried in CARRIED.items()}


@pytest.mark.parametrize(("name", "tongue"), [(name, tongue) for name, each in UNSAID.items() for tongue in each])
def test_what_cannot_be_said_nobody_is_told(room, name, tongue):
    said, answer = UNSAID[name][tongue]
    here = room(tongue)
    assert here.speaker.publish(said) == [answer]
    assert [each for listener in here.listeners.values() for each in listener.heard()] == []
    assert here.kept().publications == ()


def test_every_tongue_is_in_every_table():
    assert TONGUES.keys() == HEARD.keys()
    for each in UNSAID.values():
        assert {name for name, made in TONGUES.items() if made.says} == each.keys()
