"""A token is renewed before it expires. The server is scripted."""

from tests.client.scripts import Script, settle
from tests.client.wires import elapse

from everywire.testing import VirtualLoop


def played(test, token, **welcome):
    async def play():
        script = Script(**welcome)
        async with script.client(token=token) as client:
            await test(script, client)

    with VirtualLoop() as loop:
        loop.run_until_complete(play())


def counted():
    given = []

    async def token():
        given.append(f"t{len(given)}")
        return given[-1]

    return token


def test_it_is_renewed_in_time_again_and_again():
    async def test(script, client):
        await elapse(44)
        assert script.all("refresh") == []
        await elapse(2)
        assert script.last("refresh")["token"] == "t1"
        script.tell(type="refreshed", id=script.last("refresh")["id"], expires=600_000)
        await elapse(500)
        assert len(script.all("refresh")) == 1
        await elapse(80)
        assert script.last("refresh")["token"] == "t2"
        script.tell(type="refreshed", id=script.last("refresh")["id"])
        await elapse(3000)
        assert len(script.all("refresh")) == 2

    # The script sends no pings: this heartbeat takes no notice.
    played(test, counted(), expires=60_000, heartbeat={"every": 1e9, "patience": 0})


def test_what_goes_wrong_is_tried_again_until_it_is_too_late(caplog):
    calls = []

    def token():
        calls.append(1)
        if len(calls) in (2, 3):
            raise ConnectionError("no token today")
        return "t"

    async def test(script, client):
        await elapse(59)
        assert len(script.all("refresh")) == 1
        script.tell(type="error", id=script.last("refresh")["id"], code=101, reason="who?", temporary=False)
        await settle()

    played(test, token, expires=60_000, heartbeat={"every": 1e9, "patience": 0})
    assert "no token today" in caplog.text
    assert "not refreshed: who?" in caplog.text


def test_text_cannot_be_renewed_and_a_lost_connection_renews_nothing():
    async def test(script, client):
        await elapse(100)
        assert script.all("refresh") == []

    played(test, "t", expires=60_000, heartbeat={"every": 1e9, "patience": 0})


def test_an_expired_token_brings_another_connection_with_a_newer_one():
    async def test(script, client):
        script.cut(4402)
        await elapse(5)
        assert [command.get("token") for command in script.all("connect")] == ["t0", "t1"]

    played(test, counted())
