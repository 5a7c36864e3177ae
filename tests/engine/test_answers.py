"""What errors lead to."""

import asyncio

from everywire.engine.answers import excuse, given_up, refusal
from everywire.errors import AbortHandshake, HandshakeError
from everywire.http.request import Headers, Request


def test_a_refusal_says_why():
    answer = refusal(AbortHandshake(503, "not now", (("Retry-After", "1"),)))
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (503, b"not now\n", "1")
    assert "connection" not in answer.headers


def test_the_last_word_on_a_connection():
    assert refusal(HandshakeError("no"), last=True).headers["connection"] == "close"
    assert "connection" not in refusal(AbortHandshake(426, "no"), last=True).headers


def test_an_error_of_ours_is_told_in_the_log_alone(caplog):
    answer = excuse(Request("GET", "/a?token=x", Headers()), ZeroDivisionError("why"))
    assert (answer.status, answer.body) == (500, b"internal error")
    assert "ZeroDivisionError" in caplog.text


async def test_an_error_of_what_nobody_waits_for_is_logged(caplog):
    failed = asyncio.get_running_loop().create_future()
    failed.set_exception(ZeroDivisionError())
    given_up(Request("GET", "/a", Headers()), failed)
    assert "nobody waits" in caplog.text
