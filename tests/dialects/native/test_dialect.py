"""The native wire: messages as values, texts as they stand on the wire, both ways."""

import json

import pytest

from everywire import messages as m
from everywire.dialects.base import Open, Reply
from everywire.dialects.native import MAX_BATCH, SUBPROTOCOL, NativeCodec, NativeDecoder, NativeDialect
from everywire.dialects.native.writing import EventCodec, PackedCodec
from everywire.errors import ProtocolError
from everywire.http.request import Headers, Request
from everywire.messages import Raw

DECODER, CODEC = NativeDecoder(), NativeCodec()
AT = m.Position("e", 3)
ANN = m.Member("s1", "ann", Raw(b'{"nick":"A"}'))
BEN = m.Member("s2")
SAID = m.Publication("room:1", Raw(b'{"text":"hi"}'), 1700, AT, ANN)
PASSING = m.Publication("room:1", Raw(b"1"), 1700)


def decode(text):
    return list(DECODER.decode(text))


def encode(event):
    (payload,) = CODEC.encode(event)
    assert isinstance(payload.data, str)
    return json.loads(payload.data)


COMMANDS = [
    ('{"type":"connect","id":1}', m.Connect(1)),
    (
        '{"type":"connect","id":1,"token":"t","info":{"a":1},"resume":"r"}',
        m.Connect(1, "t", Raw(b'{"a":1}'), "r"),
    ),
    ('{"type":"connect","id":1,"token":null,"info":null,"resume":null}', m.Connect(1)),
    ('{"type":"subscribe","id":2,"channel":"c"}', m.Subscribe(2, "c")),
    ('{"type":"subscribe","id":2,"channel":"c","since":{"epoch":"e","offset":3}}', m.Subscribe(2, "c", AT)),
    ('{"id":2,"rewind":5,"channel":"c","type":"subscribe"}', m.Subscribe(2, "c", None, 5)),
    ('{"type":"subscribe","id":2,"channel":"c","pages":64}', m.Subscribe(2, "c", pages=64)),
    ('{"type":"unsubscribe","id":3,"channel":"c"}', m.Unsubscribe(3, "c")),
    ('{"type":"publish","id":4,"channel":"c","data":null}', m.Publish(4, "c", Raw(b"null"))),
    (
        '{"type":"publish","id":4,"channel":"c","data":[1.50, "\\u00e9"],"key":"k","ephemeral":true}',
        m.Publish(4, "c", Raw(b'[1.50, "\\u00e9"]'), "k", True),
    ),
    (
        '{"type":"history","id":5,"channel":"c","limit":3,"since":{"epoch":"e","offset":3},"reverse":true}',
        m.History(5, "c", AT, 3, True),
    ),
    (
        '{"type":"history","id":5,"channel":"c","before":{"epoch":"e","offset":3},"reverse":true}',
        m.History(5, "c", None, None, True, AT),
    ),
    ('{"type":"presence","id":6,"channel":"c"}', m.Presence(6, "c")),
    ('{"type":"call","id":7,"name":"f","data":{"x":1}}', m.Call(7, "f", Raw(b'{"x":1}'))),
    ('{"type":"call","id":7,"name":"f"}', m.Call(7, "f")),
    ('{"type":"ping","id":8}', m.Ping(8)),
    ('{"type":"pong"}', m.Pong()),
    ('{"type":"ping","id":8,"of the future":[{}]}', m.Ping(8)),
]


@pytest.mark.parametrize(("text", "command"), COMMANDS)
def test_commands(text, command):
    assert decode(text) == [command]


def test_an_array_is_handled_in_order():
    text = "[" + ",".join(text for text, _ in COMMANDS) + "]"
    assert decode(text) == [command for _, command in COMMANDS]
    assert decode("[]") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nothing",
        "1",
        "null",
        '"ping"',
        "{}",
        '{"type":1}',
        '{"type":"shout","id":1}',
        '{"type":["ping"],"id":1}',
        "[1]",
        '{"type":"ping","id":1} {}',
        '{"type":"publish","id":1,"channel":"c","data":NaN}',
        "[" * 100_000,
        '{"type":"publish","id":1,"channel":"c","data":' + "[" * 100_000,
        "[" + '{"type":"pong"},' * MAX_BATCH + '{"type":"pong"}]',
    ],
)
def test_what_is_no_command_closes(text):
    with pytest.raises(ProtocolError) as caught:
        decode(text)
    assert caught.value.code == 4400


def test_a_binary_message_closes():
    with pytest.raises(ProtocolError):
        decode(b'{"type":"ping","id":1}')


def test_what_stands_before_the_end_of_sense_is_heard():
    commands = DECODER.decode('[{"type":"ping","id":1},{"type":"huh"}]')
    assert next(commands) == m.Ping(1)
    with pytest.raises(ProtocolError):
        next(commands)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ('{"type":"ping"}', 0),
        ('{"type":"ping","id":0}', 0),
        ('{"type":"ping","id":true}', 0),
        ('{"type":"ping","id":"x"}', 0),
        ('{"type":"ping","id":9007199254740992}', 0),
        ('{"type":"subscribe","id":2}', 2),
        ('{"type":"subscribe","id":2,"channel":7}', 2),
        ('{"type":"subscribe","id":2,"channel":"c","since":{"epoch":"e","offset":-1}}', 2),
        ('{"type":"subscribe","id":2,"channel":"c","since":{"epoch":"e","offset":1.5}}', 2),
        ('{"type":"subscribe","id":2,"channel":"c","rewind":-1}', 2),
        ('{"type":"subscribe","id":2,"channel":"c","pages":0}', 2),
        ('{"type":"publish","id":2,"channel":"c"}', 2),
        ('{"type":"publish","id":2,"channel":"c","data":1,"key":""}', 2),
        ('{"type":"publish","id":2,"channel":"c","data":1,"key":"%s"}' % ("k" * 129), 2),
        ('{"type":"publish","id":2,"channel":"c","data":1e999}', 2),
        ('{"type":"publish","id":2,"channel":"c","data":"\\ud800"}', 2),
        ('{"type":"publish","id":2,"channel":"c","data":%s}' % ("[" * 65 + "]" * 65), 2),
        ('{"type":"publish","id":2,"channel":"c","data":' + '{"a":' * 65 + "1" + "}" * 66, 2),
        ('{"type":"connect","id":2,"info":"me"}', 2),
        ('{"type":"connect","id":2,"info":[]}', 2),
    ],
)
def test_a_command_with_a_fault_is_refused_and_its_neighbours_are_not(text, ref):
    before, faulty, after = decode(f'[{{"type":"ping","id":1}},{text},{{"type":"pong"}}]')
    assert (before, after) == (m.Ping(1), m.Pong())
    assert isinstance(faulty, m.Malformed)
    assert faulty.ref == ref
    assert faulty.reason.startswith("bad request")


@pytest.mark.parametrize("data", ["[" * 64 + "]" * 64, "[" * 63 + '{"a":1}' + "]" * 63, "[" + "[],{}," * 500 + "1]"])
def test_data_of_64_levels_passes(data):
    (command,) = decode('{"type":"publish","id":1,"channel":"c","data":' + data + "}")
    assert isinstance(command, m.Publish)
    assert bytes(command.data) == data.encode()


EVENTS = [
    (
        m.Connected(1, "s1", None, "r", False, m.Heartbeat(25, 10)),
        {
            "type": "connected",
            "id": 1,
            "session": "s1",
            "user": None,
            "resume": "r",
            "resumed": False,
            "heartbeat": {"every": 25000, "patience": 10000},
        },
    ),
    (
        m.Subscribed(2, "c", AT, True, (SAID, PASSING), (ANN, BEN)),
        {
            "type": "subscribed",
            "id": 2,
            "channel": "c",
            "epoch": "e",
            "offset": 3,
            "recovered": True,
            "publications": [
                {
                    "offset": 3,
                    "data": {"text": "hi"},
                    "from": {"session": "s1", "user": "ann", "info": {"nick": "A"}},
                    "time": 1700,
                },
                {"data": 1, "time": 1700},
            ],
            "members": [
                {"session": "s1", "user": "ann", "info": {"nick": "A"}},
                {"session": "s2", "user": None},
            ],
        },
    ),
    (
        m.Subscribed(2, "c", AT, True, (PASSING,), more="follows"),
        {
            "type": "subscribed",
            "id": 2,
            "channel": "c",
            "epoch": "e",
            "offset": 3,
            "recovered": True,
            "publications": [{"data": 1, "time": 1700}],
            "more": "follows",
        },
    ),
    (
        m.Page(5, "c", AT, (), more=True),
        {"type": "history", "id": 5, "channel": "c", "epoch": "e", "offset": 3, "publications": [], "more": True},
    ),
    (
        m.Subscribed(2, "c", AT, False),
        {
            "type": "subscribed",
            "id": 2,
            "channel": "c",
            "epoch": "e",
            "offset": 3,
            "recovered": False,
            "publications": [],
        },
    ),
    (m.Unsubscribed("c", 3), {"type": "unsubscribed", "id": 3, "channel": "c"}),
    (m.Unsubscribed("c", reason="over"), {"type": "unsubscribed", "channel": "c", "reason": "over"}),
    (m.Published(4, "c", AT), {"type": "published", "id": 4, "channel": "c", "epoch": "e", "offset": 3}),
    (m.Published(4, "c", None), {"type": "published", "id": 4, "channel": "c"}),
    (
        SAID,
        {
            "type": "publication",
            "channel": "room:1",
            "offset": 3,
            "data": {"text": "hi"},
            "from": {"session": "s1", "user": "ann", "info": {"nick": "A"}},
            "time": 1700,
        },
    ),
    (PASSING, {"type": "publication", "channel": "room:1", "data": 1, "time": 1700}),
    (m.Joined("c", BEN), {"type": "join", "channel": "c", "member": {"session": "s2", "user": None}}),
    (m.Left("c", BEN), {"type": "leave", "channel": "c", "member": {"session": "s2", "user": None}}),
    (
        m.Page(5, "c", AT, (PASSING,)),
        {
            "type": "history",
            "id": 5,
            "channel": "c",
            "epoch": "e",
            "offset": 3,
            "publications": [{"data": 1, "time": 1700}],
        },
    ),
    (
        m.Roster(6, "c", (BEN,)),
        {
            "type": "presence",
            "id": 6,
            "channel": "c",
            "members": [{"session": "s2", "user": None}],
            "sessions": 0,
            "users": 0,
        },
    ),
    (
        m.Roster(6, "c", (), 3, 2),
        {"type": "presence", "id": 6, "channel": "c", "members": [], "sessions": 3, "users": 2},
    ),
    (m.Refreshed(2, 60.0), {"type": "refreshed", "id": 2, "expires": 60000}),
    (
        m.Adjusted(2, "c", m.Policy("latest", 0.5)),
        {"type": "policy", "id": 2, "channel": "c", "policy": {"kind": "latest", "interval": 500, "size": 0}},
    ),
    (m.Passed("c", AT, 2), {"type": "passed", "channel": "c", "epoch": "e", "offset": 3, "count": 2}),
    (
        m.Entries(3, "c", AT, (m.Publication("c", Raw(b"1"), 1700, AT, entry="a"),)),
        {
            "type": "entries",
            "id": 3,
            "channel": "c",
            "epoch": "e",
            "offset": 3,
            "recovered": False,
            "entries": [{"data": 1, "time": 1700, "offset": 3, "entry": "a"}],
        },
    ),
    (
        m.Entries(3, "c", AT, (), recovered=True, more=True, after=2),
        {
            "type": "entries",
            "id": 3,
            "channel": "c",
            "epoch": "e",
            "offset": 3,
            "recovered": True,
            "entries": [],
            "more": True,
            "after": 2,
        },
    ),
    (
        m.Changed(m.Publication("c", Raw(b"1"), 1700, AT, entry="a"), 2, Raw(b'{"set":{"b":1}}')),
        {
            "type": "publication",
            "channel": "c",
            "offset": 3,
            "time": 1700,
            "entry": "a",
            "delta": {"set": {"b": 1}},
            "base": 2,
        },
    ),
    (m.Item(7, Raw(b"1")), {"type": "item", "id": 7, "data": 1}),
    (m.End(7), {"type": "end", "id": 7}),
    (m.Credit(7, 8), {"type": "credit", "id": 7, "count": 8}),
    (m.Cancel(1), {"type": "cancel", "call": 1}),
    (
        m.Calling(1, "f", Raw(b"{}"), 2.5),
        {"type": "call", "call": 1, "name": "f", "data": {}, "timeout": 2500},
    ),
    (m.Result(7, Raw(b"null")), {"type": "result", "id": 7, "data": None}),
    (
        m.Refusal(8, 103, "permission denied"),
        {"type": "error", "id": 8, "code": 103, "reason": "permission denied", "temporary": False},
    ),
    (m.Beat(), {"type": "ping"}),
    (m.Ponged(9), {"type": "pong", "id": 9}),
    (m.Moved("c", "e2"), {"type": "moved", "channel": "c", "epoch": "e2"}),
]


@pytest.mark.parametrize(("event", "said"), EVENTS, ids=lambda value: type(value).__name__)
def test_events(event, said):
    assert encode(event) == said


def test_every_event_can_be_said_but_the_end_which_the_transport_says():
    assert {type(event) for event, _ in EVENTS} == set(m.Event.__args__) - {m.Closing}
    for codec in (CODEC, PackedCodec(), EventCodec(typed=True)):
        assert codec.encode(m.Closing(1001, "the server is going away")) == ()


def test_data_goes_out_as_it_came_in():
    (command,) = decode('{"type":"publish","id":4,"channel":"c","data": { "a" : 1.50 } }')
    (payload,) = CODEC.encode(m.Publication("c", command.data, 1))
    assert '{ "a" : 1.50 }' in payload.data


def request(path="/everywire", **headers):
    fields = {"upgrade": "websocket", "sec-websocket-protocol": f"other, {SUBPROTOCOL}"} | headers
    return Request("GET", path, Headers([(name.replace("_", "-"), value) for name, value in fields.items()]))


def accept(asked):
    return NativeDialect().accept(asked, lambda: "id")


def test_a_websocket_that_offers_the_subprotocol_is_opened():
    opened = accept(request())
    assert isinstance(opened, Open)
    assert opened.subprotocol == SUBPROTOCOL
    assert accept(request("/everywire?x=1")) == opened


def test_other_paths_are_for_others():
    assert accept(request("/")) is None
    assert isinstance(NativeDialect("/ws").accept(request("/ws"), lambda: "id"), Open)


def test_plain_http_is_told_to_upgrade():
    answer = accept(request(upgrade="h2c"))
    assert isinstance(answer, Reply)
    assert (answer.status, dict(answer.headers)["Upgrade"]) == (426, "websocket")


def test_a_websocket_of_another_language_is_refused():
    answer = accept(request(**{"sec-websocket-protocol": "chat"}))
    assert isinstance(answer, Reply)
    assert answer.status == 400
