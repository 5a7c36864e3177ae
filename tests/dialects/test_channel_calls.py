"""Events of our own: channels for official clients, both ways."""

import json

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.channel_calls import answered, meant
from everywire.dialects.socketio import SocketIODialect
from everywire.dialects.socketio.writing import PackedCodec, TextCodec
from everywire.messages import Packed, Raw

AT = m.Position("e", 3)
ANN = m.Member("s1", "ann", Raw(b'{"nick":"A"}'))
SAID = m.Publication("c", Raw(b'{"x":1}'), 1700, AT, ANN)
BINARY = m.Publication("c", Packed(msgspec.msgpack.encode(b"a")), 1700, entry="k", removed=True)


@pytest.mark.parametrize(
    ("name", "argument", "command"),
    [
        ("subscribe", '{"channel":"c"}', m.Subscribe(5, "c")),
        (
            "subscribe",
            '{"channel":"c","since":{"epoch":"e","offset":3},"after":1}',
            m.Subscribe(5, "c", AT, after=1),
        ),
        ("subscribe", '{"channel":"c","rewind":2}', m.Subscribe(5, "c", rewind=2)),
        ("subscribe", '{"channel":"c","rewind_from":9}', m.Subscribe(5, "c", rewind_from=9)),
        ("unsubscribe", '{"channel":"c","other":1}', m.Unsubscribe(5, "c")),
        ("publish", '{"channel":"c","data":[1, 2]}', m.Publish(5, "c", Raw(b"[1, 2]"))),
        (
            "publish",
            '{"channel":"c","data":null,"key":"k","ephemeral":true}',
            m.Publish(5, "c", Raw(b"null"), "k", ephemeral=True),
        ),
        (
            "publish",
            '{"channel":"c"}',
            m.Malformed(5, "bad request: nothing to publish: `data` is missing"),
        ),
        ("history", '{"channel":"c"}', m.History(5, "c")),
        (
            "history",
            '{"channel":"c","since":{"epoch":"e","offset":3},"limit":2,"reverse":true,"from_time":7}',
            m.History(5, "c", AT, 2, reverse=True, from_time=7),
        ),
        ("history", '{"channel":"c","before":{"epoch":"e","offset":3}}', m.History(5, "c", before=AT)),
        ("presence", '{"channel":"c","brief":true}', m.Presence(5, "c", brief=True)),
        ("presence", '{"channel":1}', m.Malformed(5, "bad request: Expected `str`, got `int` - at `$.channel`")),
        ("presence", '"c"', m.Malformed(5, "bad request: everywire:presence takes one object")),
        ("presence", '{"channel":"c"},1', m.Malformed(5, "bad request: everywire:presence takes one object")),
        ("other", '{"channel":"c"}', m.Call(5, "everywire:other", Raw(b'{"channel":"c"}'))),
    ],
)
def test_commands(name, argument, command):
    client = SocketIODialect().decoder()
    list(client.decode("40"))
    (within,) = client.decode(f'425["everywire:{name}",{argument}]')
    assert within.command == command


def test_nothing_else_is_ours():
    call = m.Call(5, "subscribe", Raw(b'{"channel":"c"}'))
    assert meant(call) is call


def test_one_without_an_argument_is_malformed():
    assert meant(m.Call(-1, "everywire:history")) == m.Malformed(-1, "bad request: everywire:history takes one object")


@pytest.mark.parametrize(
    ("data", "published"),
    [({"a": b"x"}, Packed(msgspec.msgpack.encode({"a": b"x"}))), (1, Raw(b"1"))],
)
def test_what_is_binary_may_be_published(data, published):
    packed = Packed(msgspec.msgpack.encode({"channel": "c", "data": data}))
    assert meant(m.Call(5, "everywire:publish", packed)) == m.Publish(5, "c", published)


TOLD = {"data": {"x": 1}, "time": 1700, "offset": 3, "from": {"session": "s1", "user": "ann", "info": {"nick": "A"}}}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            m.Subscribed(5, "c", AT, True, (SAID,)),
            {"channel": "c", "epoch": "e", "offset": 3, "recovered": True, "publications": [TOLD]},
        ),
        (
            m.Subscribed(5, "c", None, False, (), (m.Member("s2", tabs=2, dialect="socketio"),), "ask", (BINARY,), 4),
            {
                "channel": "c",
                "recovered": False,
                "publications": [],
                "more": "ask",
                "members": [{"session": "s2", "user": None, "tabs": 2, "dialect": "socketio"}],
                "entries": [{"data": "YQ==", "time": 1700, "entry": "k", "removed": True}],
                "after": 4,
            },
        ),
        (m.Unsubscribed("c", 5), {"channel": "c"}),
        (m.Published(5, "c", AT), {"channel": "c", "epoch": "e", "offset": 3}),
        (m.Published(5, "c", None), {"channel": "c"}),
        (m.Page(5, "c", AT, (SAID,)), {"channel": "c", "epoch": "e", "offset": 3, "publications": [TOLD]}),
        (
            m.Page(5, "c", AT, (), more=True, recovered=True, after=2),
            {
                "channel": "c",
                "epoch": "e",
                "offset": 3,
                "publications": [],
                "more": True,
                "recovered": True,
                "after": 2,
            },
        ),
        (
            m.Roster(5, "c", (ANN,), 1, 1),
            {
                "channel": "c",
                "members": [{"session": "s1", "user": "ann", "info": {"nick": "A"}}],
                "sessions": 1,
                "users": 1,
            },
        ),
    ],
)
def test_answers(event, said):
    (text,) = TextCodec("/").encode(event)
    assert json.loads(text.data.removeprefix("435")) == [said]
    (packed,) = PackedCodec("/").encode(event)
    assert msgspec.msgpack.decode(packed.data) == {"type": 3, "nsp": "/", "data": [said], "id": 5}


def test_nothing_answers_what_did_not_ask():
    for event in (m.Subscribed(-1, "c", AT, True), m.Unsubscribed("c", None, "kicked"), m.Published(-1, "c", AT)):
        assert TextCodec("/").encode(event) == ()
    assert answered(m.Beat()) is None
