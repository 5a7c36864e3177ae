"""Declarations that make no sense: each an error where it is written, which names the cure."""

import pytest

from everywire.app import Everywire
from everywire.app.checking import check_function
from everywire.hub.access.identity import Identity
from everywire.servers.jwt import JWT

JWT_HOOK = JWT(key="x" * 32)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"policies": "latest"}, TypeError, r"policies are a list: policies=\['latest'\]"),
        ({"policies": ["lates"]}, ValueError, "no policy 'lates'; did you mean 'latest'?"),
        ({"policies": ["x"]}, ValueError, "no policy 'x'; there are reliable, latest, sample, drop_oldest"),
        ({"policies": []}, ValueError, "nobody could subscribe"),
        ({"policies": ["reliable"], "min_interval": 1}, ValueError, "for the policies latest and sample"),
        ({"policies": ["latest"], "max_size": 1}, ValueError, "for the policy drop_oldest"),
        ({"policies": ["latest"], "wildcards": True}, ValueError, "wildcards come with the policy reliable alone"),
        ({"min_interval": 61}, ValueError, "60 seconds at most"),
        ({"max_size": 0}, ValueError, "room for one publication"),
        ({"ttl": 60}, ValueError, "ttl means nothing without history: history=100 keeps"),
        ({"ttl": 0, "history": 5}, ValueError, "nothing would be kept"),
        ({"ttl": float("nan"), "history": 5}, ValueError, "ttl is a number and not negative"),
        ({"window": -1}, ValueError, "window is a number and not negative"),
        ({"keys": 1.5}, ValueError, "keys is a whole number"),
        ({"entries": 5}, ValueError, "entries means nothing without keyed"),
        ({"entry_ttl": 5}, ValueError, "entry_ttl means nothing without keyed"),
        ({"entries": 0, "keyed": True}, ValueError, "nothing could be set"),
        (
            {"presence": "user"},
            ValueError,
            "presence is True, False, 'sessions' or 'users', not 'user'; did you mean 'users'?",
        ),
        ({"leave_after": 5}, ValueError, "leave_after means nothing without presence: say presence=True"),
        ({"leave_after": -1, "presence": True}, ValueError, "leave_after is a number and not negative"),
        ({"may_presence": True}, ValueError, "may_presence means nothing without presence"),
        ({"keyed": "yes"}, TypeError, "keyed is True or False"),
        ({"wildcards": 1}, TypeError, "wildcards is True or False"),
        ({"may_publish": "admins"}, TypeError, "may_publish is True, False or a function, not 'admins'"),
        ({"may_publish": lambda: True}, TypeError, r"of an `Access`; .* cannot be called with that alone"),
        ({"may_subscribe": Identity}, TypeError, r"Identity is a class: write Identity\(…\)"),
    ],
)
def test_a_kind_of_channels(options, error, words):
    with pytest.raises(error, match=words):
        Everywire().channel("room", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"ttl": float("inf"), "history": 5},
        {"leave_after": 0},
        {"ttl": 60, "history": 0},
        {"entries": 5, "keyed": False},
        {"leave_after": 5, "presence": False},
        {"may_presence": False},
        {"policies": ("latest",), "min_interval": 60},
        {"keyed": True, "entries": 1, "entry_ttl": 0},
        {"may_publish": lambda access, more=1: True},
        {"presence": "users", "may_presence": lambda access: True},
    ],
)
def test_what_makes_sense_is_accepted(options):
    assert Everywire().channel("room", **options).pattern == "room"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("room:*", r"wildcards are for subscribers; declare parameters, as in 'room:\{name\}', and wildcards=True"),
        ("room.>", "wildcards are for subscribers"),
        ("room:{name}:*", "wildcards are for subscribers"),
        ("{a}:{a}", "two parameters have one name"),
        ("old:{other}", r"'old:\{name\}', which comes before, has all these names"),
        ("old:{number:int}", "has all these names"),
    ],
)
def test_a_pattern(pattern, words):
    app = Everywire()
    app.channel("old:{name}")
    with pytest.raises(ValueError, match=words):
        app.channel(pattern)


def test_a_pattern_that_leaves_names_to_the_next():
    app = Everywire()
    for pattern in ("old:{number:int}", "old:{id:uuid}", "old:{name}", "old:lobby", "old:{a}:{b}"):
        app.channel(pattern)
    assert len([*app.hooks.kinds]) == 5


def test_a_pattern_that_is_no_text():
    with pytest.raises(TypeError, match="a channel's pattern is a text"):
        Everywire().channel(5)


def test_personal_channels():
    app = Everywire()
    with pytest.raises(ValueError, match=r"no parameter but {user}"):
        app.personal("inbox:{user}:{box}")
    app.personal("inbox:{user}")
    with pytest.raises(ValueError, match=r"a channel of their own already: 'inbox:{user}'"):
        app.personal("other:{user}")


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("", {}, TypeError, "a handler has a name"),
        ("f", {"timeout": 0}, ValueError, "more than 0 seconds, or None"),
        ("f", {"timeout": -1}, ValueError, "more than 0 seconds, or None"),
        ("f", {"timeout": "5"}, ValueError, "more than 0 seconds, or None"),
        ("f", {"inline": "yes"}, TypeError, "inline is True or False"),
    ],
)
def test_a_handler(name, options, error, words):
    with pytest.raises(error, match=words):
        Everywire().on(name, **options)


def test_who_connects_is_said_once():
    app = Everywire()
    app.on_connect(lambda connecting: None)
    with pytest.raises(ValueError, match=r"@app.on_connect says who connects already: let it ask the other"):
        app.auth = JWT_HOOK
    with pytest.raises(ValueError, match=r"@app.on_connect says who connects already"):
        app.on_connect(lambda connecting: None)
    with pytest.raises(ValueError, match=r"@app.on_connect says who connects already"):
        app.auth = None  # which would let in everybody


def test_who_connects_is_said_once_the_other_way_round():
    app = Everywire()
    app.auth = None
    app.auth = JWT_HOOK
    app.auth = JWT_HOOK  # a setting may be set again
    with pytest.raises(ValueError, match=r"app.auth says who connects already: let one function ask the other"):
        app.on_connect(lambda connecting: None)
    app.auth = None
    app.on_connect(lambda connecting: None)


@pytest.mark.parametrize("hook", ["secret", JWT, lambda: None])
def test_what_cannot_say_who_connects(hook):
    app = Everywire()
    with pytest.raises(TypeError, match=r"app.auth is a JWT, or a function"):
        app.auth = hook
    with pytest.raises(TypeError, match=r"@app.on_connect is for a function"):
        app.on_connect(hook)


def test_hooks_of_who_is_there():
    app = Everywire()
    app.channel("room:{name}", presence=True)
    app.channel("plain")
    with pytest.raises(TypeError, match=r"for a kind of channels: @app.on_join"):
        app.on_join(lambda change: None)
    with pytest.raises(ValueError, match="'plain' does not tell who is there: declare it with presence=True"):
        app.on_leave("plain")
    with pytest.raises(TypeError, match="of a `Change`"):
        app.on_join("room:{name}")(lambda: None)


def test_routes(tmp_path):
    app = Everywire(path="/live")
    with pytest.raises(TypeError, match="a route has a path"):
        app.route(lambda request: None)
    with pytest.raises(TypeError, match="of a `Request`"):
        app.route("/a")(lambda: None)
    for path in ("/live", "/live/sse"):
        with pytest.raises(ValueError, match=r"clients connect to /live and what is below"):
            app.route(path)
    app.route("/lively")(lambda request: None)
    app.static("/files", tmp_path)
    with pytest.raises(ValueError, match="/files/ is taken"):
        app.static("/files/", tmp_path)
    (tmp_path / "page").write_text("x")
    with pytest.raises(NotADirectoryError, match="is no folder"):
        app.static("/page", tmp_path / "page")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        app.static("/nothing", tmp_path / "nothing")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"path": "live"}, ValueError, "path 'live' begins with a slash"),
        ({"path": "/live/"}, ValueError, "does not end with one"),
        ({"path": "/"}, ValueError, "does not end with one"),
        ({"settings": {"linger": 5}}, TypeError, r"settings are a Settings\(…\)"),
        ({"broker": 5}, TypeError, "a broker is a URL, or a function"),
    ],
)
def test_an_application(options, error, words):
    with pytest.raises(error, match=words):
        Everywire(**options)


def test_what_does_not_say_what_it_takes_is_believed():
    check_function("a rule is a function", min, "an `Access`")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"path": "sockjs"}, ValueError, "path 'sockjs' begins with a slash"),
        ({"path": 5}, TypeError, "a path is a text"),
        ({"speaks": "json"}, ValueError, 'is "native" or "text"'),
        ({"response_limit": 0}, ValueError, "response_limit is above 0"),
        ({"response_limit": "1"}, ValueError, "response_limit is a whole number"),
        ({"disconnect_delay": -1.0}, ValueError, "disconnect_delay"),
        ({"websocket": 1}, TypeError, "websocket is True or False"),
        ({"speed": 5}, TypeError, "no option 'speed'"),
        ({"handler": "said"}, ValueError, "the handler 'said' is for strings: speaks=\"text\""),
    ],
)
def test_sockjs(options, error, words):
    with pytest.raises(error, match=words):
        Everywire().sockjs(**options)


def test_plain_websockets():
    with pytest.raises(ValueError, match="begins with a slash"):
        Everywire().websocket("raw")


@pytest.mark.parametrize(
    ("declare", "error", "words"),
    [
        (lambda app: (app.sockjs(), app.sockjs()), ValueError, "SockJS at '/sockjs': SockJS is served there already"),
        (lambda app: (app.signalr("/x"), app.sockjs("/x")), ValueError, "SockJS at '/x': SignalR is served there"),
        (lambda app: (app.sockjs("/x"), app.websocket("/x")), ValueError, "plain WebSocket at '/x': SockJS is served"),
        (lambda app: (app.signalr("/x"), app.signalr("/x/")), ValueError, "SignalR at '/x': SignalR is served there"),
        (lambda app: (app.socketio(), app.socketio("/socket.io/")), ValueError, "Socket.IO is served there already"),
        (
            lambda app: app.websocket("/everywire/raw"),
            ValueError,
            "own clients connect to /everywire and what is below",
        ),
        (lambda app: app.signalr("hub"), ValueError, "app.signalr: a path begins with a slash, 'hub' does not"),
        (lambda app: app.signalr(Everywire), TypeError, "app.signalr: a path is a text and comes first"),
        (lambda app: app.socketio("socket.io"), ValueError, "app.socketio: a path begins with a slash"),
    ],
)
def test_a_path_is_for_clients_of_one_kind(declare, error, words):
    with pytest.raises(error, match=words):
        declare(Everywire())


def test_who_is_served_beside_is_said():
    app = Everywire()
    assert app.beside == ""
    app.signalr("/")
    app.sockjs()
    app.websocket("/raw")
    assert app.beside == "SignalR at /, SockJS at /sockjs, plain WebSocket at /raw"


@pytest.mark.parametrize("name", ["on_connect", "on_connected", "on_disconnected"])
def test_a_hook_with_parentheses_is_told_to_be_without(name):
    with pytest.raises(
        TypeError, match=rf"@app\.{name} is for a function, and has no options: write @app\.{name} without \(\)"
    ):
        getattr(Everywire(), name)()
