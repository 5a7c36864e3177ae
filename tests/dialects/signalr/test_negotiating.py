"""The request before all others."""

import json

import pytest

from everywire import messages as m
from everywire.dialects.signalr.negotiating import Fault, connecting, flag, offer, parameters, token, version
from everywire.http.request import Headers, Request


def asked(query="", *fields):
    return Request("POST", f"/hub/negotiate?{query}", Headers(fields))


def test_names_of_parameters_have_no_case():
    params = parameters(asked("NegotiateVersion=1&ID=a.b&UseStatefulReconnect=True&x=1&X=2"))
    assert params == {"negotiateversion": "1", "id": "a.b", "usestatefulreconnect": "True", "x": "1,2"}
    assert flag(params, "usestatefulreconnect")
    assert not flag(params, "x")
    assert not flag(params, "y")


@pytest.mark.parametrize(
    ("given", "number"), [(None, 0), ("0", 0), ("1", 1), ("2", 1), ("999999999", 1), (" 1 ", 1), ("+1", 1)]
)
def test_versions(given, number):
    assert version({} if given is None else {"negotiateversion": given}) == number


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("Spookey", "The client requested an invalid protocol version 'Spookey'"),
        ("", "The client requested an invalid protocol version ''"),
        ("1,1", "The client requested an invalid protocol version '1,1'"),
        ("1.0", "The client requested an invalid protocol version '1.0'"),
        ("²", "The client requested an invalid protocol version '²'"),
        ("9" * 5000, f"The client requested an invalid protocol version '{'9' * 64}'"),
        ("-1", "The client requested version '-1', but the server does not support this version."),
    ],
)
def test_versions_that_there_are_not(given, reason):
    with pytest.raises(Fault) as fault:
        version({"negotiateversion": given})
    assert str(fault.value) == reason


@pytest.mark.parametrize(
    ("query", "fields", "shown"),
    [
        ("", [], None),
        ("access_token=t", [], "t"),
        ("Access_Token=", [], None),
        ("", [("Authorization", "Bearer t")], "t"),
        ("access_token=q", [("Authorization", "bearer t")], "t"),
        ("access_token=q", [("Authorization", "Basic x")], "q"),
        ("access_token=q", [("Authorization", "Bearer ")], "q"),
        ("", [("Authorization", "Bearer t"), ("Authorization", "Bearer u")], None),
    ],
)
def test_what_a_client_shows(query, fields, shown):
    request = asked(query, *fields)
    assert token(request, parameters(request)) == shown


def test_without_a_key_a_session_begins_and_ends_with_its_line():
    assert connecting({}, "t", "/hub", "anew") == m.Connect("connect", "t", space="/hub", name="anew", lasting=False)


def test_a_key_opens_the_session_that_it_names():
    key = "0123456789abcDEF_-"
    connect = connecting({"session": key}, "t", "/hub", "anew")
    assert connect == m.Connect("connect", "t", space="/hub", name="ktsZ1qNAztBeDptkAqW8-S2", keyed=True, lasting=True)
    assert connect == connecting({"session": key}, "t", "/hub", "other")
    assert connect.name != connecting({"session": key + "0"}, "t", "/hub").name
    assert key not in repr(connect)


@pytest.mark.parametrize("key", ["", "x" * 15, "x" * 129, "x" * 15 + ".", "x" * 16 + "\n", "ü" * 16])
def test_keys_that_could_be_guessed_or_are_none(key):
    with pytest.raises(Fault, match="session is a key of 16 to 128 characters"):
        connecting({"session": key}, None, "/hub")


WHOLE = [
    {"transport": "WebSockets", "transferFormats": ["Text", "Binary"]},
    {"transport": "ServerSentEvents", "transferFormats": ["Text"]},
    {"transport": "LongPolling", "transferFormats": ["Text", "Binary"]},
]


def offered(params, transports=("LongPolling", "ServerSentEvents", "WebSockets"), *, stateful=False):
    reply = offer("n.secret", "s1", params, transports, stateful=stateful)
    assert (reply.status, reply.headers) == (200, (("Content-Type", "application/json"),))
    return json.loads(reply.body)


def test_what_is_offered():
    assert offered({"negotiateversion": "1"}) == {
        "negotiateVersion": 1,
        "connectionId": "s1",
        "connectionToken": "n.secret",
        "availableTransports": WHOLE,
    }
    assert offered({}) == {"negotiateVersion": 0, "connectionId": "n.secret", "availableTransports": WHOLE}
    assert offered({}, ["LongPolling"])["availableTransports"] == WHOLE[2:]
    assert offered({"negotiateversion": "1"}, stateful=True)["useStatefulReconnect"] is True
