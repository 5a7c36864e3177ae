"""Heads of responses, and what a server adds to them."""

import pytest

from everywire.servers.host.heads import Common, checked, head


@pytest.fixture
def common():
    return Common(b"us", lambda: 1.5)


def test_the_date_is_written_once_a_second():
    now = 0.0
    common = Common(None, lambda: now)
    common.now()
    first = common.fields
    now = 0.9
    common.now()
    assert common.fields is first
    now = 1.0
    common.now()
    assert common.fields == [(b"date", b"Thu, 01 Jan 1970 00:00:01 GMT")]
    assert common.written == b"date: Thu, 01 Jan 1970 00:00:01 GMT\r\n"


def test_names_are_lowered(common):
    assert checked([(b"X-A", b"B"), (b"X-A", b"")]) == [(b"x-a", b"B"), (b"x-a", b"")]


def test_the_application_s_own_date_and_server(common):
    made = head(200, [(b"Server", b"mine")], common)
    assert made.common == [(b"date", b"Thu, 01 Jan 1970 00:00:01 GMT")]
    assert made.encode(b"").count(b"server") == 1
    assert head(200, [(b"date", b"x")], common).common == [(b"server", b"us")]


def test_what_is_said_of_body_and_connection(common):
    made = head(200, [(b"content-length", b"3"), (b"connection", b"x, Close"), (b"transfer-encoding", b"x")], common)
    assert (made.length, made.closes) == (3, True)
    assert made.fields == [(b"content-length", b"3"), (b"connection", b"x, Close")]


def test_without_a_body_it_has_no_length_either(common):
    assert b"content-length" not in head(204, [(b"content-length", b"3")], common).encode(b"")
    assert b"content-length" in head(304, [(b"content-length", b"3")], common).encode(b"")


@pytest.mark.parametrize("value", ["é", "х", "中"])
def test_utf8_is_text(common, value):
    assert checked([(b"x", value.encode())])


@pytest.mark.parametrize("value", [b"a\x85b", b"\xc2\x85", b"\xd1\x85\x85", b"\xd1\x85\n"])
def test_next_line_is_not(common, value):
    with pytest.raises(ValueError):
        checked([(b"x", value)])


@pytest.mark.parametrize("field", [("a", "b"), (b"a", "b"), ("a", b"b"), (b"a", None), None])
def test_what_is_no_field_is_named(field):
    with pytest.raises(TypeError, match="a header field is a name and a value, both bytes, not ") as caught:
        checked([(b"x", b"y"), field])
    assert repr(field) in str(caught.value)


def test_names_are_not_remembered_without_end():
    for number in range(3000):
        checked([(b"x-%d" % number, b"")])
    from everywire.servers.host import heads

    assert len(heads._names) <= 1024
