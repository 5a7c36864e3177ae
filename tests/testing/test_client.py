"""The in-memory client."""

import pytest

from everywire.app import Everywire
from everywire.testing import Net, Refusal


@pytest.fixture
def net():
    app = Everywire()
    app.channel("c", history=5)
    with Net(app) as net:
        yield net


def test_answers_are_told_from_what_else_arrives(net):
    client = net.connect()
    client.subscribe("c")
    client.send("publish", channel="c", data=1)
    assert client.ask("ping")["type"] == "pong"
    assert [event["type"] for event in client.events()] == ["publication", "published"]


def test_a_test_decides_how_much_arrived_before_a_drop(net):
    client = net.connect()
    client.subscribe("c")
    for number in range(3):
        net.app.publish("c", number)
    assert [event["data"] for event in client.events(most=2)] == [0, 1]
    client.drop()
    assert client.events() == []


def test_refusals_and_missing_answers(net):
    client = net.connect()
    with pytest.raises(Refusal) as caught:
        client.subscribe("nowhere")
    assert (caught.value.code, caught.value.temporary) == (104, False)
    with pytest.raises(LookupError):
        client.answer(99)
