"""What an application declares."""

from dataclasses import dataclass

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.testing import Net, Refusal


def test_a_pattern_is_declared_once():
    app = Everywire()
    app.channel("room:{name}")
    with pytest.raises(ValueError, match="already there"):
        app.channel("room:{name}")


def test_a_handler_is_declared_once():
    app = Everywire()
    app.on("f")(lambda member, data: 1)
    with pytest.raises(ValueError, match="already"):
        app.on("f")(lambda member, data: 2)


def test_a_page_is_known(tmp_path):
    app = Everywire()
    app.static("/files", tmp_path)
    assert not app.has_page
    app.route("/")(lambda request: None)
    assert app.has_page


def test_a_handlers_options_are_known():
    app = Everywire()
    app.on("f", concurrent=True, finish=True, timeout=None)(lambda: 1)
    options = app.hooks.handlers["f"].options
    assert (options.concurrent, options.finish, options.timeout, options.inline) == (True, True, None, False)
    app.on("g")(lambda: 1)
    assert app.hooks.handlers["g"].options.timeout == "default"
    with pytest.raises(TypeError, match="no option 'speed'"):
        app.on("h", speed=5)


def test_a_handler_stays_a_function():
    app = Everywire()

    @app.on("f")
    def double(x: int) -> int:
        return 2 * x

    assert double(2) == 4


def test_a_handler_that_was_refused_leaves_its_name_free():
    app = Everywire()
    with pytest.raises(TypeError):
        app.on("f")(lambda **data: 1)
    app.on("f")(lambda data: 1)


@dataclass
class Point:
    x: int


def test_a_channel_carries_what_it_says():
    app = Everywire()
    app.channel("points", data=Point, history=5)
    with Net(app) as net:
        client = net.connect()
        client.subscribe("points")
        client.publish("points", {"x": 1})
        with pytest.raises(Refusal, match=r"107 bad request: Expected `int`, got `str` - at `\$\.x`") as caught:
            client.publish("points", {"x": "1"})
        assert caught.value.data["errors"][0]["path"] == "$.x"
        app.publish("points", Point(2))
        with pytest.raises(Refused, match="missing required field `x`"):
            net.loop.run_until_complete(app.publish("points", {}))
        assert [event["data"] for event in client.events("publication")] == [{"x": 1}, {"x": 2}]


def test_a_channel_of_what_no_data_can_be_is_refused_at_once():
    with pytest.raises(TypeError, match="data cannot be read as"):
        Everywire().channel("points", data=Net)


def test_personal_channels_have_the_user_in_their_pattern():
    app = Everywire()
    kind = app.personal("inbox:{user}", history=5)
    assert (kind.pattern, kind.retention.size, kind.rules["publish"]) == ("inbox:{user}", 5, False)
    with pytest.raises(ValueError, match="user"):
        app.personal("inbox:{name}")


def test_presence_is_counted_in_a_known_way():
    with pytest.raises(ValueError, match="presence"):
        Everywire().channel("room:{name}", presence="everybody")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"histroy": 5}, TypeError, "no option 'histroy'; did you mean 'history'"),
        ({"retention": 5}, TypeError, "no option 'retention'"),
        ({"history": "5"}, ValueError, "history is a whole number"),
        ({"history": 1.5}, ValueError, "history is a whole number"),
        ({"history": True}, ValueError, "history is a whole number"),
        ({"history": -1}, ValueError, "not negative"),
        ({"ttl": None}, ValueError, "ttl is a number"),
    ],
)
def test_an_option_that_makes_no_sense_is_an_error_where_it_is_written(options, error, words):
    with pytest.raises(error, match=words):
        Everywire().channel("room", **options)


def test_a_handler_without_a_name_or_with_an_unknown_option_is_an_error():
    app = Everywire()
    with pytest.raises(TypeError, match="a handler has a name"):
        app.on(lambda: 1)
    with pytest.raises(TypeError, match="handler 'f': no option 'concurent'; did you mean 'concurrent'"):
        app.on("f", concurent=True)


@pytest.mark.parametrize("namespaces", ["/admin", 7, None, ["admin"], [1]])
def test_namespaces_are_several_names_with_a_slash(namespaces):
    with pytest.raises((TypeError, ValueError), match="namespace"):
        Everywire().socketio(namespaces=namespaces)


def test_namespaces_may_be_told_by_a_function():
    Everywire().socketio(namespaces=lambda name: name.startswith("/room-"))


@pytest.mark.parametrize("declare", ["on_connect", "on_connected", "on_disconnected"])
def test_a_hook_of_sessions_is_declared_once(declare):
    app = Everywire()
    getattr(app, declare)(lambda *given: None)
    with pytest.raises(ValueError, match=f"@app.{declare} "):
        getattr(app, declare)(lambda *given: None)


def test_what_is_served_to_clients_of_signalr_is_known_at_once():
    app = Everywire()
    app.signalr("/hub", transports=["WebSockets"], stateful=False, max_payload=1_000)
    with pytest.raises(ValueError, match="LongPolling"):
        app.signalr(transports=["polling"])
    with pytest.raises(TypeError, match="no option 'speed'"):
        app.signalr(speed=5)


@pytest.mark.parametrize(("name", "warned"), [("said", False), ("siad", True), ("message", False)])
def test_a_handler_of_plain_texts_that_is_not_there_is_warned_of(caplog, name, warned):
    app = Everywire()
    app.sockjs("/chat", speaks="text", handler=name)
    app.websocket("/raw", handler=name)
    app.on("said")(lambda data: None)
    with Net(app):
        for path in ("/chat", "/raw"):
            assert (f"clients at {path} say is refused: there is no handler @app.on({name!r})" in caplog.text) is warned


async def test_which_paths_are_an_applications_own(tmp_path):
    app = Everywire(path="/rt")
    app.socketio()
    app.static("/files", tmp_path)

    @app.route("/page")
    async def page(request):
        raise AssertionError

    app.start()
    own = ("/rt", "/rt/", "/rt/sse", "/socket.io/", "/socket.io", "/page", "/files/a.js")
    others = ("/", "/rt2", "/page/", "/socket.iox", "/files", "/healthz", "")
    assert [path for path in (*own, *others) if app.has(path)] == [*own]
    await app.stop()
