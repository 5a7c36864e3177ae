"""The head of a response whose body comes over time."""

import pytest

from everywire.http.streamed import Streamed


def test_a_chunked_head():
    response = Streamed(200, lambda outlet: None, [("X", "y")])
    assert response.head(chunked=True, close=False) == b"HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert repr(response) == "<Streamed 200 OK>"


def test_a_head_whose_body_ends_with_the_connection():
    assert Streamed(200, lambda outlet: None).head(chunked=False, close=True) == (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    )


def test_a_head_that_would_be_split():
    with pytest.raises(ValueError):
        Streamed(200, lambda outlet: None, [("X", "a\nb")]).head(chunked=True, close=False)
