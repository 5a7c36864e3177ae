"""Reading requests and responses within limits."""

import gc
import itertools

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everywire.http.head import BadRequest, HeadLimits, RequestReader, ResponseReader
from everywire.http.request import Headers, Request

PLAIN = b"GET /a?b HTTP/1.1\r\nHost: x\r\nX: \xe4\r\n\r\n"
POSTED = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def reader(**limits):
    return RequestReader(HeadLimits(**limits))


def requests(pieces):
    """Feed `pieces` to one reader; give each request as (method, target, body), and what is left over."""
    reading, found = reader(), []
    for piece in pieces:
        request = reading.feed(piece)
        while request is not None:
            found.append((request.method, request.target, request.body))
            rest, reading.rest = reading.rest, b""
            request = reading.feed(rest) if rest else None
    return found, reading.rest


def split(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


OF_ALL_KINDS = (
    PLAIN,
    POSTED,
    CHUNKED,
    UPGRADE,
    b"HEAD /b HTTP/1.0\r\n\r\n",
    b"GET /c HTTP/1.0\r\nConnection: keep-alive\r\nHost: y\r\n\r\n",
    b"GET http://there/d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /h HTTP/1.1\r\nHost: x\r\nProxy-Connection: close\r\n\r\n",
    b"POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n1\r\na\r\n0\r\nT: u\r\n\r\n",
    b"POST /f HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\nz",
    b"PUT /g HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
)


def shape(request):
    return request.method, request.target, request.version, list(request.headers), request.body


def refused(data, **limits):
    with pytest.raises(BadRequest) as caught:
        reader(**limits).feed(data)
    return caught.value.status


def test_a_request():
    request = reader().feed(PLAIN)
    assert (request.method, request.target, request.version, request.body) == ("GET", "/a?b", "1.1", b"")
    assert request.headers == Headers([("Host", "x"), ("X", "ä")])


@given(st.lists(st.sampled_from(OF_ALL_KINDS), max_size=6))
def test_a_request_leaves_nothing_behind_for_the_next_one(sent):
    reading = reader()
    for data in sent:
        assert shape(reading.feed(data)) == shape(reader().feed(data))
        assert reading.rest == b""


@given(st.lists(st.sampled_from(OF_ALL_KINDS), max_size=6), st.lists(st.integers(0, 700), max_size=9), st.booleans())
def test_requests_are_the_same_however_they_come(sent, cuts, streamed):
    reading, found = RequestReader(HeadLimits(), streamed=streamed), []
    for piece in split(b"".join(sent), sorted(cuts)):
        request = reading.feed(piece)
        while True:
            if request is not None:
                found.append((request, request.incoming))
            if reading.incoming is not None or not reading.rest:
                break
            rest, reading.rest = reading.rest, b""
            if (request := reading.feed(rest)) is None and reading.rest == rest:
                break
    bodies = [request.body if incoming is None else incoming.take() for request, incoming in found]
    wanted = [shape(reader().feed(data)) for data in sent]
    assert [(*shape(request)[:4], body) for (request, _), body in zip(found, bodies, strict=True)] == wanted


def test_a_reader_that_has_ended_is_nobodys_to_look_for():
    def parsers():
        return sum(issubclass(type(thing), httptools.HttpRequestParser) for thing in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = parsers()
        for data in (PLAIN, POSTED[:-1]):
            reading = reader()
            reading.feed(data)
            assert parsers() == before + 1
            reading.end()
            del reading
            assert parsers() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("length", [1 << 63, 1 << 64, (1 << 64) + 5])
def test_a_length_that_no_machine_has_is_refused(length):
    data = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nhello" % length
    assert refused(data, body=1 << 40) in (400, 413)


def test_nothing_before_the_head_is_complete():
    reading = reader()
    for end in range(1, len(PLAIN)):
        assert reading.feed(PLAIN[end - 1 : end]) is None
    assert reading.feed(PLAIN[-1:]) is not None


@pytest.mark.parametrize("data", [POSTED, CHUNKED])
def test_a_body(data):
    assert requests([data]) == ([("POST", "/", b"hello")], b"")


@given(st.lists(st.integers(0, 500)))
def test_requests_however_the_bytes_are_cut(cuts):
    expected = [("GET", "/a?b", b""), ("POST", "/", b"hello"), ("POST", "/", b"hello"), ("GET", "/a?b", b"")]
    assert requests(split(PLAIN + POSTED + CHUNKED + PLAIN, cuts)) == (expected, b"")


def test_what_follows_an_upgrade_is_left_alone():
    reading = reader()
    assert reading.feed(UPGRADE + b"\x81\x00").target == "/"
    assert reading.rest == b"\x81\x00"
    assert reading.head == UPGRADE


def test_empty_lines_before_a_request_are_ignored():  # RFC 9112 2.2
    for pieces in ([b"\r\n", b"\r\n" + PLAIN], [b"\r\n\r\n\r\n" + PLAIN], [b"\r", b"\n", PLAIN], [PLAIN + b"\r\n"]):
        assert requests(pieces) == ([("GET", "/a?b", b"")], b"")


def test_an_old_request_needs_no_host():
    assert reader().feed(b"GET / HTTP/1.0\r\n\r\n").version == "1.0"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400),
        (b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_what_is_no_acceptable_request(data, status):
    assert refused(data) == status


@pytest.mark.parametrize("asks", ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"])
def test_a_target_that_names_its_host_is_a_path_and_that_host_counts(asks):  # RFC 9112 3.2.2
    reading = reader()
    request = reading.feed(f"GET http://real:81/p?q HTTP/1.1\r\nX: y\r\nHost: other\r\n{asks}\r\n".encode())
    again = Request.from_head(reading.head)  # as a connection does that keeps nothing else
    for each in (request, again):
        assert (each.method, each.target, each.version, each.headers["x"]) == ("GET", "/p?q", "1.1", "y")
        assert each.headers.get_all("host") == ["real:81"]
    assert again.headers == request.headers


def test_an_old_request_has_the_host_of_its_target():
    reading = reader()
    assert reading.feed(b"GET http://real HTTP/1.0\r\n\r\n").headers["host"] == "real"
    assert Request.from_head(reading.head).headers["host"] == "real"


def test_options_may_ask_about_the_server_as_a_whole():
    assert reader().feed(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").target == "*"


def test_space_around_a_value_is_none_of_it():
    found, rest = requests([POSTED.replace(b": 5", b":\t 5 \t") + CHUNKED.replace(b"chunked", b"Chunked  ")])
    assert (found, rest) == ([("POST", "/", b"hello")] * 2, b"")
    assert reader().feed(PLAIN.replace(b"X: \xe4", b"X: a \xe4 \t")).headers["x"] == "a ä"


def test_a_head_may_have_exactly_the_limit():
    assert reader(head=len(PLAIN)).feed(PLAIN) is not None
    assert refused(PLAIN, head=len(PLAIN) - 1) == 431


def test_an_endless_head_is_refused_before_it_ends():
    reading = reader(head=100)
    assert reading.feed(b"GET / HTTP/1.1\r\n") is None
    with pytest.raises(BadRequest) as caught:
        for _ in range(100):
            assert reading.feed(b"a: b\r\n") is None
    assert caught.value.status == 431


def test_what_does_not_even_begin_like_a_request_is_not_waited_for():
    assert refused(b"\x16\x03\x01\x02") == 400


def test_too_many_fields():
    fields = b"".join(b"a%d: b\r\n" % i for i in range(3))
    assert refused(b"GET / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n", fields=3) == 431
    assert reader(fields=4).feed(b"GET / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n") is not None


@pytest.mark.parametrize("data", [POSTED, CHUNKED])
def test_a_body_beyond_the_limit(data):
    assert reader(body=5).feed(data).body == b"hello"
    assert refused(data, body=4) == 413


def test_a_body_that_says_its_length_is_refused_before_it_comes():
    assert refused(POSTED[:-5], body=4) == 413


ANSWER = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


@given(st.lists(st.integers(0, 500)))
def test_a_response_however_the_bytes_are_cut(cuts):
    reading = ResponseReader(HeadLimits())
    found, behind = None, b""
    for piece in split(ANSWER + b"\x81\x00", cuts):
        if found is None:
            found = reading.feed(piece)
        else:
            behind += piece
    assert found == (101, "Switching Protocols", Headers([("Upgrade", "websocket"), ("Connection", "Upgrade")]))
    assert reading.rest + behind == b"\x81\x00"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"x" * 20000,
    ],
)
def test_what_is_no_response(data):
    with pytest.raises(BadRequest):
        ResponseReader(HeadLimits()).feed(data)


def test_a_response_head_is_bounded_however_it_comes():
    fields = b"".join(b"a%d: %s\r\n" % (i, b"x" * 100) for i in range(10))
    with pytest.raises(BadRequest, match="too large"):
        ResponseReader(HeadLimits(head=500)).feed(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n")


# What proxies on the way may understand otherwise

BODIED = "POST /a HTTP/1.1\r\nHost: x\r\n{}{}\r\n"
ASKS = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
INNER = b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("cuts", [[], [60], [105, 110], [*range(60, 150, 3)]])
def test_a_body_behind_an_upgrade_is_a_body_and_no_request(cuts):
    told = BODIED.format(ASKS, f"Content-Length: {len(INNER)}\r\n").encode() + INNER
    chunked = BODIED.format(ASKS, "Transfer-Encoding: chunked\r\n").encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (
        len(INNER),
        INNER,
    )
    for wire in (told, chunked):
        assert requests(split(wire + PLAIN, cuts)) == ([("POST", "/a", INNER), ("GET", "/a?b", b"")], b"")


def test_an_upgrade_without_a_body_leaves_the_rest_alone():
    for head in (UPGRADE, UPGRADE[:-2] + b"Content-Length: 0\r\n\r\n"):
        reading = reader()
        assert reading.feed(head + b"\x81").body == b""
        assert reading.rest == b"\x81"


def test_an_upgrade_with_a_body_keeps_its_head_and_obeys_the_limits():
    wire = BODIED.format(ASKS, "Content-Length: 5\r\n").encode() + b"hello"
    request = reader(fields=4).feed(wire)
    assert [name for name, _ in request.headers] == ["Host", "Connection", "Upgrade", "Content-Length"]
    assert refused(wire, body=4) == 413
    assert refused(BODIED.format(ASKS, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n").encode()) == 400


@pytest.mark.parametrize("name", [b"X-Forwarded-For", b"Origin", b"Cookie", b"Upgrade", b"Host", b"Authorization"])
def test_trailers_are_no_headers(name):
    wire = CHUNKED[:-2] + name + b": y\r\n\r\n"
    for pieces in ([wire], [wire[:-1], wire[-1:]], [wire[:95], wire[95:]]):
        reading = reader()
        found = [request for piece in pieces if (request := reading.feed(piece)) is not None]
        assert [list(request.headers) for request in found] == [[("Host", "x"), ("Transfer-Encoding", "chunked")]]


def test_what_means_something_else_to_others_is_refused():
    assert refused(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n") == 501
    assert refused(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400
    assert refused(b"GET / RTSP/1.1\r\nHost: x\r\n\r\n") == 505


def test_a_body_that_comes_has_time_that_one_that_does_not_has_not():
    limits = HeadLimits(rate=100)
    assert limits.patience(10, 0) == 10
    assert limits.patience(10, 1000) == 20
    reading = RequestReader(limits)
    reading.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
    assert reading.came == 3
    reading.feed(b"lo")
    assert reading.came == 0
