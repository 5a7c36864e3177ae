"""Messages in HTTP bodies."""

import json

import pytest

from everywire.dialects.native.bodies import EVENT_STREAM, LINES, NAMED_EVENTS, POLL, denied, event, plain, said

TWO = ('{"a":1}', '{"b":\r\n2}')


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (LINES, b'{"a":1}\n{"b":  2}\n'),
        (EVENT_STREAM, b'data: {"a":1}\n\ndata: {"b":  2}\n\n'),
        (NAMED_EVENTS, b'data: {"a":1}\n\ndata: {"b":  2}\n\n'),
        (POLL, b'[{"a":1},{"b":\r\n2}]'),
    ],
)
def test_two_messages(form, body):
    assert form.pack(TWO) == body


def test_nothing():
    assert (LINES.pack(()), POLL.pack(())) == (b"", b"[]")


@pytest.mark.parametrize(
    ("form", "before", "after"),
    [
        (LINES, b"", b"\n"),
        (EVENT_STREAM, b"data: ", b"\n\n"),
        (NAMED_EVENTS, b"event: close\ndata: ", b"\n\n"),
    ],
)
def test_the_last_word(form, before, after):
    said = form.goodbye(4404, 'out\n"')
    assert said == before + b'{"type":"close","code":4404,"reason":"out\\n\\""}' + after


def test_an_event_has_a_name_and_maybe_an_id():
    assert event("join", b"{}") == b"event: join\ndata: {}\n\n"
    assert event("join", b"{\n}", "a:1") == b"event: join\ndata: { }\nid: a:1\n\n"


def test_answers():
    assert json.loads(said(200, {"a": 1}).body) == {"a": 1}
    assert json.loads(denied(403, 103, "no").body) == {"code": 103, "reason": "no"}
    assert plain(200, "x").headers == (("Content-Type", "application/json"),)
