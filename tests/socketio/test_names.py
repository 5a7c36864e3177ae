"""Rooms have names of channels."""

import pytest

from everywire.hub.kinds import ChannelKind, Kinds
from everywire.socketio import names

ODD = ["tea", "a b", "a:b", "50%", "%3A", "*", "a.*.>", "a\nb", "日本", "/", "..", "room:x"]


@pytest.mark.parametrize("room", ODD)
@pytest.mark.parametrize("namespace", ["/", "/chat", "/a:b", "/*"])
def test_each_room_is_a_channel_of_its_own(room, namespace):
    kinds = Kinds()
    for pattern in names.PATTERNS:
        kinds.add(ChannelKind(pattern))
    channel = names.room(namespace, room)
    assert kinds.find(channel) is not None
    assert channel.isprintable()
    assert names.rooms(namespace, (channel, names.everybody(namespace), "other")) == [room]
    one = names.Names()
    assert (one.channel(namespace, room), one.room(namespace, channel)) == (channel, room)
    assert one.room(namespace, names.everybody(namespace)) is None


def test_no_two_are_one():
    channels = {names.room(namespace, room) for namespace in ("/", "/a", "/a/b", "/a:b") for room in ODD}
    assert len(channels) == 4 * len(ODD)


@pytest.mark.parametrize(("room", "error"), [("", ValueError), (7, TypeError), ("\ud800", ValueError)])
def test_what_is_no_name(room, error):
    with pytest.raises(error):
        names.room("/", room)
