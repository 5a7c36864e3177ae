"""Calls of the application's handlers."""

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal, passed

SMALL = Settings(max_channels=2, max_name=20, max_data=50, max_info=30, max_waiting=3)


def make(**settings):
    app = Everywire(settings=Settings(**settings) if settings else SMALL)
    app.channel("room:{name}", history=5, presence=True)
    app.channel("plain")
    return app


@pytest.fixture
def net():
    with Net(make()) as net:
        yield net


def refused(code):
    return pytest.raises(Refusal, match=f"^{code} ")


def test_calls():
    app = make()
    app.on_connect(lambda connecting: "ann")

    @app.on("whoami")
    def whoami(member, data):
        return [member.user, data]

    @app.on("later")
    async def later(member, data):
        await passed(1)
        return data

    @app.on("no")
    def no(member, data):
        raise Refused("not today", 199)

    with Net(app) as net:
        client = net.connect()
        assert client.ask("call", name="whoami", data={"x": 1})["data"] == ["ann", {"x": 1}]
        assert client.ask("call", name="whoami")["data"] == ["ann", None]
        waiting = client.send("call", name="later", data=5)
        net.run(2)
        assert client.answer(waiting)["data"] == 5
        with refused(199):
            client.ask("call", name="no")
        with refused(109):
            client.ask("call", name="nothing of the kind")


def test_a_failing_handler_is_our_fault_and_the_session_lives(caplog):
    app = make()
    app.on("fail")(lambda member, data: 1 / 0)
    app.on("unsayable")(lambda member, data: object())
    with Net(app) as net:
        client = net.connect()
        for name in ("fail", "unsayable"):
            with pytest.raises(Refusal, match="100 internal error"):
                client.ask("call", name=name)
        assert client.ask("ping")["type"] == "pong"
    assert "division by zero" in caplog.text
