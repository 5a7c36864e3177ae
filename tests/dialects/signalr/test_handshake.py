"""The handshake: which protocols there are, and what is answered."""

import pytest

from everywire import messages as m
from everywire.dialects.signalr import handshake
from everywire.errors import ProtocolError


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ('{"protocol":"json","version":1}', ("json", 1)),
        ('{"version": 2, "protocol": "messagepack"}', ("messagepack", 2)),
        ('{"protocol":"JSON","version":1,"more":[{}]}', ("json", 1)),
    ],
)
def test_what_a_client_asks_for(said, asked):
    assert handshake.read(said.encode()) == asked


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('{"protocol":"dummy","version":1}', "The protocol 'dummy' is not supported."),
        ('{"protocol":"json","version":3}', "The server does not support version 3 of the 'json' protocol."),
        ('{"protocol":"json","version":0}', "The server does not support version 0 of the 'json' protocol."),
        *(
            (said, "no handshake: a JSON object with a protocol and a version")
            for said in (
                "",
                "{}",
                "[]",
                '{"protocol":"json"}',
                '{"version":1}',
                '{"protocol":"json","version":"1"}',
                '{"protocol":"json","version":true}',
                '{"protocol":null,"version":1}',
                '{"type":6}',
                "\x91\x06",
                "[" * 5000,
            )
        ),
    ],
)
def test_what_there_is_not(said, reason):
    with pytest.raises(ProtocolError) as fault:
        handshake.read(said.encode())
    assert fault.value.reason == reason


def test_before_there_is_a_protocol_only_its_end_can_be_said():
    (told,) = handshake.HANDSHAKE.encode(m.Closing(1002, 'no "x"'))
    assert told.data == '{"error":"no \\"x\\""}\x1e'
    (told,) = handshake.HANDSHAKE.encode(m.Closing(1001, ""))
    assert told.data == '{"error":"the connection is closed"}\x1e'
    for event in (m.Beat(), m.Result("i1", m.Raw(b"1")), m.Publication("c", m.Raw(b"1"), 1)):
        assert handshake.HANDSHAKE.encode(event) == ()
