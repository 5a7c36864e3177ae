"""Answers, and what goes with each of them."""

import pytest
from tests.transports.outlets import Sink

from everywire.dialects.base import Reply, told_plainly
from everywire.gateway.exchange import Exchange, remembered
from everywire.http.request import Headers, Request
from everywire.payloads import BodyFormat

THERE = "https://there.example"
ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff", "vary": "Origin"}


def exchange():
    return Exchange(Request("GET", "/", Headers([("Host", "here"), ("Origin", THERE)])), [THERE], told_plainly)


def test_no_answer_is_cached_guessed_or_read_by_others():
    start = object()
    here = exchange()
    answers = [here.reply(Reply(204)), here.deny(404, 0, "nothing"), here.whole("a/b", b""), here.stream("a/b", start)]
    for answer in answers:
        fields = {name.lower(): value for name, value in answer.headers}
        assert fields.items() >= ALWAYS.items()
        assert fields["access-control-allow-origin"] == THERE
    assert [answer.status for answer in answers] == [204, 404, 200, 200]
    assert answers[3].start is start
    assert answers[3].headers["x-accel-buffering"] == "no"


def test_a_language_may_have_fields_of_its_own():
    request = Request("GET", "/", Headers([("Host", "here")]))
    own = (("Cache-Control", "no-store, no-cache"), ("Set-Cookie", "a=b"))
    here = Exchange(request, None, told_plainly, own)
    for answer in (
        here.reply(Reply(204)),
        here.whole("a/b", b""),
        here.stream("a/b", object()),
        exchange().reply(Reply(204, b"", own)),
    ):
        assert answer.headers.get_all("cache-control") == ["no-store, no-cache"]
        assert answer.headers.get_all("set-cookie") == ["a=b"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("one_shot", [True, False])
def test_the_last_words_of_a_body_may_be_all_of_it(one_shot):
    form = BodyFormat(
        "a/b", lambda payloads: b"", lambda code, reason: f"{code} {reason}".encode(), b"hello ", one_shot=one_shot
    )
    answer = exchange().farewell(form, 4000, "bye")
    if one_shot:
        assert answer.body == b"4000 bye"
        return
    sink = Sink()
    producer = answer.start(sink)
    producer.drained()
    producer.gone()
    assert (sink.pieces, sink.over) == ([b"hello ", b"4000 bye"], "ended")


@pytest.mark.parametrize(
    ("compress", "accepts", "coding"),
    [(10, "gzip", "gzip"), (11, "gzip", None), (10, "br", None), (None, "gzip", None), (0, "deflate", "deflate")],
)
def test_a_body_is_compressed_from_a_size_on_where_its_client_accepts_that(compress, accepts, coding):
    request = Request("GET", "/", Headers([("Host", "here"), ("Accept-Encoding", accepts)]))
    answer = Exchange(request, None, told_plainly).whole("a/b", b"0123456789", compress)
    assert answer.headers.get("content-encoding") == coding
    assert (answer.body == b"0123456789") is (coding is None)


def test_a_refusal_in_the_dialect_s_words():
    assert exchange().deny(404, 0, "nothing").body == b"nothing\n"


def test_a_request_outlives_its_connection():
    class Facts:
        peer = ("192.0.2.1", 1)

        def extra(self, name):
            return {"peername": self.peer, "ssl_object": object()}[name]

    request = Request("POST", "/x?y", Headers([("A", "b")]), body=b"much")
    request.facts, request.user = Facts(), "ann"
    copy = remembered(request)
    Facts.peer = None  # the connection is gone
    assert (copy.method, copy.target, copy.headers["a"], copy.body, copy.user) == ("POST", "/x?y", "b", b"", "ann")
    assert (copy.remote, copy.secure) == (("192.0.2.1", 1), True)
