"""Rooms over several workers."""

import pytest

from everywire import socketio
from everywire.testing import Net, SharedBroker, VirtualLoop


class Worker:
    """A worker with an application of its own, and one client there."""

    def __init__(self, shared, loop, seed):
        self.sio = socketio.AsyncServer()
        self.net = Net(socketio.ASGIApp(self.sio, broker=shared.view, secret="x" * 16), seed, loop=loop)
        self.client = self.net.client()
        asked = self.client.send("connect")
        self.net.run()
        self.client.connected(self.client.answer(asked))

    def do(self, work):
        self.net.loop.run_until_complete(work)
        self.net.run(0.1)

    def heard(self):
        return [event["data"]["args"] for event in self.client.events("publication")]


@pytest.fixture
def workers():
    shared = SharedBroker()
    with VirtualLoop() as loop:
        workers = [Worker(shared, loop, seed) for seed in (1, 2)]
        with workers[0].net, workers[1].net:
            yield workers


def test_a_worker_speaks_to_the_clients_of_all_and_rules_their_rooms(workers):
    one, other = workers
    one.do(one.sio.enter_room(other.client.session, "tea"))
    one.do(one.sio.enter_room(one.client.session, "tea"))
    one.do(one.sio.emit("said", 1, to="tea"))
    other.do(other.sio.emit("said", 2, to=one.client.session))
    other.do(other.sio.emit("said", 3, skip_sid=other.client.session))
    assert (one.heard(), other.heard()) == ([[1], [2], [3]], [[1]])
    one.do(one.sio.leave_room(other.client.session, "tea"))
    one.do(one.sio.emit("said", 4, to="tea"))
    assert (one.heard(), other.heard()) == ([[4]], [])
    other.do(other.sio.close_room("tea"))
    one.do(one.sio.emit("said", 5, to="tea"))
    assert one.heard() == []


def test_who_is_in_several_rooms_is_told_once_wherever_they_are(workers):
    one, other = workers
    for room in ("tea", "milk"):
        one.do(one.sio.enter_room(one.client.session, room))
        one.do(one.sio.enter_room(other.client.session, room))
    other.do(other.sio.leave_room(other.client.session, "tea"))
    for number, speaker in enumerate(workers):
        speaker.do(speaker.sio.emit("said", number, to=["tea", "milk", "tea", one.client.session]))
        speaker.do(speaker.sio.emit("said", "skipped", to=["tea", "milk"], skip_sid=other.client.session))
        speaker.do(speaker.sio.emit("said", "then", to="milk"))
    assert one.heard() == [[0], ["skipped"], ["then"], [1], ["skipped"], ["then"]]
    assert other.heard() == [[0], ["then"], [1], ["then"]]


def test_a_client_of_another_worker_is_called_and_sent_away(workers):
    one, other = workers
    task = one.net.loop.create_task(one.sio.call("sure", "a", to=other.client.session))
    one.net.run(0.1)
    [asked] = other.client.events("call")
    other.client.send("answer", call=asked["call"], data="yes")
    one.net.run(0.1)
    assert task.result() == "yes"
    one.do(one.sio.disconnect(other.client.session))
    assert other.client.closed[0] == 4404
