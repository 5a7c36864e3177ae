"""An application learns of sessions that begin, and of those that are over."""

import logging

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal


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


def let_in(**options):
    """An application that notes whom its connect hook let in, and who of them was missed."""
    app, seen = Everywire(settings=Settings(**options)), []

    @app.on_connect
    async def who(connecting):
        seen.append(("let in", connecting.session))
        return connecting.token

    def missed(connecting):
        seen.append(("missed", connecting.session))

    app.hooks.missed = missed
    return app, seen


def test_who_went_while_the_hook_was_at_work_is_missed():
    app, seen = let_in()
    with Net(app) as net:
        client = net.client()
        client.send("connect")
        client.line.lost(1006)
        net.run()
        assert [what for what, _ in seen] == ["let in", "missed"]
        assert seen[0][1] == seen[1][1]


def test_who_goes_on_with_an_earlier_session_or_is_one_too_many_is_missed():
    app, seen = let_in(max_user_sessions=1)
    with Net(app) as net:
        client = net.client()
        client.send("connect", token="ada")
        net.run()
        (welcome,) = client.events("connected")
        assert [what for what, _ in seen] == ["let in"]
        more = net.client()
        more.send("connect", token="ada")
        net.run()
        assert [what for what, _ in seen] == ["let in", "let in", "missed"]
        client.drop()
        back = net.client()
        back.send("connect", token="ada", resume=welcome["resume"])
        net.run()
        assert back.events("connected")[0]["session"] == welcome["session"]
        assert seen[3:] == [("let in", seen[3][1]), ("missed", seen[3][1])]


def test_nobody_is_missed_whom_the_hook_turned_away():
    app, seen = let_in()
    app.hooks.connect = None

    @app.on_connect
    def no(connecting):
        raise Refused("not you", data={"why": "so"})

    app.hooks.missed = seen.append
    with Net(app) as net:
        with pytest.raises(Refusal) as refused:
            net.connect()
        assert refused.value.data == {"why": "so"}
    assert seen == []


@pytest.mark.parametrize("code", [1000, 1001, 4408])
def test_the_code_that_the_connection_was_lost_with_is_known(code):
    app, lost = Everywire(settings=Settings(linger=0.0)), []
    app.on_disconnected(lambda caller: lost.append(caller.lost))
    app.on_connected(lambda caller, connecting: lost.append(caller.lost))
    with Net(app) as net:
        net.connect().drop(code)
        net.run()
    assert lost == [None, code]


@pytest.mark.parametrize("lasting", [True, False])
def test_one_that_is_sent_away_is_over_once(lasting):
    app, seen = make()
    with Net(app) as net:
        net.connect()
        (session,) = app.hub.sessions.values()
        session.lasting = lasting
        net.loop.run_until_complete(app.kick(session=session.id))
        net.run(20.0)
        assert seen[1:] == [("disconnected", None, False)]
        assert app.hub.sessions == {}


def test_a_client_that_leaves_by_itself_is_known_to_have_done_so():
    app, lost = Everywire(), []
    app.on_disconnected(lambda caller: lost.append(caller.lost))
    with Net(app) as net:
        net.connect().send("leave")
        net.run()
    assert lost == [1000]
