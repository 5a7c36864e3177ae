"""Close codes, and the exceptions that stand for how a connection ended."""

import json
from pathlib import Path

import pytest

from everywire import errors
from everywire.errors import CloseCode, ProtocolError

CODES = json.loads((Path(__file__).parent / "contracts" / "close_codes.json").read_text())
ON_THE_WIRE = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
NEVER_ON_THE_WIRE = [-1, 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535, 65536]


@pytest.mark.parametrize("code", ON_THE_WIRE)
def test_a_close_frame_may_carry(code):
    assert errors.sendable(code)


@pytest.mark.parametrize("code", NEVER_ON_THE_WIRE)
def test_a_close_frame_may_not_carry(code):
    assert not errors.sendable(code)


@pytest.mark.parametrize(("kind", "expected"), [("reconnects", True), ("final", False)])
def test_which_codes_let_a_client_come_back(kind, expected):
    """The JavaScript client's tests read the same file."""
    assert {code: errors.reconnectable(code) for code in CODES[kind]} == dict.fromkeys(CODES[kind], expected)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1000, errors.ConnectionClosedOK),
        (1001, errors.ConnectionClosedOK),
        (1005, errors.ConnectionClosedOK),
        (1002, errors.ConnectionClosedError),
        (1006, errors.ConnectionClosedError),
        (1011, errors.ConnectionClosedError),
        (3000, errors.ConnectionClosedError),
    ],
)
def test_the_exception_of_a_closed_connection(code, kind):
    error = errors.closed(code, "why")
    assert type(error) is kind
    assert (error.code, error.reason) == (code, "why")
    assert str(error) == f"connection closed: {code} why"
    assert isinstance(error, errors.ConnectionClosed)


def test_an_ending_without_reason_has_no_loose_end():
    assert str(errors.closed(1006)) == "connection closed: 1006"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProtocolError("x"), 1002),
        (ProtocolError("x", CloseCode.INVALID_DATA), 1007),
        (errors.MessageTooBig("x"), 1009),
    ],
)
def test_what_the_peer_did_wrong_has_a_close_code(error, code):
    assert (error.reason, error.code) == ("x", code)
    assert type(error.code) is int


def test_a_refusal_says_whether_it_passes():
    assert not errors.Refused("no", 103).temporary
    assert errors.Refused("later", 109, temporary=True).temporary


def test_a_refusal_may_say_more():
    assert errors.Refused("no").data is None
    assert errors.Refused("no", 1000, data={"left": 1}).data == {"left": 1}


def test_a_client_that_declines_says_why():
    declined = errors.Declined("not now", 1234)
    assert (declined.reason, declined.code, str(declined)) == ("not now", 1234, "1234 not now")


def test_a_failed_handshake_keeps_its_status():
    error = errors.AbortHandshake(426, "no", (("Upgrade", "websocket"),))
    assert isinstance(error, errors.HandshakeError)
    assert (error.status, error.reason, error.headers) == (426, "no", (("Upgrade", "websocket"),))
    assert errors.HandshakeError("no").status is None


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name[0].isupper() and name != "CloseCode"])
def test_every_exception_is_an_everywire_error(name):
    assert issubclass(getattr(errors, name), errors.EverywireError)
