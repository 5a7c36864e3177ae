"""The native wire as the client reads and writes it."""

import json
from pathlib import Path

import msgspec
import pytest

from everywire.client import wire
from everywire.client.wire import Member, Position, Publication

EVENTS = [
    (
        {"type": "connected", "id": 1, "session": "s", "user": None, "resume": "r", "resumed": False}
        | {"heartbeat": {"every": 25000, "patience": 10000}},
        wire.Connected(1, "s", None, "r", False, wire.Heartbeat(25000, 10000)),
    ),
    (
        {"type": "subscribed", "id": 2, "channel": "c", "epoch": "e", "offset": 3, "recovered": True}
        | {"publications": [{"offset": 3, "data": {"x": [1]}, "time": 5, "from": {"session": "s", "user": "ada"}}]}
        | {"members": [{"session": "s", "user": None, "info": {"n": 1}}]},
        wire.Subscribed(
            id=2,
            channel="c",
            epoch="e",
            offset=3,
            recovered=True,
            publications=[Publication({"x": [1]}, 5, 3, Member("s", "ada"))],
            members=[Member("s", None, {"n": 1})],
        ),
    ),
    (
        {"type": "subscribed", "id": 2, "channel": "c", "epoch": "e", "offset": 3, "recovered": True}
        | {"publications": [], "more": "ask"},
        wire.Subscribed(
            id=2, channel="c", epoch="e", offset=3, recovered=True, publications=[], members=[], more="ask"
        ),
    ),
    ({"type": "unsubscribed", "id": 3, "channel": "c"}, wire.Unsubscribed("c", 3)),
    ({"type": "unsubscribed", "channel": "c", "reason": "no"}, wire.Unsubscribed("c", None, "no")),
    ({"type": "published", "id": 4, "channel": "c", "epoch": "e", "offset": 9}, wire.Published(4, "c", "e", 9)),
    ({"type": "published", "id": 4, "channel": "c"}, wire.Published(4, "c")),
    ({"type": "publication", "channel": "c", "data": None, "time": 7}, wire.Publishing(None, 7, channel="c")),
    ({"type": "join", "channel": "c", "member": {"session": "s"}}, wire.Joined("c", Member("s"))),
    (
        {"type": "leave", "channel": "c", "member": {"session": "s", "dialect": "x"}},
        wire.Left("c", Member("s", dialect="x")),
    ),
    (
        {"type": "history", "id": 5, "channel": "c", "epoch": "e", "offset": 2, "publications": []},
        wire.Page(5, "c", "e", 2, []),
    ),
    (
        {"type": "history", "id": 5, "channel": "c", "epoch": "e", "offset": 2, "publications": [], "more": True},
        wire.Page(5, "c", "e", 2, [], more=True),
    ),
    ({"type": "presence", "id": 6, "channel": "c", "members": []}, wire.Roster("c", [], 6)),
    ({"type": "result", "id": 7, "data": [None]}, wire.Result(7, [None])),
    (
        {"type": "error", "id": 8, "code": 103, "reason": "permission denied", "temporary": False},
        wire.Failed(8, 103, "permission denied"),
    ),
    ({"type": "ping"}, wire.Beat()),
    ({"type": "pong", "id": 9}, wire.Ponged(9)),
    ({"type": "moved", "channel": "c", "epoch": "f"}, wire.Moved("c", "f")),
]


@pytest.mark.parametrize(("said", "event"), EVENTS, ids=[said["type"] for said, _ in EVENTS])
def test_an_event_is_read(said, event):
    assert list(wire.read(json.dumps(said))) == [event]


def test_several_events_in_one_message_are_read_in_order():
    assert list(wire.read(json.dumps([said for said, _ in EVENTS]))) == [event for _, event in EVENTS]


def test_what_a_later_version_may_say_is_passed_over():
    said = [{"type": "weather", "sunny": True}, {"type": "pong", "id": 1, "more": 2}]
    assert list(wire.read(json.dumps(said))) == [wire.Ponged(1)]
    assert list(wire.read('{"type": "weather"}')) == []


@pytest.mark.parametrize(
    "message", ["", "{", "7", '"text"', "[7]", '{"type": "pong"}', '{"type": "join", "channel": "c"}']
)
def test_what_is_not_understood_is_an_error(message):
    with pytest.raises(ValueError):
        list(wire.read(message))


def test_a_command_leaves_out_what_is_not_said():
    command = {"type": "publish", "id": 1, "channel": "c", "data": None, "key": None}
    assert json.loads(wire.encode(command)) == {"type": "publish", "id": 1, "channel": "c", "data": None}
    since = {"type": "history", "id": 1, "since": Position("e", 3)}
    assert json.loads(wire.encode(since))["since"] == {"epoch": "e", "offset": 3}
    with pytest.raises(TypeError):
        wire.encode({"data": object()})


VECTORS = json.loads((Path(__file__).parents[1] / "contracts" / "wire.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["events"], ids=lambda vector: vector["name"])
def test_the_shared_examples_of_events_are_read_alike_from_both_encodings(vector):
    [from_json] = wire.read(json.dumps(vector["json"]))
    [from_packed] = wire.read(bytes.fromhex(vector["msgpack"]))
    assert msgspec.to_builtins(from_packed) == msgspec.to_builtins(from_json)
    said = msgspec.to_builtins(from_json)
    for name, value in vector["json"].items():
        if name not in ("type", "publications", "entries", "members", "member", "from", "policy"):
            assert said[name] == value


@pytest.mark.parametrize("vector", VECTORS["commands"], ids=lambda vector: vector["name"])
def test_the_shared_examples_of_commands_are_written_so(vector):
    meant = msgspec.msgpack.decode(bytes.fromhex(vector["msgpack"]))
    assert wire.encode(meant, packed=True).hex() == vector["msgpack"]
    assert json.loads(wire.encode(meant)) == vector["json"]
    assert json.loads(wire.as_json(wire.encode(meant, packed=True))) == vector["json"]


def test_policies_are_written_in_milliseconds():
    assert wire.said_policy(wire.Policy("latest", 0.5)) == {"kind": "latest", "interval": 500}
    assert wire.said_policy(wire.Policy()) == {"kind": "reliable"}
    assert wire.said_policy(None) is None
    [adjusted] = wire.read('{"type":"policy","id":1,"channel":"c","policy":{"kind":"sample","interval":250}}')
    assert adjusted.meant == wire.Policy("sample", 0.25)


def test_answers_with_many_are_collections():
    [roster] = wire.read('{"type":"presence","id":1,"channel":"c","members":[{"session":"s"}],"sessions":1,"users":0}')
    assert ([member.session for member in roster], len(roster), roster.sessions) == (["s"], 1, 1)
    [entries] = wire.read(
        '{"type":"entries","id":1,"channel":"c","epoch":"e","offset":3,"entries":[{"data":1,"entry":"x","offset":3}]}'
    )
    assert (entries["x"].data, len(entries), [each.entry for each in entries]) == (1, 1, ["x"])
    with pytest.raises(KeyError):
        entries["y"]


@pytest.mark.parametrize("packed", [False, True])
def test_numbers_that_json_does_not_have_are_refused_with_their_place(packed):
    class Price(msgspec.Struct):
        value: float

    for data, said in [
        (float("nan"), "data is nan"),
        ({"prices": [1.5, float("inf")]}, r"data\.prices\[1\] is inf, a number that JSON does not have"),
        ({"price": Price(float("-inf")), "none": None}, r"data\.price\.value is -inf"),
    ]:
        with pytest.raises(ValueError, match=said):
            wire.encode({"type": "publish", "data": data}, packed=packed)
    for data in ({"a": None, "b": "null", "c": 1e308}, [None, 1.5]):
        assert wire.encode({"data": data}, packed=packed)
    assert wire.encode({"data": msgspec.Raw(b"[null]")}) == '{"data":[null]}'
