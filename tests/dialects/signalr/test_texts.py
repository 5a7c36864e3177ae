"""Messages that are JSON."""

import pytest

from everywire.dialects.signalr import texts
from everywire.dialects.signalr.message import Message
from everywire.errors import ProtocolError
from everywire.fitness import Unfit
from everywire.messages import Raw


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"type":1,"headers":{"Foo":"Bar"},"invocationId":"123","target":"Send","arguments":[42,"x"]}',
            Message(1, "123", "Send", Raw(b'[42,"x"]')),
        ),
        ('{"target":"Send","arguments":[],"type":1}', Message(1, None, "Send", Raw(b"[]"))),
        (
            '{"type":4,"invocationId":"1","target":"s","arguments":[],"streamIds":["2","3"],"more":{"a":[]}}',
            Message(4, "1", "s", Raw(b"[]"), ["2", "3"]),
        ),
        ('{"type":2,"invocationId":"1","item":null}', Message(2, "1", item=Raw(b"null"))),
        ('{"type":3,"invocationId":"1","error":"no"}', Message(3, "1", error="no")),
        ('{"type":5,"invocationId":"1"}', Message(5, "1")),
        (' {"type" : 6} ', Message(6)),
        ('{"type":7,"error":null,"allowReconnect":true}', Message(7)),
        ('{"type":9,"sequenceId":12}', Message(9, sequence_id=12)),
    ],
)
def test_messages(text, message):
    read = texts.read(text.encode())
    for name in Message.__struct_fields__:
        found, meant = getattr(read, name), getattr(message, name)
        assert (bytes(found) == bytes(meant)) if isinstance(meant, Raw) else (found == meant), name


@pytest.mark.parametrize("text", ['{"type":10}', '{"type":0}', '{"type":99,"target":5,"arguments":{}}', '{"type":-1}'])
def test_a_type_that_is_not_known_is_passed_over(text):
    assert texts.read(text.encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        "{}",
        '{"type":"1"}',
        '{"type":null}',
        '{"type":true}',
        '{"type":1.5}',
        '{"type":1,"target":5}',
        '{"type":1,"target":"\\ud800","arguments":[]}',
        '{"type":1,"invocationId":5,"target":"x","arguments":[]}',
        '{"type":1,"target":"x","arguments":[],"streamIds":[1]}',
        '{"type":9,"sequenceId":"1"}',
        '{"type":6}{"type":6}',
        '{"type":1,"target":"x","arguments":' + "[" * 5000,
        b'{"type":1,"target":"\xff","arguments":[]}',
    ],
)
def test_what_is_no_message(text):
    with pytest.raises(ProtocolError, match="no message of the hub protocol"):
        texts.read(text if isinstance(text, bytes) else text.encode())


def test_application_data_stays_as_it_came():
    assert bytes(texts.fit(Raw(b'[1,  "x"]'))) == b'[1,  "x"]'
    with pytest.raises(Unfit):
        texts.fit(Raw(b"[1e999]"))
    assert texts.is_array(Raw(b'[1, {"a":2}]'))
    assert not texts.is_array(Raw(b'{"a":1}'))
    assert not texts.is_array(Raw(b""))


@pytest.mark.parametrize("name", ["arguments", "item", "result"])
def test_data_with_half_of_a_surrogate_pair_is_not_fit_but_no_fault_of_the_protocol(name):
    message = texts.read(b'{"type":1,"invocationId":"1","target":"f","%b":["\\ud83d"]}' % name.encode())
    assert (message.type, message.invocation_id, message.target) == (1, "1", "f")
    with pytest.raises(Unfit):
        texts.fit(getattr(message, name))


@pytest.mark.parametrize(
    "text", [b'["\\ud83d"]', b'{"type":6,"item":"\\ud83d"', b'{"type":1,"target":"\\ud83d","arguments":["\\ud83d"]}']
)
def test_elsewhere_it_is_one(text):
    with pytest.raises(ProtocolError):
        texts.read(text)
