"""Responses whose fields are bytes."""

import pytest

from everywire.http.raw import Head, RawResponse, RawStreamed


def head(status=200, *fields, length=None, closes=False):
    made = Head(status, list(fields), [(b"server", b"s")], b"server: s\r\n")
    made.length, made.closes = length, closes
    return made


def test_a_response():
    answer = RawResponse(head(200, (b"a", b"\xe9")), b"body")
    assert answer.encode() == b"HTTP/1.1 200 OK\r\na: \xe9\r\nserver: s\r\ncontent-length: 4\r\n\r\nbody"
    assert list(answer.headers) == [("a", "\xe9"), ("server", "s")]
    assert (answer.status, answer.reason, answer.closes, repr(answer)) == (200, "OK", False, "<Response 200 OK>")


def test_a_length_of_its_own():
    assert RawResponse(head(200, (b"content-length", b"1"), length=1), b"x").encode().count(b"content-length") == 1


@pytest.mark.parametrize(("closes", "count"), [(False, 1), (True, 0)])
def test_the_end_of_the_connection_is_said_once(closes, count):
    assert RawResponse(head(closes=closes), b"").encode(close=True).count(b"connection: close") == count


def test_to_a_head_request():
    assert RawResponse(head(), b"").encode(head_only=True) == b"HTTP/1.1 200 OK\r\nserver: s\r\n\r\n"
    assert RawResponse(head(), b"abc").encode(head_only=True).endswith(b"content-length: 3\r\n\r\n")


def test_a_status_of_no_name():
    assert RawResponse(head(299), b"").encode().startswith(b"HTTP/1.1 299 \r\n")


def test_a_streamed_one():
    answer = RawStreamed(head(), lambda outlet: None, lambda: None)
    assert answer.head(chunked=True, close=False).endswith(b"server: s\r\ntransfer-encoding: chunked\r\n\r\n")
    assert answer.head(chunked=False, close=True).endswith(b"server: s\r\nconnection: close\r\n\r\n")
    assert (answer.sized, answer.closes, answer.reason) == (False, False, "OK")
    assert answer.headers["server"] == "s"
    assert RawStreamed(head(length=0), lambda outlet: None, lambda: None).sized
