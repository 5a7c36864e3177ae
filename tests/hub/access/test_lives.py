"""An application learns of sessions that begin, and of those that are over."""

import logging

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net


def make():
    app, seen = Everywire(settings=Settings(linger=5.0)), []

    @app.on_connected
    async def connected(caller, connecting):
        seen.append(("connected", caller.session == connecting.session, caller.connected))
        assert caller.connected
        caller.tell("welcome", 1)

    @app.on_disconnected
    def disconnected(caller):
        seen.append(("disconnected", caller.user, caller.connected))

    return app, seen


def test_one_that_begins_is_told_before_its_client_says_more():
    app, seen = make()
    with Net(app) as net:
        client = net.connect()
        net.run()
        assert seen == [("connected", True, True)]
        client.drop(1000)
        net.run()
        assert seen[1:] == [("disconnected", None, False)]


def test_one_that_is_continued_neither_begins_nor_ends():
    app, seen = make()
    with Net(app) as net:
        client = net.client()
        resume = client.connect()["resume"]
        net.run()
        client.drop()
        net.run()
        net.connect(resume=resume)
        net.run(20.0)
        assert seen == [("connected", True, True)]


def test_one_that_does_not_come_back_is_over():
    app, seen = make()
    with Net(app) as net:
        net.connect().drop()
        net.run(4.0)
        assert len(seen) == 1
        net.run(2.0)
        assert seen[1:] == [("disconnected", None, False)]


@pytest.mark.parametrize("hook", ["on_connected", "on_disconnected"])
def test_a_hook_that_fails_harms_nobody(hook, caplog):
    app = Everywire()

    def fail(*_):
        raise RuntimeError("a mistake")

    getattr(app, hook)(fail if hook == "on_connected" else lambda caller: fail())
    with Net(app) as net, caplog.at_level(logging.ERROR):
        client = net.connect()
        net.run()
        client.drop(1000)
        net.run()
    assert "a mistake" in caplog.text
