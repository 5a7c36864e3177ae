"""What a server said to a handshake that it refused."""

import pytest

from everywire.client.hub import Client
from everywire.client.refusal import refusal
from everywire.client.websocket import connect
from everywire.errors import HandshakeError
from everywire.http.request import Response
from everywire.servers.websocket import serve

URI = "ws://h/x"
WHY = "the server answered 403 Forbidden"


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"not you\n", "text/plain", f"{WHY} at {URI}: not you"),
        (b"one\r\ntwo", None, f"{WHY} at {URI}: one"),
        (b'{"code": 103, "reason": "not you"}', "application/json", f"{WHY} at {URI}: not you"),
        (b'{"detail": "Not Found"}', "application/json", f"{WHY} at {URI}: Not Found"),
        (b'{"detail": [1]}', "application/json", f'{WHY} at {URI}: {{"detail": [1]}}'),
        (b'{"detail": ', "application/json", f'{WHY} at {URI}: {{"detail":'),
        (b"<h1>No</h1>", "text/html; charset=utf-8", f"{WHY} at {URI}"),
        (b"", None, f"{WHY} at {URI}"),
        (b"a\x1b[2Jb\xff", None, f"{WHY} at {URI}: a\\x1b[2Jb\ufffd"),
        (b"x" * 999, None, f"{WHY} at {URI}: {'x' * 300}…"),
    ],
)
def test_the_error_names_the_address_and_what_was_said(body, kind, said):
    response = Response(403, body, [("Content-Type", kind)] if kind else [])
    error = refusal(HandshakeError(WHY, 403), URI, response)
    assert (str(error), error.reason, error.status, error.response) == (said, WHY, 403, response)


def test_what_opens_something_is_not_named():
    error = refusal(HandshakeError(WHY, 403), "wss://ann:secret@h/x?token=1", Response(403))
    assert str(error) == f"{WHY} at wss://...@h/x?token=..."


def test_an_answer_that_is_no_refusal_is_told_as_it_is():
    error = refusal(HandshakeError("the server answered 200 OK", 200), URI, Response(200, "a page"))
    assert str(error) == "the server answered 200 OK"


async def test_a_connection_and_a_client_tell_it():
    def no(request):
        return Response(403, "list it in `origins`\n")

    async with serve(on_message=print, host="127.0.0.1", process_request=no) as server:
        uri = f"ws://127.0.0.1:{server.port}/x"
        told = f"^the server answered 403 Forbidden at {uri}: list it in `origins`$"
        with pytest.raises(HandshakeError, match=told):
            await connect(uri)
        with pytest.raises(HandshakeError, match=told):
            await Client(uri, transports=["websocket"]).connect()
        with pytest.raises(HandshakeError, match=r"403 Forbidden at .*list it"):
            await Client(uri, transports=["stream"]).connect()
