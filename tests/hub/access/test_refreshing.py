"""A newer token keeps a session; an older one ends with its time."""

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, Refusal, passed


def make(hook=None, **settings):
    app = Everywire(settings=Settings(linger=50, heartbeat=Heartbeat(1e6, 10), **settings))
    app.channel("room:{name}", history=5)

    @app.on_connect
    def who(connecting):
        if connecting.token is None:
            raise Refused("say who you are", 101)
        user, seconds, *channels = connecting.token.split()
        capabilities = {name: ["subscribe"] for name in channels} or None
        return Identity(user, connecting.time + float(seconds), capabilities=capabilities)

    return app


def refused(code):
    return pytest.raises(Refusal, match=f"^{code} ")


def test_a_session_ends_with_its_token_and_the_grace():
    with Net(make()) as net:
        ann = net.client()
        assert ann.connect(token="ann 60")["expires"] == 60_000
        net.run(89)
        assert ann.closed is None
        net.run(2)
        assert ann.closed == (4402, "the token expired")
        with refused(101):
            net.connect(resume=ann.resume)
        assert net.connect(resume=ann.resume, token="ann 60").resumed


def test_a_refreshed_session_goes_on():
    with Net(make()) as net:
        ann = net.connect(token="ann 60")
        net.run(50)
        assert ann.ask("refresh", token="ann 60") == {"type": "refreshed", "id": 2, "expires": 60_000}
        net.run(80)
        assert ann.closed is None
        net.run(11)
        assert ann.closed == (4402, "the token expired")


def test_a_refresh_with_another_users_token_changes_nothing():
    with Net(make()) as net:
        ann = net.connect(token="ann 60")
        with refused(101):
            ann.ask("refresh", token="ben 600")
        net.run(91)
        assert ann.closed == (4402, "the token expired")


def test_a_refresh_that_is_turned_away_keeps_the_old_time():
    app = make()
    with Net(app) as net:
        ann = net.connect(token="ann 60")
        app.hooks.connect = lambda connecting: (_ for _ in ()).throw(Refused("no more", 103))
        with refused(103):
            ann.ask("refresh", token="x")
        assert ann.closed is None
        net.run(91)
        assert ann.closed == (4402, "the token expired")


def test_the_hook_is_told_who_refreshes():
    app, told = make(), []
    with Net(app) as net:
        ann = net.connect(token="ann 60")
        app.hooks.connect = lambda connecting: told.append(connecting.member) or "ann"
        assert "expires" not in ann.ask("refresh", token="x")
        assert [member.session for member in told] == [ann.session]
        net.run(1000)
        assert ann.closed is None


def test_a_resume_with_a_newer_token_refreshes_too():
    with Net(make()) as net:
        ann = net.connect(token="ann 60")
        ann.drop()
        net.run(30)
        back = net.connect(resume=ann.resume, token="ann 60")
        assert back.resumed
        net.run(85)
        assert back.closed is None


def test_a_resume_without_a_token_keeps_the_old_time():
    with Net(make()) as net:
        ann = net.connect(token="ann 60")
        ann.drop()
        net.run(30)
        back = net.client()
        assert back.connect(resume=ann.resume)["expires"] == pytest.approx(30_000, abs=10)
        assert back.resumed
        net.run(61)
        assert back.closed == (4402, "the token expired")


def test_what_a_newer_token_does_not_allow_ends():
    with Net(make()) as net:
        ann = net.connect(token="ann 60 room:*")
        ann.subscribe("room:1")
        ann.subscribe("room:2")
        ann.ask("refresh", token="ann 60 room:1")
        assert ann.events("unsubscribed") == [
            {"type": "unsubscribed", "channel": "room:2", "reason": "the newer token does not allow it"}
        ]
        with refused(103):
            ann.subscribe("room:2")


def test_without_a_hook_tokens_mean_nothing():
    with Net(Everywire()) as net:
        with refused(107):
            net.connect().ask("refresh", token="x")


def test_a_token_is_bounded():
    with Net(make(max_token=20)) as net:
        ann = net.connect(token="ann 60")
        with refused(101):
            ann.ask("refresh", token="ann 60 " + "x" * 20)


def test_a_session_may_go_while_the_hook_thinks():
    app = make()
    with Net(app) as net:
        ann = net.connect(token="ann 60")

        async def slow(connecting):
            await passed(1)
            return "ann"

        app.hooks.connect = slow

        ann.send("refresh", token="x")
        ann.drop()
        net.run(2)
        (session,) = app.hub.sessions.values()
        assert session.identity.expires is not None


def test_a_refresh_does_not_wait_for_a_call_that_takes_long():
    app = make()

    @app.on("slow")
    async def slow():
        await app.hub.world.promise()

    with Net(app) as net:
        ann = net.connect(token="ann 60")
        ann.send("call", name="slow")
        net.run()
        assert ann.ask("refresh", token="ann 600")["expires"] == 600_000


def test_one_newer_token_is_looked_at_at_a_time():
    app = make()
    asked = []

    async def who(connecting):
        if connecting.member is not None:
            asked.append(app.hub.world.promise())
            await asked[-1]
        return Identity("ann", connecting.time + 60)

    app.hooks.connect = who

    with Net(app) as net:
        ann = net.client()
        said = ann.send("connect", token="ann")
        net.run()
        ann.connected(ann.answer(said))
        first = ann.send("refresh", token="a")
        net.run()
        with refused(108):
            ann.ask("refresh", token="b")
        [waits] = asked
        waits.set_result(None)
        net.run()
        assert ann.answer(first)["type"] == "refreshed"
        ann.send("refresh", token="c")
        net.run()
        assert len(asked) == 2
        ann.drop()
        asked[1].set_result(None)
        net.run()
        assert net.app.hub.attachments == {}


def test_what_the_server_subscribed_to_stays_unless_the_newer_token_leaves_it_out():
    app = make()
    app.personal()

    def who(connecting):
        channels = tuple(connecting.token.split())
        return Identity("ann", connecting.time + 60, capabilities={"none": ["subscribe"]}, channels=channels)

    app.hooks.connect = who

    with Net(app) as net:
        ann = net.connect(token="room:a room:b")
        ann.events()
        ann.ask("refresh", token="room:b room:c")
        assert [(event["type"], event["channel"]) for event in ann.events()] == [("unsubscribed", "room:a")]
        [session] = net.app.hub.sessions.values()
        assert "user:ann" in session.subscriptions or len(session.subscriptions) == 2
