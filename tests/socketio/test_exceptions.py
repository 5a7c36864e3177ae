"""What is raised here is what python-socketio calls so."""

import builtins

import pytest

from everywire.socketio import exceptions


@pytest.mark.parametrize(
    ("given", "message", "data"),
    [
        ((), "Connection rejected by server", None),
        ((1,), "1", None),
        (("no", 2), "no", 2),
        (("no", 2, 3), "no", [2, 3]),
    ],
)
def test_a_refusal_has_a_message_and_data(given, message, data):
    no = exceptions.refused(exceptions.ConnectionRefusedError(*given))
    assert (no.reason, no.data, no.code) == (message, data, 103)


def test_a_timeout_is_what_python_calls_so_too():
    assert issubclass(exceptions.TimeoutError, builtins.TimeoutError)
    assert issubclass(exceptions.TimeoutError, exceptions.SocketIOError)
