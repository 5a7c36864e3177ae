"""Who a session is for, as a value."""

import math

import msgspec
import pytest

from everywire.hub.access.identity import ANONYMOUS, Identity, Limits, identity
from everywire.messages import Raw


def test_what_a_hook_may_return():
    whole = Identity("ann", expires=5.0)
    assert identity(whole) is whole
    assert identity("ann") == Identity("ann")
    assert identity(None) is ANONYMOUS
    with pytest.raises(TypeError, match="connect hook"):
        identity(7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"user": 7},
        {"user": "ann", "expires": "soon"},
        {"user": "ann", "expires": math.nan},
        {"user": "ann", "channels": "room:1"},
        {"user": "ann", "capabilities": {"room:*": ["fly"]}},
        {"user": "ann", "capabilities": {"room:*": "publish"}},
        {"user": "ann", "capabilities": {7: []}},
        {"user": "ann", "limits": {}},
        {"user": "ann", "issued": "now"},
        {"user": "ann", "token": 7},
    ],
)
def test_a_wrong_one_cannot_be_made(wrong):
    with pytest.raises((TypeError, ValueError)):
        Identity(**wrong)


def test_it_expires_at_its_time():
    assert not ANONYMOUS.expired(9e9)
    assert not Identity("ann", expires=10.0).expired(9.9)
    assert Identity("ann", expires=10.0).expired(10.0)


def test_its_info_takes_the_place_of_what_the_client_says():
    said = Raw(b'{"admin":true}')
    assert ANONYMOUS.shown(said) is said
    assert bytes(Identity("ann", info={"nick": "A"}).shown(said)) == b'{"nick":"A"}'


def test_another_node_reads_it_as_it_was_written():
    whole = Identity(
        "ann", 5.0, {"nick": "A"}, {"room:*": ("subscribe",)}, ("news",), Limits(commands=5.0), issued=1.0, token="t"
    )
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(whole), type=Identity)
    assert read.granted().allow("subscribe", "room:1")
    assert (read.user, read.expires, read.info, read.channels, read.limits, read.issued, read.token) == (
        whole.user,
        whole.expires,
        whole.info,
        whole.channels,
        whole.limits,
        whole.issued,
        whole.token,
    )


def test_it_may_be_among_other_channels():
    ada = Identity("ada", info={"x": 1}, channels=("news",))
    assert ada.among(["news", "all", "news"]) == Identity("ada", info={"x": 1}, channels=("news", "all"))
