"""The application says who comes and who goes."""

import jwt
import pytest

import everywire
from everywire.app import Everywire
from everywire.errors import EverywireError
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal

SECRET = "s" * 32


def token(net, **claims):
    now = net.app.hub.world.wall() / 1000
    return jwt.encode({"sub": "ann", "exp": now + 100, "iat": now - 1} | claims, SECRET, "HS256")


@pytest.fixture
def net():
    app = Everywire(settings=Settings(linger=5))
    app.channel("room:{name}", history=5)
    app.auth = everywire.JWT(key=SECRET)
    with Net(app) as net:
        yield net


def done(net, work):
    net.loop.run_until_complete(work)
    net.run(0.1)


def test_a_token_lets_in_and_says_what_may_be_done(net):
    client = net.client()
    answer = client.connect(token=token(net, caps={"room:*": ["subscribe"]}))
    assert (answer["user"], answer["expires"]) == ("ann", 100_000)
    client.subscribe("room:1")
    with pytest.raises(Refusal, match="103"):
        client.publish("room:1", 1)


def test_without_a_token_nobody_comes_in(net):
    client = net.client()
    with pytest.raises(Refusal, match="101 a token is needed"):
        client.connect()
    assert client.closed == (4401, "a token is needed")


def test_a_user_is_kicked(net):
    client = net.connect(token=token(net))
    done(net, net.app.kick("ann", reason="bye"))
    assert client.closed == (4404, "bye")
    assert net.connect(token=token(net)).session  # a kick is no ban


def test_a_session_is_kicked(net):
    one, other = net.connect(token=token(net)), net.connect(token=token(net))
    done(net, net.app.kick(session=one.session, code=4000))
    assert (one.closed, other.closed) == ((4000, ""), None)


def test_a_user_is_unsubscribed(net):
    client = net.connect(token=token(net))
    client.subscribe("room:1")
    done(net, net.app.unsubscribe("ann", "room:1", "enough"))
    assert client.events("unsubscribed") == [{"type": "unsubscribed", "channel": "room:1", "reason": "enough"}]


def test_a_user_is_revoked(net):
    client = net.connect(token=token(net))
    done(net, net.app.revoke("ann"))
    assert client.closed == (4401, "the token was revoked")
    with pytest.raises(Refusal, match="revoked"):
        net.connect(token=token(net, iat=net.app.hub.world.wall() / 1000 - 5))


def test_a_token_is_revoked(net):
    client, other = net.connect(token=token(net, jti="a")), net.connect(token=token(net, jti="b"))
    done(net, net.app.revoke(token="a", lasting=10))
    assert client.closed == (4401, "the token was revoked")
    assert other.closed is None


def test_there_is_nobody_to_send_away_before_the_start():
    with pytest.raises(EverywireError, match="not running"):
        Everywire().kick("ann")


def test_what_says_who_connects_can_be_asked_for(net):
    assert isinstance(net.app.auth, everywire.JWT)
    assert Everywire().auth is None
