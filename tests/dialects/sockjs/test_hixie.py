"""The handshake of 2010, as its draft has it (hixie-76, 1.3)."""

import pytest

from everywire.dialects.base import Bygone
from everywire.dialects.sockjs import hixie
from everywire.http.request import Headers, Request

KEYS = {"Sec-WebSocket-Key1": "4 @1  46546xW%0l 1 5", "Sec-WebSocket-Key2": "12998 5 Y3 1  .P00"}


def request(**fields):
    return Request(
        "GET", "/demo?x", Headers([("Host", "example.com"), ("Origin", "http://example.com"), *fields.items()])
    )


def test_the_draft_s_example():
    found = hixie.greeting(request(**KEYS))
    assert isinstance(found, Bygone)
    assert (found.count, found.answer(b"^n:ds[4U")) == (8, b"8jKS'y:G*Co,Wxa-" + b"\xff\x00")
    assert found.head.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Location: ws://example.com/demo?x\r\n" in found.head
    assert b"\r\nSec-WebSocket-Origin: http://example.com\r\n" in found.head
    assert found.head.endswith(b"\r\n\r\n")
    assert found.refusal.status == 426


def test_which_handshakes_it_is():
    assert hixie.asked(request(**KEYS))
    assert not hixie.asked(request(**KEYS, **{"Sec-WebSocket-Version": "13"}))
    assert not hixie.asked(request(**{"Sec-WebSocket-Key1": "1 1"}))


@pytest.mark.parametrize("key", ["", "no digits ", "12345", "1 2 3", "9" * 30 + " ", "1 " + "9" * 5000])
def test_what_is_no_key(key):
    assert hixie.greeting(request(**KEYS | {"Sec-WebSocket-Key1": key})).status == 426
