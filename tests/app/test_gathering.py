"""What an application does with many sessions at once."""

import threading

import pytest

from everywire.app import Everywire
from everywire.errors import EverywireError
from everywire.testing import Net


@pytest.fixture
def net():
    app = Everywire()
    app.channel("room:{name}")
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as made:
        yield made


def test_sessions_are_listed(net):
    net.connect(token="ann").subscribe("room:tea")
    net.connect(token="ben")
    run = net.loop.run_until_complete
    assert [each.user for each in run(net.app.sessions()).sessions] == ["ann", "ben"]
    assert [each.user for each in run(net.app.sessions(channels="room:tea")).sessions] == ["ann"]


def test_any_thread_may_ask(net):
    net.connect(token="ann")
    found = []
    thread = threading.Thread(target=lambda: found.append(net.app.sessions()))
    thread.start()
    thread.join()
    net.run(0.1)
    assert [each.user for each in found[0].result(0).sessions] == ["ann"]


def test_before_the_start_nobody_can_be_asked():
    with pytest.raises(EverywireError, match="not running"):
        Everywire().sessions()


def test_what_is_no_choice_is_an_error_at_once(net):
    with pytest.raises(TypeError, match="channel"):
        net.app.sessions(channel="room:tea")


def test_sessions_are_subscribed_called_taken_out_and_sent_away(net):
    ann, ben = net.connect(token="ann"), net.connect(token="ben")
    run = net.loop.run_until_complete
    assert run(net.app.subscribe_all(["room:a", "room:b"], user="ann")).sessions == 1
    work = net.loop.create_task(_called(net.app))
    net.run(0.1)
    ann.send("answer", call=ann.events("call")[0]["call"], data="yes")
    net.run(0.1)
    assert work.result().answers == {ann.session: "yes"}
    assert run(net.app.unsubscribe_all("room:a", "enough", channels="room:b")).sessions == 1
    assert run(net.app.kick_all(channels="room:b", reason="away")).sessions == 1
    assert (ann.closed, ben.closed) == ((4404, "away"), None)


async def _called(app):
    return await app.call_all("ready", channels="room:a", timeout=1)
