"""Which coding a client accepts, and bodies in it."""

import gzip
import zlib

import pytest

from everywire.http.coding import accepted, coded
from everywire.http.request import Headers, Request


@pytest.mark.parametrize(
    ("fields", "coding"),
    [
        ([], None),
        ([""], None),
        (["gzip, deflate, br"], "gzip"),
        (["deflate, gzip"], "gzip"),
        (["GZIP"], "gzip"),
        (["br", "deflate"], "deflate"),
        (["gzip;q=0.5, deflate"], "deflate"),
        (["gzip ; q=0.5, deflate; q=0.4"], "gzip"),
        (["gzip;q=0"], None),
        (["gzip;q=0, *"], "deflate"),
        (["*"], "gzip"),
        (["*;q=0"], None),
        (["identity"], None),
        (["gzip;q=x"], None),
        (["gzip;q=nan"], None),
        (["gzip;level=9"], None),
        (["x-gzip"], None),
    ],
)
def test_the_coding_that_a_client_likes_best(fields, coding):
    assert accepted(Request("GET", "/", Headers([("Accept-Encoding", value) for value in fields]))) == coding


def test_a_body_in_each():
    body = b"abc" * 1000
    assert gzip.decompress(coded(body, "gzip")) == body
    assert zlib.decompress(coded(body, "deflate")) == body  # RFC 9110 8.4.1.2
    assert len(coded(body, "gzip")) < 100
