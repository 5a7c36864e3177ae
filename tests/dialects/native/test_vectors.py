"""The examples that all clients share: each is read, or written, as exactly this, as JSON and as MessagePack."""

import json
from pathlib import Path

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.native import NativeCodec, NativeDecoder, PackedCodec, PackedDecoder
from everywire.messages import Packed, Raw

VECTORS = json.loads((Path(__file__).parents[2] / "contracts" / "wire.json").read_text())
TIME = 1_700_000_000_000
AT = m.Position("e", 3)
ANN = m.Member("s1", "ann", Raw(b'{"nick":"A"}'))
BEN = m.Member("s2")
CID = m.Member("s3", "cid", tabs=2)
SAID = m.Publication("c", Raw(b'{"text":"hi"}'), TIME, AT, ANN)
ONE = Raw(b"1")
SET = m.Publication("c", ONE, TIME, AT, entry="x")
GONE = m.Publication("c", Raw(b"null"), TIME, AT, entry="x", removed=True)
WHOLE = m.Publication("c", Raw(b'{"n":1}'), TIME, AT, ANN, "x")
PACKED = Packed(msgspec.msgpack.encode({"picture": b"\x00\xff\x10", "list": [b""]}))

COMMANDS = {
    "connect": m.Connect(1),
    "connect with everything": m.Connect(1, "t", Raw(b'{"a":1}'), "r"),
    "refresh": m.Refresh(2, "t2"),
    "subscribe": m.Subscribe(3, "room:é"),
    "subscribe since": m.Subscribe(3, "c", AT, 5, 64),
    "subscribe from a time": m.Subscribe(3, "c", rewind_from=TIME),
    "subscribe after a page of entries": m.Subscribe(3, "c", AT, after=2),
    "subscribe with a policy": m.Subscribe(3, "c", policy=m.Policy("latest", 0.5)),
    "subscribe to deltas": m.Subscribe(3, "c", delta=True),
    "subscribe with wildcards": m.Subscribe(3, "room.*.>"),
    "policy": m.Adjust(4, "c", m.Policy("drop_oldest", size=10)),
    "unsubscribe": m.Unsubscribe(5, "c"),
    "publish": m.Publish(6, "c", Raw(b'{"text":"hi","n":[1,-1,1.5,true,null]}'), "k"),
    "publish null": m.Publish(6, "c", Raw(b"null")),
    "publish ephemeral": m.Publish(6, "c", ONE, ephemeral=True),
    "publish binary": m.Publish(6, "c", PACKED),
    "publish to all but some": m.Publish(6, "c", ONE, audience=m.Audience(("s1", "s2"))),
    "publish to a session": m.Publish(6, "c", ONE, audience=m.Audience(session="s1")),
    "publish to a user": m.Publish(6, "c", ONE, audience=m.Audience(user="ann")),
    "publish an entry": m.Publish(6, "c", ONE, entry=m.EntryChange("x", 0, 1.5)),
    "publish a removal": m.Publish(6, "c", Raw(b"null"), entry=m.EntryChange("x", remove=True)),
    "history": m.History(7, "c"),
    "history with everything": m.History(7, "c", AT, 3, True, m.Position("e", 9), TIME),
    "entries": m.ReadEntries(8, "c"),
    "entries after a page": m.ReadEntries(8, "c", AT, 2),
    "presence": m.Presence(9, "c"),
    "presence, brief": m.Presence(9, "c", True),
    "call": m.Call(10, "f"),
    "call with everything": m.Call(10, "f", Raw(b'{"x":1}'), 2.5, 16, True),
    "item": m.Item(10, Raw(b'"i"')),
    "end": m.End(10),
    "credit": m.Credit(10, 8),
    "cancel": m.Cancel(10),
    "answer": m.Answer(1, Raw(b"[3]")),
    "answer with an error": m.Decline(1, 109, "unknown name"),
    "ping": m.Ping(11),
    "pong": m.Pong(),
    "leave": m.Leave(),
}

BEAT = m.Heartbeat(25, 10)
EVENTS = {
    "connected": m.Connected(1, "s1", None, "r", False, BEAT),
    "connected with everything": m.Connected(1, "s1", "ann", "r", True, BEAT, 60.0, ("a", "b")),
    "refreshed": m.Refreshed(2),
    "refreshed until": m.Refreshed(2, 60.0),
    "subscribed": m.Subscribed(3, "c", AT, True, (SAID, m.Publication("c", ONE, TIME)), (ANN, BEN, CID)),
    "subscribed, a page that is followed": m.Subscribed(3, "c", AT, True, (SAID,), more="follows"),
    "subscribed, a page to ask on from": m.Subscribed(3, "c", AT, False, (SAID,), more="ask"),
    "subscribed with entries": m.Subscribed(3, "c", AT, False, entries=(SET,)),
    "subscribed with a page of entries": m.Subscribed(3, "c", AT, True, more="ask", entries=(GONE,), after=3),
    "subscribed with wildcards": m.Subscribed(3, "room.*.>", None, False),
    "subscribed by the server": m.Subscribed(None, "c", m.Position("e", 0), False),
    "policy": m.Adjusted(4, "c", m.Policy("latest", 0.5)),
    "unsubscribed": m.Unsubscribed("c", 5),
    "unsubscribed by the server": m.Unsubscribed("c", reason="over"),
    "published": m.Published(6, "c", AT),
    "published ephemerally": m.Published(6, "c", None),
    "publication": SAID,
    "publication, ephemeral, from the server": m.Publication("c", Raw(b"null"), TIME),
    "publication of an entry": SET,
    "publication of a removal": GONE,
    "publication, binary": m.Publication("c", PACKED, TIME, AT),
    "publication by its difference": m.Changed(WHOLE, 2, Raw(b'{"set":{"n":1}}')),
    "passed": m.Passed("c", AT, 2),
    "join": m.Joined("c", ANN),
    "leave": m.Left("c", BEN),
    "history": m.Page(7, "c", AT, (SAID,)),
    "history, cut": m.Page(7, "c", m.Position("e", 9), (SAID,), True),
    "history, cut where all is for others": m.Page(7, "c", m.Position("e", 9), (), True, after=5),
    "entries": m.Entries(8, "c", AT, (m.Publication("c", ONE, TIME, AT, ANN, "x"),)),
    "entries, cut": m.Entries(8, "c", m.Position("e", 9), (SET,), True, True, 3),
    "presence": m.Roster(9, "c", (BEN,), 1),
    "presence, brief": m.Roster(9, "c", (), 3, 2),
    "presence, told anew": m.Roster(None, "c", (BEN,), 1, 0),
    "history, recovered": m.Page(7, "c", AT, (), recovered=True),
    "result": m.Result(10, Raw(b'{"n":1.5}')),
    "item": m.Item(10, Raw(b'"i"')),
    "end": m.End(10),
    "credit": m.Credit(10, 8),
    "call": m.Calling(1, "f"),
    "call with everything": m.Calling(1, "f", Raw(b"{}"), 2.5),
    "cancel": m.Cancel(1),
    "error": m.Refusal(6, 103, "permission denied"),
    "error with data": m.Refusal(6, 111, "conflict", data=Raw(b'{"offset":7}')),
    "ping": m.Beat(),
    "pong": m.Ponged(11),
    "moved": m.Moved("c", "f"),
}


def names(kind):
    return [vector["name"] for vector in VECTORS[kind]]


def strictly(value):
    """Make 1, 1.0 and true three different things, and the order of fields no difference."""
    return json.dumps(value, sort_keys=True, default=lambda binary: f"binary {binary.hex()}")


def test_there_is_a_message_for_each_example():
    assert names("commands") == list(COMMANDS)
    assert names("events") == list(EVENTS)


def test_there_is_an_example_of_each_message():
    assert {type(command) for command in COMMANDS.values()} == set(m.Command.__args__) - {m.Malformed}
    assert {type(event) for event in EVENTS.values()} == set(m.Event.__args__) - {m.Closing}  # which the transport says


@pytest.mark.parametrize("vector", VECTORS["commands"], ids=names("commands"))
def test_commands_are_read_from_packed(vector):
    assert list(PackedDecoder().decode(bytes.fromhex(vector["msgpack"]))) == [COMMANDS[vector["name"]]]


@pytest.mark.parametrize("vector", VECTORS["commands"], ids=names("commands"))
def test_commands_are_read_from_json(vector):
    (command,) = NativeDecoder().decode(json.dumps(vector["json"], separators=(",", ":")))
    meant = COMMANDS[vector["name"]]
    if vector["name"] == "publish binary":
        meant = m.Publish(6, "c", Raw(b'{"picture":"AP8Q","list":[""]}'))
    assert command == meant


@pytest.mark.parametrize("vector", VECTORS["events"], ids=names("events"))
def test_events_are_written_as_json(vector):
    (payload,) = NativeCodec().encode(EVENTS[vector["name"]])
    assert strictly(json.loads(payload.data)) == strictly(vector["json"])


@pytest.mark.parametrize("vector", VECTORS["events"], ids=names("events"))
def test_events_are_written_packed(vector):
    (payload,) = PackedCodec().encode(EVENTS[vector["name"]])
    said, meant = msgspec.msgpack.decode(payload.data), msgspec.msgpack.decode(bytes.fromhex(vector["msgpack"]))
    assert strictly(said) == strictly(meant)
