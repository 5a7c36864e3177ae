"""What official clients are told, as packets."""

import json

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.socketio.writing import PackedCodec, TextCodec
from everywire.messages import Packed, Raw

MAIN, CHAT = TextCodec("/"), TextCodec("/chat")
pack = msgspec.msgpack.encode


def told(event, codec=MAIN):
    return [payload.data for payload in codec.encode(event)]


def published(data, channel="room:1"):
    return m.Publication(
        channel,
        Packed(pack(data)) if isinstance(data, Binary) else Raw(json.dumps(data, separators=(",", ":")).encode()),
        1700,
    )


class Binary(dict):
    """Data that travels as MessagePack."""


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (m.Connected("connect", "s1", "ann", "p1", False, m.Heartbeat()), '40{"sid":"s1"}'),
        (m.Refusal("connect", 107, "Invalid namespace"), '44{"message":"Invalid namespace"}'),
        (m.Refusal("connect", 101, "who?"), '44{"message":"who?","data":{"code":101}}'),
        (m.Refusal("connect", 103, "no", data=Raw(b'{"x":1}')), '44{"message":"no","data":{"x":1}}'),
        (m.Result(0, Raw(b"1")), "430[1]"),
        (m.Result(456, Raw(b'{"a":[1]}')), '43456[{"a":[1]}]'),
        (m.Result(5, Raw(b"[1,2]")), "435[[1,2]]"),
        (m.Result(5, Raw(b"null")), "435[null]"),
        (m.Result(5, Raw(b'{"event":null,"args":[1,"2",{"3":[false]}]}')), '435[1,"2",{"3":[false]}]'),
        (m.Result(5, Raw(b'{"event":"f","args":[1]}')), '435[{"event":"f","args":[1]}]'),
        (m.End(5), "435[]"),
        (m.Refusal(5, 109, "unknown name"), '435[{"error":{"code":109,"message":"unknown name"}}]'),
        (
            m.Refusal(5, 107, "no", data=Raw(b'{"x":1}')),
            '435[{"error":{"code":107,"message":"no","data":{"x":1}}}]',
        ),
        (m.Calling(7, "f", Raw(b"[1,2]")), '427["f",[1,2]]'),
        (m.Calling(7, "f"), '427["f"]'),
        (m.Calling(7, "f", Raw(b'{"event":null,"args":[1,2]}')), '427["f",1,2]'),
        (m.Calling(7, "f", Raw(b'{"event":"f","args":[]}')), '427["f"]'),
        (m.Calling(7, "disconnect", Raw(b"1")), '427["everywire:disconnect",1]'),
    ],
)
def test_packets(event, text):
    assert told(event) == [text]


def test_packets_name_their_namespace():
    connected = m.Connected("connect", "s1", None, "p1", False, m.Heartbeat())
    assert told(connected, CHAT) == ['40/chat,{"sid":"s1"}']
    assert told(m.Refusal("connect", 107, "no"), CHAT) == ['44/chat,{"message":"no"}']
    assert told(m.Result(5, Raw(b"1")), CHAT) == ["43/chat,5[1]"]
    assert told(published(1), CHAT) == ['42/chat,["room:1",1]']
    assert [payload.data for payload in CHAT.parted()] == ["41/chat,"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (1, '["room:1",1]'),
        ([1, 2], '["room:1",[1,2]]'),
        ({"event": "news", "args": []}, '["news"]'),
        ({"event": "news", "args": [1, {"a": 2}]}, '["news",1,{"a":2}]'),
        ({"args": [1], "event": "né"}, '["né",1]'),
        ({"event": "news", "args": [], "more": 1}, '["room:1",{"event":"news","args":[],"more":1}]'),
        ({"event": "news", "args": 1}, '["room:1",{"event":"news","args":1}]'),
        ({"event": 5, "args": []}, '["room:1",{"event":5,"args":[]}]'),
        ({"event": None, "args": []}, '["room:1",{"event":null,"args":[]}]'),
        ({"event": "", "args": []}, '["room:1",{"event":"","args":[]}]'),
        ({"event": "connect", "args": []}, '["room:1",{"event":"connect","args":[]}]'),
        ({"args": []}, '["room:1",{"args":[]}]'),
    ],
)
def test_publications(data, text):
    assert told(published(data)) == ["42" + text]


def test_names_of_events_have_a_longest_length():
    assert told(published({"event": "x" * 255, "args": []}))[0].startswith('42["xx')
    assert told(published({"event": "x" * 256, "args": []}))[0].startswith('42["room:1"')


def test_a_channel_with_a_reserved_name_is_told_by_another():
    assert told(published(1, "disconnect")) == ['42["everywire:disconnect",1]']


@pytest.mark.parametrize(
    "event",
    [
        m.Result(-1, Raw(b"1")),
        m.Refusal(-1, 109, "unknown name"),
        m.End(-1),
        m.Beat(),
        m.Closing(1001, "the server is going away"),
        m.Item(5, Raw(b"1")),
        m.Credit(5, 1),
        m.Cancel(5),
        m.Subscribed(None, "c", None, False),
        m.Unsubscribed("c"),
        m.Joined("c", m.Member("s")),
        m.Left("c", m.Member("s")),
        m.Passed("c", m.Position("e", 1)),
        m.Moved("c", "e"),
        m.Roster(None, "c", ()),
    ],
)
def test_what_is_not_said(event):
    assert told(event) == []


def place(number):
    return f'{{"_placeholder":true,"num":{number}}}'


@pytest.mark.parametrize(
    ("event", "payloads"),
    [
        (published(Binary(a=b"\x01")), [f'451-["room:1",{{"a":{place(0)}}}]', b"\x01"]),
        (
            published(Binary(event="news", args=[b"a", [1, b"b"], "c"])),
            [f'452-["news",{place(0)},[1,{place(1)}],"c"]', b"a", b"b"],
        ),
        (m.Result(7, Packed(pack(b"a"))), [f"461-7[{place(0)}]", b"a"]),
        (m.Result(7, Packed(pack({"event": None, "args": [b"a", 1]}))), [f"461-7[{place(0)},1]", b"a"]),
        (m.Calling(7, "f", Packed(pack(b"a"))), [f'451-7["f",{place(0)}]', b"a"]),
        (published(Binary(event="news", args=[1])), ['42["news",1]']),
    ],
)
def test_what_is_binary(event, payloads):
    assert told(event) == payloads


def test_more_attachments_than_clients_take_are_told_as_base64():
    ten, eleven = [b"a"] * 10, [b"a"] * 11
    assert len(told(m.Result(1, Packed(pack(ten))))) == 11
    assert told(m.Result(1, Packed(pack(eleven)))) == ["431[[" + ",".join(['"YQ=="'] * 11) + "]]"]


def test_nobody_plants_a_placeholder():
    planted = Binary(a=b"a", b={"_placeholder": True, "num": 99})
    assert told(published(planted)) == ['42["room:1",{"a":"YQ==","b":{"_placeholder":true,"num":99}}]']


PACKED, PACKED_CHAT = PackedCodec("/"), PackedCodec("/chat")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            m.Connected("connect", "s1", None, "p1", False, m.Heartbeat()),
            {"type": 0, "nsp": "/chat", "data": {"sid": "s1"}},
        ),
        (m.Refusal("connect", 107, "no"), {"type": 4, "nsp": "/chat", "data": {"message": "no"}}),
        (published(Binary(a=b"\x01")), {"type": 2, "nsp": "/chat", "data": ["room:1", {"a": b"\x01"}]}),
        (published({"event": "news", "args": [1, "2"]}), {"type": 2, "nsp": "/chat", "data": ["news", 1, "2"]}),
        (m.Result(5, Raw(b'{"a":1}')), {"type": 3, "nsp": "/chat", "data": [{"a": 1}], "id": 5}),
        (m.Result(0, Packed(pack([b"a"] * 11))), {"type": 3, "nsp": "/chat", "data": [[b"a"] * 11], "id": 0}),
        (m.Calling(7, "f"), {"type": 2, "nsp": "/chat", "data": ["f"], "id": 7}),
    ],
)
def test_packed(event, said):
    (payload,) = PACKED_CHAT.encode(event)
    assert msgspec.msgpack.decode(payload.data) == said


def test_packed_farewell():
    (payload,) = PACKED.parted()
    assert msgspec.msgpack.decode(payload.data) == {"type": 1, "nsp": "/"}


RECOVERING = [TextCodec("/", recoverable=True), PackedCodec("/", recoverable=True)]


def emitted(codec, event):
    """Give the arguments of the event, behind its name, that a client is told."""
    [payload] = codec.encode(event)
    data = payload.data
    return (json.loads(data[data.index("[") :]) if isinstance(data, str) else msgspec.msgpack.decode(data)["data"])[1:]


@pytest.mark.parametrize("codec", RECOVERING, ids=["text", "packed"])
@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        (m.Publication("c", Raw(b"1"), 0, order=7, era="e"), [1, "e:7"]),
        (m.Publication("c", Raw(b"1"), 0), [1, ":0"]),
        (m.Publication("c", Raw(b'{"event":"f","args":[1,"text"]}'), 0, order=7, era="e"), [1, "text", "e:7"]),
        (m.Publication("c", Raw(b'{"event":"f","args":[]}'), 0, order=7, era="e"), ["e:7"]),
        (m.Calling(-1, "f", Raw(b'"text"'), order=m.Position("e", 7), aside=3), ["text", "e:7.3"]),
        (m.Calling(-1, "f", order=m.Position("e", 0), aside=1), ["e:0.1"]),
        (m.Calling(-1, "f", order=m.Position("", 0), aside=1), [":0.1"]),
        (m.Calling(-1, "f", Raw(b'[1,"text"]'), positional=True), [1, "text", ":0"]),
    ],
)
def test_who_may_recover_is_told_up_to_where_it_has_everything(codec, event, arguments):
    assert emitted(codec, event) == arguments


@pytest.mark.parametrize("codec", RECOVERING, ids=["text", "packed"])
def test_what_is_acknowledged_says_nothing_of_that(codec):
    """A client takes nothing of it: its last argument is what acknowledges it."""
    assert emitted(codec, m.Calling(7, "f", Raw(b'"text"'))) == ["text"]
