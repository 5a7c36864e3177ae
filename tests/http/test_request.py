"""Requests, responses and their headers."""

from types import SimpleNamespace

import pytest

from everywire.http.request import Headers, Request, Response


@pytest.fixture
def headers():
    return Headers([("Host", "a"), ("Accept", "x, Y"), ("accept", " z ,,"), ("Empty", "")])


def request(target="/", *fields):
    return Request("GET", target, Headers(fields))


def test_headers_are_found_without_regard_to_case(headers):
    assert headers["HOST"] == "a"
    assert headers.get("hOsT") == "a"
    assert "host" in headers
    assert "Nothing" not in headers
    assert 1 not in headers


def test_the_first_of_several_values_and_all_of_them(headers):
    assert headers["accept"] == "x, Y"
    assert headers.get_all("Accept") == ["x, Y", " z ,,"]


def test_a_missing_header(headers):
    assert headers.get("nothing") is None
    assert headers.get("nothing", "else") == "else"
    assert headers.get_all("nothing") == []
    assert headers.tokens("nothing") == []
    with pytest.raises(KeyError):
        headers["nothing"]


def test_tokens_are_split_trimmed_and_lowered(headers):
    assert headers.tokens("accept") == ["x", "y", "z"]
    assert headers.tokens("empty") == []


def test_headers_keep_order_and_spelling(headers):
    assert list(headers) == [("Host", "a"), ("Accept", "x, Y"), ("accept", " z ,,"), ("Empty", "")]
    assert len(headers) == 4
    assert headers == Headers(list(headers))
    assert headers != Headers()
    assert repr(Headers([("A", "b")])) == "Headers([('A', 'b')])"


def test_what_get_all_gives_is_the_callers_own(headers):
    headers.get_all("accept").clear()
    assert len(headers.get_all("accept")) == 2


@pytest.mark.parametrize(
    ("target", "path", "query", "params"),
    [
        ("/", "/", "", {}),
        ("/a%20b/%C3%A4", "/a b/ä", "", {}),
        ("/a?x=1&y=%20&x=2&z=", "/a", "x=1&y=%20&x=2&z=", {"x": ["1", "2"], "y": [" "], "z": [""]}),
        ("/a?b?c", "/a", "b?c", {"b?c": [""]}),
        ("*", "*", "", {}),
    ],
)
def test_the_parts_of_a_target(target, path, query, params):
    found = request(target)
    assert (found.target, found.path, found.query, found.params) == (target, path, query, params)


@pytest.mark.parametrize(
    ("values", "cookies"),
    [
        ([], {}),
        (["a=1"], {"a": "1"}),
        (['a=1; b="2";c=3=4'], {"a": "1", "b": "2", "c": "3=4"}),
        (["a=1", "b=2"], {"a": "1", "b": "2"}),
        (["nonsense; a="], {"a": ""}),
    ],
)
def test_cookies(values, cookies):
    assert request("/", *(("Cookie", value) for value in values)).cookies == cookies


def test_facts_come_from_the_connection_below():
    found = request()
    assert (found.remote, found.secure) == (None, False)
    found.facts = SimpleNamespace(extra={"peername": ("::1", 5), "ssl_object": object()}.get)
    assert (found.remote, found.secure) == (("::1", 5), True)


def test_a_request_is_read_again_from_its_head():
    found = Request.from_head(b"GET /a?b HTTP/1.1\r\nHost: a\r\nX:\ty:z \r\n\r\n")
    assert found.headers == Headers([("Host", "a"), ("X", "y:z")])
    assert (found.method, found.path, found.query, found.version) == ("GET", "/a", "b", "1.1")


def test_a_folded_request_is_read_again_from_the_bytes_it_came_as():
    found = Request.from_head(b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n")
    assert found.headers["host"] == "a"
    found.fold()
    assert (found.headers["host"], found.headers.get("x"), len(found.headers)) == ("a", "y", 2)
    found.fold()
    assert list(found.headers) == [("Host", "a"), ("X", "y")]


def test_a_folded_request_that_never_was_bytes_keeps_its_fields():
    found = request("/", ("Host", "a"))
    assert found.headers["host"] == "a"
    found.fold()
    assert found.headers["host"] == "a"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (Response(200, b"hi"), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        (
            Response(200, "ä"),
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\n\xc3\xa4",
        ),
        (
            Response(200, "{}", [("Content-Type", "application/json")]),
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        ),
        (Response(204), b"HTTP/1.1 204 No Content\r\n\r\n"),
        (Response(304), b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        (
            Response(101, headers=[("Upgrade", "websocket")]),
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        ),
        (Response(799), b"HTTP/1.1 799 \r\nContent-Length: 0\r\n\r\n"),
        (Response(200, reason="Fine"), b"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n"),
    ],
)
def test_a_response_in_bytes(response, expected):
    assert response.encode() == expected


def test_the_last_response_of_a_connection_says_so():
    assert b"\r\nConnection: close\r\n" in Response(400).encode(close=True)
    assert b"close" not in Response(101).encode(close=True)


def test_the_answer_to_head_has_the_length_but_not_the_body():
    assert Response(200, b"hi").encode(head_only=True) == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\0"])
def test_a_header_value_cannot_split_the_response(value):
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        Response(200, headers=[("X", value)]).encode()


@pytest.mark.parametrize("name", ["A\r\nSet-Cookie", "A\n", "A: b\r\nC", "A\0"])
def test_a_header_name_cannot_split_the_response(name):
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        Response(200, headers=[(name, "value")]).encode()


def test_a_reason_phrase_cannot_split_the_response():
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        Response(200, reason="OK\r\nSet-Cookie: a=b").encode()


def test_a_response_shows_itself():
    assert repr(Response(404)) == "<Response 404 Not Found>"


def test_no_answer_says_of_its_body_what_is_not_so():
    for fields in ([("Content-Length", "3")], [("Transfer-Encoding", "chunked")]):
        with pytest.raises(ValueError):
            Response(200, b"ab", fields).encode()
    assert Response(200, b"ab", [("Content-Length", "2")]).encode().endswith(b"\r\n\r\nab")
    assert b"Content-Length: 7\r\n\r\n" in Response(200, b"", [("Content-Length", "7")]).encode(head_only=True)


@pytest.mark.parametrize("status", [204, 304])
def test_what_has_no_body_is_written_without(status):
    assert Response(status, b"left over").encode().endswith(b"\r\n\r\n")
