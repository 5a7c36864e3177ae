"""Calls whose arguments have positions instead of names."""

import pytest

from everywire import messages as m
from everywire.app import Everywire
from everywire.messages import Raw
from everywire.testing import Net, Refusal


@pytest.fixture
def client():
    app = Everywire()
    app.on("add", inline=True)(lambda a, b: a + b)
    with Net(app) as net:
        yield net.connect()


def call(client, data, **fields):
    client.line.attachment.receive(m.Call(99, "add", Raw(data), **fields))
    return client.answer(99)


def test_arguments_come_in_their_order(client):
    assert call(client, b"[1,2]", positional=True)["data"] == 3
    assert call(client, b'{"a":1,"b":2}')["data"] == 3


def test_too_many_are_refused(client):
    with pytest.raises(Refusal, match=r"^107 bad request: at most 2 arguments, not 3"):
        call(client, b"[1,2,3]", positional=True)
