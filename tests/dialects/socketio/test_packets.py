"""Socket.IO packets as text, both ways."""

import pytest

from everywire.dialects.socketio.packets import Kind, Packet, attached, detached, name_of, read, reserved, write
from everywire.errors import ProtocolError
from everywire.messages import Raw


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ("0", Packet(Kind.CONNECT, "/")),
        ('0/a b,{"x":[1]}', Packet(Kind.CONNECT, "/a b", fields={"x": Raw(b"[1]")})),
        ("1/a", Packet(Kind.DISCONNECT, "/a")),
        ('2["f", 1 ]', Packet(Kind.EVENT, "/", items=[Raw(b'"f"'), Raw(b"1")])),
        ('2/a,12["f"]', Packet(Kind.EVENT, "/a", 12, [Raw(b'"f"')])),
        ("3007[]", Packet(Kind.ACK, "/", 7, [])),
        ('52-/a,1["f",{"x":1}]', Packet(Kind.EVENT, "/a", 1, ["f", {"x": 1}], attachments=2)),
        ("61-1[]", Packet(Kind.ACK, "/", 1, [], attachments=1)),
    ],
)
def test_reading(text, packet):
    assert read(text) == packet


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        ((Kind.CONNECT, "/", None, b"{}"), "0{}"),
        ((Kind.DISCONNECT, "/a"), "1/a,"),
        ((Kind.EVENT, "/a", 0, b"[]"), "2/a,0[]"),
        ((Kind.EVENT, "/a", 0, b"[]", 3), "53-/a,0[]"),
        ((Kind.ACK, "/", 12, b"[]", 1), "61-12[]"),
    ],
)
def test_writing(packet, text):
    assert write(*packet) == text


@pytest.mark.parametrize(
    ("item", "name"), [("f", "f"), (5, "5"), (0.5, "0.5"), (Raw(b'"\\u00e9"'), "é"), (Raw(b"-1"), "-1")]
)
def test_names(item, name):
    assert not reserved(item)
    assert name_of(item) == name


@pytest.mark.parametrize("item", [None, True, [], {}, "connect", Raw(b'"connect"'), Raw(b"null"), Raw(b'"\\ud800"')])
def test_what_is_no_name(item):
    assert reserved(item)


ITEMS = [b"a", {"x": [b"b", None]}, "c"]
PLACES = [{"_placeholder": True, "num": 0}, {"x": [{"_placeholder": True, "num": 1}, None]}, "c"]


def test_attachments_leave_and_come_back():
    assert detached(ITEMS) == (PLACES, [b"a", b"b"])
    assert attached(PLACES, [b"a", b"b"]) == ITEMS


def test_what_cannot_be_attached():
    assert detached([b"a"] * 10) is not None
    assert detached([b"a"] * 11) is None
    assert detached([{"x": [{"_placeholder": False}]}]) is None


def test_each_attachment_has_one_placeholder():
    for attachments in ([b"a"], [b"a", b"b", b"c"]):
        with pytest.raises(ProtocolError):
            attached(PLACES, attachments)
