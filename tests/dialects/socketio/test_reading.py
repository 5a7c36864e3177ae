"""What official clients say, as commands of their sessions."""

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from everywire import messages as m
from everywire.dialects.base import Within
from everywire.dialects.socketio import SocketIODialect
from everywire.dialects.socketio.reading import MAX_NAME
from everywire.errors import MessageTooBig, ProtocolError
from everywire.messages import Packed, Raw

NULL = Raw(b"null")
DEEP = "[" * 70 + "]" * 70
KNOWN = ("/", "/chat")


def decoder(namespaces=lambda name: name in KNOWN, **options):
    return SocketIODialect(namespaces=namespaces, **options).decoder()


def joined(**options):
    """Give the decoder of a client that is in both namespaces."""
    client = decoder(**options)
    for text in ("40", "40/chat,"):
        list(client.decode(text))
    return client


def say(client, *payloads):
    """Give the commands that the payloads are, each as (namespace, command)."""
    said = [each for payload in payloads for each in client.decode(payload)]
    return [(each.codec.namespace, each.command) if isinstance(each, Within) else each for each in said]


def shown(space, *more, **said):
    """Give the connect of a client that cannot come back to its session."""
    return m.Connect("connect", *more, **said, space=space, lasting=False)


SHOWN = '{"token":"t","info":{"a":1},"pid":"p"}'
ODD = '{"token":1,"info":null,"pid":[],"offset":"5","mine":{}}'


@pytest.mark.parametrize(
    ("text", "namespace", "command"),
    [
        ("40", "/", shown("/")),
        ("40/,", "/", shown("/")),
        ("40{}", "/", shown("/", auth=Raw(b"{}"))),
        ("40/chat", "/chat", shown("/chat")),
        ("40/chat,", "/chat", shown("/chat")),
        (f"40{SHOWN}", "/", shown("/", "t", Raw(b'{"a":1}'), auth=Raw(SHOWN.encode()))),
        ('40/chat,{"token":"t"}', "/chat", shown("/chat", "t", auth=Raw(b'{"token":"t"}'))),
        (f"40{ODD}", "/", shown("/", auth=Raw(ODD.encode()))),
        ('40{"info":[1]}', "/", m.Malformed("connect", "bad request: info is not an object")),
        ("40/other,", "/other", m.Malformed("connect", "Invalid namespace")),
        ("40/other", "/other", m.Malformed("connect", "Invalid namespace")),
    ],
)
def test_connecting(text, namespace, command):
    assert say(decoder(), text) == [(namespace, command)]


@pytest.mark.parametrize(
    ("text", "namespace", "command"),
    [
        ('42["f"]', "/", m.Call(-1, "f")),
        ('42["f",{"a":1}]', "/", m.Call(-1, "f", Raw(b'{"a":1}'))),
        ('42["f", {"a": 1} ]', "/", m.Call(-1, "f", Raw(b'{"a": 1}'))),
        ('42["f",1]', "/", m.Call(-1, "f", Raw(b"[1]"), positional=True)),
        ('42["f",null]', "/", m.Call(-1, "f", Raw(b"[null]"), positional=True)),
        ('42["f",[]]', "/", m.Call(-1, "f", Raw(b"[[]]"), positional=True)),
        ('42["f",{},"é"]', "/", m.Call(-1, "f", Raw('[{},"é"]'.encode()), positional=True)),
        ('420["f",{}]', "/", m.Call(0, "f", Raw(b"{}"))),
        ('42456["f"]', "/", m.Call(456, "f")),
        ('42/chat,7["f"]', "/chat", m.Call(7, "f")),
        ('42/chat,["f"]', "/chat", m.Call(-1, "f")),
        ("42[5]", "/", m.Call(-1, "5")),
        ("42[1.5]", "/", m.Call(-1, "1.5")),
        ('42[""]', "/", m.Call(-1, "")),
        ('42["f","_placeholder"]', "/", m.Call(-1, "f", Raw(b'["_placeholder"]'), positional=True)),
        (
            '42["f",{"_placeholder":true,"num":0}]',
            "/",
            m.Call(-1, "f", Raw(b'{"_placeholder":true,"num":0}')),
        ),
        ('450-["f",1]', "/", m.Call(-1, "f", Raw(b"[1]"), positional=True)),
        ("435[]", "/", m.Answer(5, NULL, positional=True)),
        ("435[1]", "/", m.Answer(5, Raw(b"1"))),
        ('43/chat,5[1,{"a":2}]', "/chat", m.Answer(5, Raw(b'[1,{"a":2}]'), positional=True)),
        ("41", "/", m.Leave()),
        ("41/chat,", "/chat", m.Leave()),
        ("41/chat", "/chat", m.Leave()),
    ],
)
def test_packets(text, namespace, command):
    assert say(joined(), text) == [(namespace, command)]


def test_what_concerns_the_transport():
    assert say(decoder(), "3", "6", "3probe", "1") == [m.Pong(), m.Pong(), m.Leave()]


def test_events_without_acknowledgement_are_counted_down():
    said = say(joined(), '42["a"]', '42/chat,["b"]', '425["c"]', '42["d"]')
    assert [command.ref for _, command in said] == [-1, -2, 5, -3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0",
        "2",
        "2probe",
        "5",
        "7",
        "4",
        "4abc",
        "47",
        "4 2",
        "40[]",
        "40null",
        '40"x"',
        "40{",
        "41{}",
        "41[]",
        "42",
        "42{}",
        "42[]",
        "42[null]",
        "42[true]",
        "42[{}]",
        '42["connect"]',
        '42["connect_error"]',
        '42["disconnect"]',
        '42["disconnecting"]',
        '42["newListener"]',
        '42["removeListener"]',
        '42["\\u0063onnect"]',
        '42abc["f"]',
        '42-1["f"]',
        '421.5["f"]',
        f'42{10**15}["f"]',
        '42["f"',
        '42["f"]x',
        '42["f",]',
        '42other["f"]',
        "43[1]",
        "435{}",
        "435",
        '44{"message":"x"}',
        "44",
        '45["f"]',
        '45-["f"]',
        '4511-["f"]',
        '45-1-["f"]',
        '451.5-["f"]',
        '421-["f"]',
        '42/other,["f"]',
        "42" + "[" * 100_000,
    ],
)
def test_what_no_client_says(text):
    with pytest.raises(ProtocolError):
        say(joined(), text)


def _told(client, read, text):
    try:
        return [(each.codec.namespace, _meant(each.command)) for each in read(text)], client._ref
    except ProtocolError as fault:
        return fault.reason, client._ref


def _meant(command):
    """The command with what its data means: between arguments, blanks are kept by one reading and not by the other."""
    data = getattr(command, "data", None)
    return msgspec.structs.replace(command, data=msgspec.json.decode(data)) if isinstance(data, Raw) else command


# What is put together of these is nearly an event: whole values, the marks between them, and what brings a reader out of step.
_PARTS = st.sampled_from(
    [
        "1",
        '"a"',
        "{}",
        '{"a":[1]}',
        "[]",
        ",",
        ",",
        "]",
        "[",
        "}",
        " ",
        "\n",
        '"',
        "\\",
        "\x00",
        "é",
        "\ud800",
        DEEP,
        "NaN",
    ]
)
_NAMES = st.sampled_from(
    ["f", "", "connect", "everywire:publish", "\\u0066", "é", "\ud800", "\n", '"', "5", "_placeholder"]
)
_HEADS = st.sampled_from(["42", "42/chat,", "42/other,", "427", "42/chat,7", "42/,", "42 ", "43", "421-", "452-"])


@example("42", "f", ["1", ",", " ", "1"], ",")
@settings(max_examples=300)
@given(_HEADS, _NAMES, st.lists(_PARTS, max_size=6), st.sampled_from([",", ", ", "", " ,"]))
def test_plain_events_are_read_as_all_packets_are(head, name, parts, comma):
    text = f'{head}["{name}"{comma}{"".join(parts)}]'
    fast, general = joined(), joined()
    assert _told(fast, fast.decode, text) == _told(general, general._whatever, text)


def test_a_plain_event_is_no_attachment():
    with pytest.raises(ProtocolError, match="attachment is due"):
        say(joined(), '451-["f",{"_placeholder":true,"num":0}]', '42["f"]')


def test_the_first_namespace_may_be_left_and_come_back_into():
    client = joined()
    assert [command for _, command in say(client, "41", "40", "40")] == [
        m.Leave(),
        shown("/"),
        shown("/"),
    ]
    assert say(client, "41/chat,", '42["f"]')[1] == ("/", m.Call(-1, "f"))
    with pytest.raises(ProtocolError):
        say(client, "41", '42["f"]')


@pytest.mark.parametrize("text", ['42["f"]', "435[1]", "41", '42/chat,["f"]'])
def test_nothing_is_said_before_connecting(text):
    with pytest.raises(ProtocolError, match="not connected"):
        say(decoder(), text)


def test_nothing_is_said_in_an_invalid_namespace():
    client = decoder()
    say(client, "40/other,")
    with pytest.raises(ProtocolError):
        say(client, '42/other,["f"]')


def test_a_client_may_come_back_into_a_namespace():
    client = joined()
    say(client, "41/chat,")
    with pytest.raises(ProtocolError):
        say(client, '42/chat,["f"]')
    assert say(client, "40/chat,", '42/chat,["f"]') == [
        ("/chat", shown("/chat")),
        ("/chat", m.Call(-1, "f")),
    ]


def test_namespaces_are_limited():
    client = decoder(lambda name: True)
    for number in range(64):
        say(client, f"40/{number},")
    assert say(client, "40/more,") == [("/more", m.Malformed("connect", "no more than 64 namespaces"))]
    assert say(client, "40/1,") == [("/1", shown("/1"))]
    assert say(client, "41/1,", "40/more,")[1] == ("/more", shown("/more"))


def test_how_many_namespaces_is_a_setting():
    dialect = SocketIODialect(namespaces=lambda name: True)
    dialect.max_namespaces = 1
    client = dialect.decoder()
    said = say(client, "40", "40/more,")
    assert said[1] == ("/more", m.Malformed("connect", "no more than 1 namespaces"))


def test_a_name_that_is_too_long_is_asked_nobody():
    asked = []
    client = decoder(lambda name: not asked.append(name))
    longest = "/" + "x" * (MAX_NAME - 1)
    ((_, fine),) = say(client, f"40{longest},")
    ((_, long),) = say(client, f"40{longest}x,")
    assert (fine, long) == (shown(fine.space), m.Malformed("connect", "Invalid namespace"))
    assert asked == [longest]


def test_data_that_not_every_receiver_can_read_is_refused():
    deep = m.Malformed(3, "bad request: data deeper than 64 levels")
    assert say(joined(), f'423["f",{DEEP}]') == [("/", deep)]
    ((_, strange),) = say(joined(), '423["f",{"a":1e999}]')
    assert strange == m.Malformed(3, "bad request: data that not every receiver can read")


def test_an_answer_that_cannot_be_read_is_none():
    assert say(joined(), f"433[{DEEP}]") == [("/", m.Decline(3, 107, "bad request: data deeper than 64 levels"))]


def place(number):
    return f'{{"_placeholder":true,"num":{number}}}'


@pytest.mark.parametrize(
    ("payloads", "command"),
    [
        ((f'451-["f",{place(0)}]', b"\x01"), m.Call(-1, "f", Packed(b"\x91\xc4\x01\x01"), positional=True)),
        ((f'451-3["f",{{"a":{place(0)}}}]', b"\x01"), m.Call(3, "f", Packed(b"\x81\xa1a\xc4\x01\x01"))),
        (
            (f'452-["f",[{place(1)},1],{place(0)}]', b"a", b"b"),
            m.Call(-1, "f", Packed(b"\x92\x92\xc4\x01b\x01\xc4\x01a"), positional=True),
        ),
        ((f"461-3[{place(0)}]", b""), m.Answer(3, Packed(b"\xc4\x00"))),
        ((f"461-3[{place(0)},1]", b""), m.Answer(3, Packed(b"\x92\xc4\x00\x01"), positional=True)),
    ],
)
def test_attachments(payloads, command):
    assert say(joined(), *payloads) == [("/", command)]


def test_a_heartbeat_may_come_between_a_packet_and_its_attachments():
    said = say(joined(), f'451-["f",{place(0)}]', "3", b"a", '42["g"]')
    assert [type(each) for each in said] == [m.Pong, tuple, tuple]


@pytest.mark.parametrize(
    "payloads",
    [
        (b"a",),  # of a client whose packets are text
        (f'451-["f",{place(0)}]', '42["g"]'),
        (f'451-["f",{place(1)}]', b"a"),
        (f'451-["f",{place(-1)}]', b"a"),
        ('451-["f",{"_placeholder":true}]', b"a"),
        ('451-["f",{"_placeholder":true,"num":"0"}]', b"a"),
        ('451-["f",{"_placeholder":true,"num":false}]', b"a"),
        (f'451-["f",{place(0)},{place(0)}]', b"a"),
        (f'452-["f",{place(0)}]', b"a", b"b"),
        ('451-["f"]', b"a"),
        (f'451-["disconnect",{place(0)}]', b"a"),
        (f"451-[{place(0)}]", b"a"),
        (f'451-["f",{"[" * 70}{place(0)}{"]" * 70}]', b"a"),
        ("451-{}",),
        (f'451-["f",{place(0)}]', b"a", b"b"),
    ],
)
def test_attachments_that_are_none(payloads):
    with pytest.raises(ProtocolError):
        say(joined(), *payloads)


def test_attachments_are_limited_together():
    packet = f'452-["f",{place(0)},{place(1)}]'
    ((_, call),) = say(joined(max_payload=100), packet, b"." * 50, b"." * 50)
    assert isinstance(call, m.Call)
    with pytest.raises(MessageTooBig, match="100 bytes"):
        say(joined(max_payload=100), packet, b"." * 50, b"." * 51)


@pytest.mark.parametrize("fill", ["a", "\u00e4", "\U0001f375"])
def test_a_message_is_limited_by_its_bytes(fill):
    most = len(f'42["f","{fill * 10}"]'.encode())
    ((_, call),) = say(joined(max_payload=most), f'42["f","{fill * 10}"]')
    assert call == m.Call(-1, "f", Raw(f'["{fill * 10}"]'.encode()), positional=True)
    with pytest.raises(MessageTooBig, match=f"{most} bytes"):
        say(joined(max_payload=most), f'42["f","{fill * 10}."]')


def test_a_client_without_binary_frames_says_bytes_as_text():
    ((_, call),) = say(joined(), f'451-["f",{place(0)}]', "bAQL/")
    assert call == m.Call(-1, "f", Packed(b"\x91\xc4\x03\x01\x02\xff"), positional=True)


UNREADABLE = "bad request: data that not every receiver can read"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (r'42["f","\ud800"]', m.Malformed(-1, UNREADABLE)),
        (r'427["f",{"a":["\uDC00\uD83C"]}]', m.Malformed(7, UNREADABLE)),
        (r'427["f",{"\ud83c":1}]', m.Malformed(7, UNREADABLE)),
        (r'427["\ud83c"]', m.Malformed(7, "bad request: a name with half of a surrogate pair")),
        (r'437["\ud83c"]', m.Decline(7, 107, UNREADABLE)),
        (r'40{"mine":"\ud83c"}', m.Malformed("connect", UNREADABLE)),
        (r'42["f","\ud83c\udf75"]', m.Call(-1, "f", Raw(rb'["\ud83c\udf75"]'), positional=True)),
    ],
)
def test_half_of_a_surrogate_pair_is_refused_alone(text, command):
    assert say(joined(), text) == [("/", command)]


@pytest.mark.parametrize("text", [r'42["f","\ud800"', r'42{"a":"\ud800"}', r'41["\ud800"]', r'42["connect","\ud800"]'])
def test_half_of_a_surrogate_pair_excuses_nothing_else(text):
    with pytest.raises(ProtocolError):
        say(joined(), text)


@pytest.mark.parametrize(
    ("fields", "resume", "caught_up"),
    [
        ("", None, ""),
        ('{"token":"t"}', None, ""),
        ('{"pid":"p"}', "p", ""),
        ('{"pid":"p","offset":"era:5"}', "p", "era:5"),
        ('{"pid":"p","offset":"what somebody said"}', "p", "what somebody said"),
        ('{"pid":[],"offset":7}', None, ""),
    ],
)
def test_who_may_recover_shows_what_it_was_told_last(fields, resume, caught_up):
    [(_, command)] = say(decoder(recoverable=True), f"40{fields}")
    assert (command.resume, command.caught_up, command.lasting) == (resume, caught_up, True)


def test_who_may_not_recover_shows_it_in_vain():
    [(_, command)] = say(decoder(), '40{"pid":"p","offset":"era:5"}')
    assert (command.resume, command.caught_up, command.lasting) == (None, None, False)
