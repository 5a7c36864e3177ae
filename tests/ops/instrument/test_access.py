"""Who is let in to look."""

import pytest
from tests.ops.instrument.city import KEY, LOGIN, City

from everywire.hub.access.rates import Rate
from everywire.hub.settings import Settings
from everywire.ops.instrument import by_key, by_login

INVALID = {"message": "invalid credentials", "data": {"code": 101}}


@pytest.mark.parametrize("auth", [LOGIN, {"username": "anybody", "password": KEY}, {"password": KEY}, {"token": KEY}])
def test_who_shows_the_key(auth):
    with City() as city:
        assert city.look(auth=auth).sid is not None


@pytest.mark.parametrize(
    "auth",
    [
        None,
        {},
        {"username": "admin", "password": ""},
        {"username": KEY, "password": "wrong"},
        {"password": KEY[:-1]},
        {"password": KEY + "\u0000"},
        {"password": [KEY]},
        {"password": None, "token": None},
        {"sessionId": KEY},
        {"sessionId": ""},
        {"sessionId": {"$ne": 1}},
    ],
)
def test_who_does_not(auth):
    with City() as city:
        ui = city.look(auth=auth)
        assert (ui.sid, ui.refused) == (None, INVALID)
        assert ui.events("all_sockets") == []
        assert city.watcher() is None


def test_a_session_is_begun_again_on_any_node_for_its_time():
    with City(2, session_ttl=60.0) as city:
        [[session]] = city.look(0).events("session")
        assert city.look(1, auth={"sessionId": session}).sid is not None
        tampered = session[:-1] + ("A" if session[-1] != "A" else "B")
        assert city.look(1, auth={"sessionId": tampered}).refused == INVALID
        city.run(60)
        assert city.look(1, auth={"sessionId": session}).refused == INVALID


def test_another_key_ends_sessions():
    with City() as city:
        [[session]] = city.look().events("session")

    with City() as city:
        assert city.look(auth={"sessionId": session}).sid is not None
    with City(key="another key of it") as city:
        assert city.look(auth={"sessionId": session}).refused == INVALID


def test_a_session_of_the_application_is_none_of_a_ui():
    with City() as city:
        hub = city.nets[0].app.hub
        secret = hub.continuing.secret(hub.sessions[city.come().sid])
        assert city.look(auth={"sessionId": secret}).refused == INVALID


def test_guesses_are_limited_whatever_comes_next():
    with City(settings=Settings(guesses=Rate(1 / 60, 3))) as city:
        city.nets[0].app.hub.limiting.address = lambda request: request.headers.get("x-forwarded-for")
        for _ in range(3):
            assert city.look(auth={"password": "guess"}, address="192.0.2.1").refused == INVALID
        late = city.look(address="192.0.2.1")
        assert late.refused["message"] == "too many attempts from this address: come back in a minute"
        assert late.transport.closed[0] == 1013
        assert city.look(address="192.0.2.2").sid is not None
        city.run(60)
        assert city.look(address="192.0.2.1").sid is not None


def test_checks_by_key():
    assert by_key(["a" * 16, "b" * 16])({"password": "b" * 16})
    assert not by_key(["a" * 16])({"password": "\ud800"})
    with pytest.raises(ValueError, match="no key"):
        by_key([])


def test_checks_by_login():
    check = by_login([{"username": "a", "password": "b"}, {"code": "c"}])
    assert check({"username": "a", "password": "b", "more": 1})
    assert check({"code": "c"})
    assert not check({"username": "a"})
    assert not check({"username": "a", "password": "c"})
    for logins in ([], [{}], [{"username": "a", "password": ""}], [{"password": 1}]):
        with pytest.raises(ValueError):
            by_login(logins)
